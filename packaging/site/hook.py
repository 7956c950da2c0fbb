"""Makes the pages of the docs site that are written elsewhere, and leads every link to where it stands on the site.

Nothing is told twice: a page of the repository is taken as it is, and the ledger becomes a page with an anchor for each requirement.
"""
import pathlib
import posixpath
import re

import yaml
from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = "https://github.com/gatecheck/gatecheck/blob/main/"

# Files of the repository that are pages of the site, with their names there.
PAGES = {
    "README.md": "index.md",
    "conformance-cases/requirements.yaml": "requirements.md",
    "conformance-cases/README.md": "cases.md",
    "reference/README.md": "reference.md",
    "reference/LINTS.md": "lints.md",
    "reference/examples/front-ends.md": "front-ends.md",
    "reference/identity/git-gateway.md": "git-gateway.md",
    "fuzz/README.md": "fuzzing.md",
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "BENCHMARKS.md": "benchmarks.md",
    "CHANGELOG.md": "changelog.md",
    "RELEASING.md": "releasing.md",
}
REFERENCE = ["requirements.md", "reference.md", "cases.md", "lints.md", "front-ends.md", "git-gateway.md", "fuzzing.md"]
PROJECT = ["architecture.md", "contributing.md", "security.md", "benchmarks.md", "changelog.md", "releasing.md"]
GUIDES_FIRST = ["judge-my-gate.md", "audit-my-site.md", "gate-my-site.md", "tokens.md", "deploy.md", "reading-the-report.md"]

# The id of a requirement.
REQUIREMENT = r"\b[A-Z][A-Z0-9]*-[0-9]+(?:\.[a-z][a-z0-9-]*)?"


def slug(heading, _separator="-"):
    """The anchor of a heading, as code hosts make it, so that a link holds in both places."""
    return "".join(c for c in heading.strip() if c.isalnum() or c in " -_").lower().replace(" ", "-")


def on_config(config):
    config["mdx_configs"].setdefault("toc", {})["slugify"] = slug
    guides = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
    guides.sort(key=lambda name: GUIDES_FIRST.index(name) if name in GUIDES_FIRST else len(GUIDES_FIRST))
    config["nav"] = [{"Start": "index.md"}, {"Guides": guides}, {"Reference": REFERENCE}, {"Project": PROJECT}]
    return config


def on_files(files, config):
    for source, name in PAGES.items():
        text = ledger() if name == "requirements.md" else (ROOT / source).read_text()
        files.append(File.generated(config, name, content=text))
    # Pictures that pages of the repository show.
    for picture in sorted({path for page in files.documentation_pages() for path in pictures(page)}):
        files.append(File.generated(config, picture.replace("/", "-"), abs_src_path=str(ROOT / picture)))
    return files


def source_of(page_file):
    """The path in the repository of what a page of the site is made of."""
    for source, name in PAGES.items():
        if name == page_file.src_uri:
            return source
    return "docs/" + page_file.src_uri


def pictures(page_file):
    folder = posixpath.dirname(source_of(page_file))
    for path in re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", page_file.content_string):
        if "://" not in path:
            yield posixpath.normpath(posixpath.join(folder, path))


def on_page_markdown(markdown, page, **_):
    source = source_of(page.file)
    folder = posixpath.dirname(source)

    def lead(match):
        before, link = match.group(1), match.group(2)
        path, mark, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:") or not path or source.endswith(".yaml"):
            return match.group(0)
        path = posixpath.normpath(posixpath.join(folder, path))
        if path in PAGES:
            target = PAGES[path]
        elif posixpath.dirname(path) == "docs":
            target = posixpath.basename(path)
        elif before.startswith("!"):
            target = path.replace("/", "-")
        else:
            target = SOURCE + path
        return f"{before}({target}{mark}{anchor})"

    # What stands in a fence is no link.
    fences = re.split(r"(^ *```.*?^ *```$)", markdown, flags=re.M | re.S)
    return "".join(
        part if part.lstrip().startswith("```") else re.sub(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\])\(([^)\s]+)\)", lead, part)
        for part in fences
    )


def suites_by_requirement():
    """Which suites name a requirement, by the text of their files."""
    found = {}
    for path in sorted((ROOT / "conformance-cases").glob("*/*.yaml")):
        suite = path.relative_to(ROOT / "conformance-cases").with_suffix("").as_posix()
        for named in re.findall(r"^\s*(?:- )?requirement: *(\[[^\]]*\]|\S+)", path.read_text(), re.M):
            for one in re.findall(REQUIREMENT, named):
                found.setdefault(one, {})[suite] = None
    return found


def linked(text, known):
    """`text` with a link for each requirement that it names, but in code."""
    parts = text.strip().split("`")
    for at in range(0, len(parts), 2):
        parts[at] = re.sub(REQUIREMENT, lambda found: f"[{found[0]}](#{found[0]})" if found[0] in known else found[0], parts[at])
    return "`".join(parts)


def quoted(text):
    """The words of somebody else, in which nothing is markup."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", text.strip())


def ledger():
    """The ledger as a page: an anchor for each requirement."""
    text = (ROOT / "conformance-cases" / "requirements.yaml").read_text()
    headings = {}
    heading = ""
    for line in text.splitlines():
        if line.startswith("# ---- "):
            heading = line.strip("#- ")
        elif line.startswith("- id: "):
            headings[line.removeprefix("- id: ").strip()] = heading
    suites = suites_by_requirement()
    words = [
        "# Requirements",
        "",
        "What a role gate must do. A **MUST** that is missed fails a run; a **SHOULD** is a finding; where sources disagree "
        "(**SURVEY**) the answer is recorded and fails nothing. Behind each stands where it comes from: *documented* by the "
        "format's owner, *observed* in the owner's published packages, an *rfc*, *hardening* (the only safe reading), or *contested*.",
    ]
    last = None
    for entry in yaml.safe_load(text):
        name = entry["id"]
        if headings[name] != last:
            last = headings[name]
            words += ["", f"## {last}"]
        words += ["", f"### {name} {{#{name}}}", "", f"**{entry['level']}** · {entry['provenance']}", "", linked(entry["sentence"], headings)]
        quotes = entry.get("quote", [])
        for quote in [quotes] if isinstance(quotes, str) else quotes:
            words += ["", f"> {quoted(quote)}"]
        if "opens" in entry:
            words += ["", f"*How a miss lets somebody in:* {linked(entry['opens'], headings)}"]
        if "note" in entry:
            words += ["", f"*Decided here:* {linked(entry['note'], headings)}"]
        if "no-case" in entry:
            words += ["", f"*No case asks for it:* {linked(entry['no-case'], headings)}"]
        named = [f"[{suite}]({SOURCE}conformance-cases/{suite}.yaml)" for suite in suites.get(name, {})]
        if named:
            words += ["", f"*Asked by:* {', '.join(named)}"]
    return "\n".join(words) + "\n"
