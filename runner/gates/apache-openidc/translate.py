#!/usr/bin/env python3
"""Writes `_redirects` as an Apache configuration with mod_auth_openidc as OAuth 2.0 resource server, and starts Apache on it.

usage: translate.py SITE PORT WORK; JWT_SECRET and ROLE_PATH in the environment.
Gates become `<LocationMatch>` with `Require claim`, other rules `RewriteRule`. A line that cannot be written so is left out aloud.
"""
import os, re, sys
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote

sys.path.insert(0, str(Path(__file__).parent.parent))
import rules

site, port, work = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
secret, claim = os.environ["JWT_SECRET"], os.environ["ROLE_PATH"]
if claim.startswith("/"):
    sys.exit(print("a role path that is a JSON Pointer cannot be written here", file=sys.stderr) or 77)
MODULES = "mpm_event authn_core authz_core authz_user dir mime rewrite headers auth_openidc".split()

def quoted(text):
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'

def can_be_written(rule):
    known = {int(status) for status in HTTPStatus if status >= 200}
    return rule.status in known and not re.search(r"[\x00-\x1f\x7f'\"$]", " ".join([rule.source, rule.to, *(rule.roles or [])]))

rewrites, sections, denials, gates = [], [], [], {}
for rule in rules.read(site, can_be_written):
    (source, to, status, force, roles), (regex, target) = rule, rule.pattern("$")
    if roles:
        if source in gates:
            gates[source]["roles"] += roles      # one that passes is enough
        else:
            gates[source] = {"roles": roles, "denial": None}
            sections.append((rule.pattern("$", r"\.html")[0], gates[source]))
    elif source in gates:
        gates[source]["denial"] = gates[source]["denial"] or (to, status)
    else:
        sections.append((regex, None))
        # Where the file is there, an unforced rule does not act; one that leads to the request itself never does.
        rewrites += [] if force else ['RewriteCond "%{DOCUMENT_ROOT}%{REQUEST_URI}" !-f', 'RewriteCond "%{DOCUMENT_ROOT}%{REQUEST_URI}.html" !-f']
        flags = "PT,L" if status == 200 else f"R={status},NE,L" if 300 <= status < 400 else f"R={status},L"
        target = unquote(target) if status == 200 else target.replace("%", "\\%")
        if status >= 400:
            rewrites.append(f'RewriteRule "{regex}" "-" [{flags}]')
        elif target != source.rstrip("/"):
            rewrites += [f'RewriteCond "%{{REQUEST_URI}}" "!={target}"', f'RewriteRule "{regex}" "{target}" [{flags}]']

def section(regex, gate):
    if gate is None:
        return f'<LocationMatch "{regex}">\n  AuthType None\n  Require all granted\n</LocationMatch>'
    wanted = ["valid-user" if role == "*" else "claim " + quoted(f"{claim}:{role}") for role in gate["roles"]]
    lines = ["AuthType oauth20", "<RequireAny>", *[f"Require {one}" for one in wanted], "</RequireAny>"]
    to, status = gate["denial"] or ("/404.html", 404)
    if 300 <= status < 400:                      # an error document at another place cannot stand for a 401, a rewritten one can
        escaped = to.replace("%", "\\%")
        denials.append(f'RewriteRule "^/\\.denied/{len(denials)}$" "{escaped}" [R={status},NE,L]')
        to = f"/.denied/{len(denials) - 1}"
    lines += [f"ErrorDocument {code} {to}" for code in (401, 403)]
    return "\n  ".join([f'<LocationMatch "{regex}">', *lines]) + "\n</LocationMatch>"

later_sections_win = [section(*one) for one in reversed(sections)]
config = [f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in MODULES]
config += [
    f"ServerRoot {work}", f"PidFile {work}/pid", f"DefaultRuntimeDir {work}", f"Listen 127.0.0.1:{port}", "ServerName 127.0.0.1",
    "ErrorLog /dev/stderr", "LogLevel error", "TypesConfig /etc/mime.types", "ServerTokens Prod", "FileETag None",
    f"DocumentRoot {site}", "DirectoryIndex index.html", "DirectorySlash Off", "ErrorDocument 404 /404.html",
    f"<Directory {site}>\n  Require all granted\n</Directory>",
    r'<FilesMatch "^(\.|_redirects$|_headers$|netlify\.toml$)">' + "\n  Require all denied\n</FilesMatch>",
    f"OIDCOAuthVerifySharedKeys {quoted('plain##' + secret)}", "OIDCOAuthAcceptTokenAs cookie:nf_jwt", "OIDCCryptoPassphrase not-used",
    'Header always set Cache-Control "private, no-store"',
    "RewriteEngine On", *denials, *rewrites,
    'RewriteCond "%{DOCUMENT_ROOT}%{REQUEST_URI}.html" -f', 'RewriteRule "^(.*[^/])$" "$1.html" [PT,L]', *later_sections_win,
]
(work / "httpd.conf").write_text("\n".join(config) + "\n")
os.execvp("/usr/sbin/apache2", ["apache2", "-DFOREGROUND", "-f", str(work / "httpd.conf")])
