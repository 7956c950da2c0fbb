"""A site with a role gate, as a Starlette application has it: PyJWT, `FileResponse`, uvicorn.

usage: gate.py SITE PORT; in the environment ROLE_PATH, and JWT_SECRET, or JWT_PUBLIC_KEY (a PEM file) or JWT_KEY_SET (a JWKS file)
with JWT_ALGORITHMS.
"""
import os, posixpath, re, sys
from pathlib import Path
from urllib.parse import quote

import jwt
import uvicorn
from starlette.applications import Starlette
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse
from starlette.routing import Route

sys.path.insert(0, str(Path(__file__).parent.parent))
import rules

site, port = Path(sys.argv[1]), int(sys.argv[2])
setting = os.environ.get
pem, key_set = setting("JWT_PUBLIC_KEY"), setting("JWT_KEY_SET")
# A key of a set says itself what it is for.
default = None if key_set else "RS256,ES256,ES384,EdDSA" if pem else "HS256"
algorithms = setting("JWT_ALGORITHMS", default)
algorithms = algorithms and algorithms.split(",")
claim = os.environ["ROLE_PATH"]
# Names parted by dots, or a JSON Pointer.
CLAIM = [name.replace("~1", "/").replace("~0", "~") for name in claim[1:].split("/")] if claim[0] == "/" else claim.split(".")
keys = jwt.PyJWKSet.from_json(Path(key_set).read_text()) if key_set else None
HIDDEN = re.compile(r"\0|(^|/)\.|^/(_redirects|_headers|netlify\.toml)$")

def compiled():
    for rule in rules.read(site):
        regex, to = rule.pattern()
        yield re.compile(regex, re.DOTALL), to, rule


table = list(compiled())

def roles_of(token):
    """The roles in a valid token; None for a visitor without one."""
    try:
        if keys:
            key = keys[jwt.get_unverified_header(token)["kid"]]
        else:
            key = Path(pem).read_bytes() if pem else setting("JWT_SECRET")
        expected = {"audience": setting("JWT_AUDIENCE"), "issuer": setting("JWT_ISSUER")}
        options = {"require": ["exp"], "verify_aud": expected["audience"] is not None}
        value = jwt.decode(token, key, algorithms=algorithms, options=options, **expected)
        for name in CLAIM:
            value = value[name]
        return value if isinstance(value, list) else []
    except jwt.InvalidTokenError:
        return None
    except (KeyError, TypeError):
        return []

def file_of(path):
    """The file below the site that a decoded path means, by its short spellings too."""
    plain = posixpath.normpath("/" + path.lstrip("/")) + ("/" if path.endswith("/") else "")
    if HIDDEN.search(plain):
        return None
    bare = plain.rstrip("/")
    names = [site / name.lstrip("/") for name in (plain, bare + ".html", bare + "/index.html")]
    return next((name for name in names if not str(name).endswith("/") and name.is_file()), None)

def show(file, status):
    file, status = (file, status) if file else (file_of("/404"), 404)
    fields = {"Cache-Control": "private, no-store"}
    return FileResponse(file, status, fields) if file else PlainTextResponse("Not found", status, fields)

def answer(request):
    path = request.scope["path"]                 # decoded by uvicorn
    roles, denied, own = roles_of(request.cookies.get("nf_jwt", "")), False, file_of(path)
    for pattern, to, rule in table:
        match = pattern.search(path)
        if not match:
            continue
        if rule.roles:
            denied = roles is None or not (rule.roles == ["*"] or any(role in roles for role in rule.roles))
            if denied:
                continue
        if own and not rule.force and not denied:
            break
        for number, value in enumerate(match.groups(default=""), 1):
            to = to.replace(f"\\{number}", value)
        if 300 <= rule.status < 400:
            if to == path:
                continue                         # a redirect to the request itself
            query = "" if "?" in to or not request.url.query else f"?{request.url.query}"
            return RedirectResponse(quote(to, safe="/:?#&=%") + query, rule.status, {"Cache-Control": "private, no-store"})
        file = file_of(to)
        return show(None if denied and file == own else file, rule.status)
    return show(None if denied else own, 200)

app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "HEAD"])])
uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", server_header=False)
