#!/usr/bin/env python3
"""Writes `_redirects` as an HAProxy configuration with `jwt_verify`, and starts HAProxy on it.

usage: translate.py SITE PORT WORK; JWT_SECRET and ROLE_PATH in the environment.
HAProxy decides and sends the files itself (`http-request return`). A line that cannot be written so is left out aloud.
"""
import os, re, sys
from pathlib import Path
from urllib.parse import unquote

sys.path.insert(0, str(Path(__file__).parent.parent))
import rules

site, port, work = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
secret, claim = os.environ["JWT_SECRET"], os.environ["ROLE_PATH"]
if claim.startswith("/"):
    sys.exit(print("a role path that is a JSON Pointer cannot be written here", file=sys.stderr) or 77)
LOOKED_AT = range(8)  # roles of a token: `jwt_payload_query` gives single values, no lists

def word(text):
    """A word of the configuration that is taken as it stands."""
    return "'" + text.replace("'", "'\\''") + "'"

def argument(text):
    """An argument of a converter, inside such a word."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

def can_be_written(rule):
    plain = not re.search(r"[\x00-\x1f\x7f'\"]", " ".join([rule.source, rule.to, *(rule.roles or [])]))
    return plain and rule.status >= 200 and not (300 <= rule.status < 400 and rule.status not in (301, 302, 303, 307, 308))

# Every spelling of every file that is served.
spellings = {}
for file in sorted(f"/{file.relative_to(site)}" for file in site.rglob("*") if file.is_file() and file.stat().st_size < 60_000):
    if not re.search(r"\s|/\.|^/(_redirects|_headers|netlify\.toml)$", file):
        for name in (file, file.removesuffix(".html"), file.removesuffix("index.html"), file.removesuffix("/index.html")):
            spellings.setdefault(name, file)
(work / "files.map").write_text("".join(f"{name} {file}\n" for name, file in spellings.items() if name))
look_up = f"map_str({work}/files.map)"

token = "var(txn.token),jwt_payload_query"
lines = [
    "acl done var(txn.done) -m found",           # a rule has decided
    "acl denied var(txn.denied) -m found",       # the last role rule has turned the visitor away
    "acl own var(txn.own) -m found",             # there is a file at the path
    "http-request deny deny_status 405 unless { method GET HEAD }",
    "http-request set-var(txn.path) path,url_dec",
    f"http-request set-var(txn.own) var(txn.path),{look_up}",
    "http-request set-var-fmt(txn.query) ?%[query] if { query -m found }",
    "http-request set-var(txn.token) req.cook(nf_jwt)",
    "http-request set-var(txn.now) date()",
    """http-request set-var(txn.alg) 'var(txn.token),jwt_header_query("$.alg")'""",
    "http-request set-var(txn.signed) " + word(f'var(txn.token),jwt_verify("HS256",{argument(secret)})'),
    f"""http-request set-var(txn.left) '{token}("$.exp","int"),sub(txn.now)'""",
    f"""http-request set-var(txn.wait) '{token}("$.nbf","int"),sub(txn.now)'""",
    "http-request unset-var(txn.token) unless { var(txn.alg) -m str HS256 } { var(txn.signed) -m int 1 } { var(txn.left) -m int gt 0 }",
    "http-request unset-var(txn.token) if { var(txn.wait) -m int gt 0 }",
]
lines += [f"http-request set-var(txn.role{at}) " + word(f"{token}({argument(f'$.{claim}[{at}]')})") for at in LOOKED_AT]
statuses = {200}
for number, rule in enumerate(rules.read(site, can_be_written)):
    (regex, to), status, roles = rule.pattern(), rule.status, rule.roles
    lines.append(f"acl rule_{number} var(txn.path) -m reg {word(regex)}")
    when = f"if !done rule_{number}"
    if roles:
        found = lambda at: f"acl role_{number} var(txn.role{at}) -m str -- {' '.join(map(word, roles))}"
        lines += [f"acl role_{number} var(txn.token) -m found"] if roles == ["*"] else [found(at) for at in LOOKED_AT]
        lines += [f"http-request set-var(txn.denied) bool(true) {when} !role_{number}"]
        when += f" role_{number}"
        lines += [f"http-request unset-var(txn.denied) {when}"]
    if not rule.force:
        lines += [f"http-request set-var(txn.done) bool(true) {when} own !denied"]
    target = f"regsub({argument(regex)},{argument(to if 300 <= status < 400 else unquote(to))})"
    if 300 <= status < 400:                      # from the path as it was sent, so that nothing decoded gets into a field
        captured = f"%[path,{target}]" if "\\" in to else to.replace("%", "%%")
        itself = "" if "\\" in to else f" !{{ path {word(to)} }}"
        query = "" if "?" in to else "%[var(txn.query)]"
        lines.append(f"http-request redirect location {word(captured + query)} code {status} {when}{itself}")
        continue
    statuses.add(status)
    lines += [
        f"http-request set-var(txn.show) {word(f'var(txn.path),{target},{look_up}')} {when}",
        f"http-request unset-var(txn.show) {when} denied {{ var(txn.show),strcmp(txn.own) eq 0 }}",
        f"http-request set-var(txn.status) int({status}) {when}",
        f"http-request set-var(txn.done) bool(true) {when}",
    ]
lines += [
    "http-request set-var(txn.show) var(txn.own) unless { var(txn.status) -m found } or denied",
    "http-request set-var(txn.status) int(200) unless { var(txn.status) -m found }",
]
for file in sorted(set(spellings.values())):
    kind = "text/html" if file.endswith(".html") else "application/octet-stream"
    for status in statuses:
        which = f"{{ var(txn.show) -m str {word(file)} }} {{ var(txn.status) -m int {status} }}"
        lines.append(f"http-request return status {status} content-type {kind} file {word(f'{site}{file}')} if {which}")
missing = f"text/html file {site}/404.html" if "/404.html" in spellings else "text/plain string 'Not found'"
lines += [f"http-request return status 404 content-type {missing}", 'http-after-response set-header Cache-Control "private, no-store"']
head = "global\n  tune.bufsize 65536\ndefaults\n  mode http\n  timeout client 10s\n  timeout server 10s\n  timeout connect 5s\n"
(work / "haproxy.cfg").write_text(head + f"frontend site\n  bind 127.0.0.1:{port}\n" + "".join(f"  {line}\n" for line in lines))
os.execvp("haproxy", ["haproxy", "-db", "-f", str(work / "haproxy.cfg")])
