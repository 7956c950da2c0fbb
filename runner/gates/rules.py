"""What the gates of Python in this folder share: the lines of `_redirects`.

It reads paths, targets, statuses and `Role=`; a line with anything else is left out aloud.
"""
import re, sys
from typing import NamedTuple
from urllib.parse import unquote


class Rule(NamedTuple):
    source: str
    to: str
    status: int
    force: bool
    roles: list | None

    def pattern(self, group="\\", ending=""):
        """The regular expression of the path, and the destination by the numbers of its groups; `ending` may follow the path's own text."""
        path = self.source.rstrip("/").removesuffix("/*")
        names = re.findall(r"/:(\w+)", path)
        regex = re.sub(r"/:\w+", "/([^/]+)", re.sub(r"([.+*?^${}()|\[\]\\])", r"\\\1", path))
        if self.source.endswith("/*"):
            regex, names = f"{regex}(?:{ending and ending + '|'}/(.*))?", [*names, "splat"]
        elif ending:
            regex += f"(?:{ending})?"
        to = self.to
        for number, name in enumerate(names, 1):
            to = to.replace(f":{name}", f"{group}{number}")
        return f"^{regex}/?$", to


def read(site, takes=lambda rule: True):
    """The rules of a site, in written order, but for those that the gate does not take."""
    for line in (site / "_redirects").read_text("utf-8-sig", "replace").split("\n"):
        source, *rest = re.split(r"\s#|^#", line)[0].split() or [None]
        if source is None:
            continue
        to = rest.pop(0) if rest and re.match(r"/|https?://", rest[0]) else source.replace("*", ":splat")
        status = rest.pop(0) if rest and re.fullmatch(r"[1-5]\d\d!?", rest[0]) else "301"
        roles = rest[0][5:].split(",") if len(rest) == 1 and re.match("[Rr]ole=.", rest[0]) else None
        rule = Rule(unquote(source), to, int(status[:3]), status.endswith("!"), roles)
        if source.startswith("/") and (roles or not rest) and takes(rule):
            yield rule
        else:
            print("left out:", ascii(line), file=sys.stderr)
