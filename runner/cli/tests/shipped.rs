//! What lies in the repository for others to copy or to start: each file is opened as what it is, and each of our command lines in it
//! is put to the program.
//!
//! Whether the example of a server works is asked of the server itself, in `reference/cli/tests/front_ends.rs` and
//! `runner/cli/tests/deployed.rs`; here is held that no file is left out everywhere.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]
#![cfg(unix)]

#[allow(dead_code, reason = "the test of the pages uses more of it")]
#[path = "docs/page.rs"]
mod page;
#[allow(dead_code, reason = "the test of the pages uses more of it")]
#[path = "docs/programs.rs"]
mod programs;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use programs::Programs;
use serde_json::Value;

/// Where such files lie.
const PLACES: [&str; 8] = [
    ".github",
    ".pre-commit-hooks.yaml",
    "action.yml",
    "docs/examples",
    "packaging",
    "reference/examples",
    "runner/gates",
    ".clusterfuzzlite",
];

/// Files that a test of their own opens, with a text that stands in that test.
const STARTED: [(&str, &str, &str); 8] = [
    ("docs/examples/proxy/nginx.conf", "runner/cli/tests/common/front.rs", "nginx.conf"),
    ("docs/examples/proxy/haproxy.cfg", "runner/cli/tests/common/front.rs", "haproxy.cfg"),
    ("docs/examples/proxy/Caddyfile", "runner/cli/tests/common/front.rs", "Caddyfile"),
    ("reference/examples/nginx/nginx.conf", "reference/cli/tests/front_ends.rs", "nginx/nginx.conf"),
    ("reference/examples/haproxy/haproxy.cfg", "reference/cli/tests/front_ends.rs", "haproxy/haproxy.cfg"),
    ("reference/examples/caddy/Caddyfile", "reference/cli/tests/front_ends.rs", "caddy/Caddyfile"),
    ("reference/examples/apache/site.conf", "reference/cli/tests/front_ends.rs", "apache/site.conf"),
    (
        "reference/examples/identity-site/site/_redirects",
        "reference/cli/tests/identity.rs",
        "examples/identity-site/site",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("a checkout")
}

/// Every file of the places, by its path below the root.
fn files() -> Vec<String> {
    let root = root();
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> = PLACES.iter().map(|place| root.join(place)).collect();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).expect("a folder").map(|entry| entry.unwrap().path());
            waiting.extend(entries.filter(|entry| {
                !["node_modules", "target", "__pycache__", ".venv", "venv"].iter().any(|name| entry.ends_with(name))
            }));
        } else {
            found.push(path.strip_prefix(&root).expect("below the root").display().to_string());
        }
    }
    found.sort();
    found
}

fn text_of(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What YAML says, as JSON has it.
fn yaml(file: &str) -> Result<Value, String> {
    serde_saphyr::from_str(&text_of(file)).map_err(|error| error.to_string())
}

/// What `program` says against a file; nothing, and said aloud, where the program is not there.
fn complaint(program: &str, arguments: &[&str], file: &str) -> Option<String> {
    let output = Command::new(program).args(arguments).arg(root().join(file)).stdin(Stdio::null()).output();
    let Ok(output) = output else {
        // Not `eprintln`: the test harness would swallow it.
        let _ = writeln!(std::io::stderr(), "SKIPPED: `{program}` is not there to read {file}");
        return None;
    };
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// What is wrong with a file, opened as what its name says it is.
fn fault(file: &str) -> Option<String> {
    if let Some((_, test, says)) = STARTED.iter().find(|(started, _, _)| *started == file) {
        return (!text_of(test).contains(says)).then(|| format!("{test} does not open it"));
    }
    let name = file.rsplit('/').next().unwrap_or(file);
    match name.rsplit_once('.').map_or(name, |(_, extension)| extension) {
        "yaml" | "yml" => yaml(file).err(),
        "json" => serde_json::from_str::<Value>(&text_of(file)).err().map(|error| error.to_string()),
        "toml" => text_of(file).parse::<toml::Table>().err().map(|error| error.to_string()),
        "sh" | "build" => complaint("bash", &["-n"], file),
        "js" | "mjs" => complaint("node", &["--check"], file),
        "py" | "pack" => {
            complaint("python3", &["-c", "import sys; compile(open(sys.argv[1]).read(), sys.argv[1], 'exec')"], file)
        }
        "service" => unit(&text_of(file)).err(),
        "Containerfile" | "Dockerfile" => stages(&text_of(file)).err(),
        // Every console block of a page is run, every link followed (`docs.rs`).
        "md" => None,
        // A list of requirements has a hash for each file.
        "txt" | "in" => text_of(file).trim().is_empty().then(|| "it is empty".to_owned()),
        // The tower example has a test of its own; the pages of the sample site are shown to a browser in `identity.rs`.
        "rs" if file.starts_with("reference/examples/tower/") => None,
        "html" | "css" if file.starts_with("reference/examples/identity-site/") => None,
        "gitignore" | "svg" => None,
        _ => Some("no test says how it is opened; say so in runner/cli/tests/shipped.rs".to_owned()),
    }
}

/// The lines of a unit file, by section: `(section, name, value)`.
fn unit(text: &str) -> Result<Vec<(String, String, String)>, String> {
    let mut section = String::new();
    let mut lines = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut section);
            continue;
        }
        let (name, value) = line.split_once('=').ok_or_else(|| format!("`{line}` is no setting"))?;
        if !["Unit", "Service", "Install"].contains(&section.as_str()) {
            return Err(format!("`{name}` stands in the section `{section}`"));
        }
        lines.push((section.clone(), name.to_owned(), value.to_owned()));
    }
    let has = |name: &str| lines.iter().any(|(section, own, _)| section == "Service" && own == name);
    if has("ExecStart") && has("ExecReload") { Ok(lines) } else { Err("it starts and reloads nothing".to_owned()) }
}

/// The instructions of a container file.
fn stages(text: &str) -> Result<Vec<(String, String)>, String> {
    const KNOWN: [&str; 10] =
        ["FROM", "RUN", "COPY", "WORKDIR", "USER", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT", "CMD", "ENV"];
    let mut read = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(' ').ok_or_else(|| format!("`{line}` is no instruction"))?;
        if !KNOWN.contains(&word) {
            return Err(format!("`{word}` is no instruction that these files have"));
        }
        read.push((word.to_owned(), rest.to_owned()));
    }
    if read.first().is_some_and(|(word, _)| word == "FROM") {
        Ok(read)
    } else {
        Err("it begins with no FROM".to_owned())
    }
}

/// Our command lines in a file, each as its words.
fn command_lines(file: &str) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    let text = text_of(file);
    match file.rsplit(['/', '.']).next() {
        Some("Containerfile") => {
            let said = |word: &str| {
                let instructions = stages(&text).expect("read");
                let last = instructions.iter().rfind(|(own, _)| own == word).map(|(_, rest)| rest.clone());
                last.map_or_else(Vec::new, |rest| serde_json::from_str::<Vec<String>>(&rest).expect("a list"))
            };
            lines.push([said("ENTRYPOINT"), said("CMD")].concat());
        }
        Some("yaml" | "yml") => in_yaml(&yaml(file).expect("YAML"), &mut lines),
        Some("service") => {
            let commands = unit(&text).expect("read").into_iter().filter(|(_, name, _)| name == "ExecStart");
            lines.extend(commands.map(|(_, _, value)| words(&value)));
        }
        _ => {}
    }
    // In comments, for people to copy; a line that ends in a backslash goes on.
    let comments: String = text
        .lines()
        .filter_map(|line| Some(line.trim().strip_prefix('#')?.trim().to_owned() + "\n"))
        .collect::<String>()
        .replace("\\\n", " ");
    lines.extend(comments.lines().filter(|line| is_ours(line.split(' ').next().unwrap_or_default())).map(words));
    lines.retain(|line| line.first().is_some_and(|word| is_ours(word)));
    for line in &mut lines {
        line[0] = line[0].rsplit('/').next().expect("a name").to_owned();
    }
    lines
}

/// The commands of containers, the lines of scripts, and what the action is given, wherever they stand.
fn in_yaml(value: &Value, lines: &mut Vec<Vec<String>>) {
    let texts = |value: &Value| -> Vec<String> {
        let items = value.as_array().into_iter().flatten();
        items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    match value {
        Value::Object(members) => {
            if let Some(command) = members.get("command").filter(|command| command.is_array()) {
                lines.push([texts(command), members.get("args").map(texts).unwrap_or_default()].concat());
            }
            for name in ["run", "entry", "command"] {
                let text = members.get(name).and_then(Value::as_str).unwrap_or_default();
                lines.extend(text.lines().map(words));
            }
            lines.extend(members.get("script").map(texts).unwrap_or_default().iter().map(|line| words(line)));
            let uses = members.get("uses").and_then(Value::as_str).unwrap_or_default();
            if uses.starts_with("gatecheck/gatecheck@") {
                lines.extend(of_the_action(members.get("with").unwrap_or(&Value::Null)));
            }
            members.values().for_each(|member| in_yaml(member, lines));
        }
        Value::Array(items) => items.iter().for_each(|item| in_yaml(item, lines)),
        _ => {}
    }
}

/// What `packaging/action.sh` does with these inputs; each is one of `action.yml`.
fn of_the_action(with: &Value) -> Vec<Vec<String>> {
    let inputs = yaml("action.yml").expect("YAML")["inputs"].clone();
    let unknown: Vec<_> =
        with.as_object().into_iter().flatten().filter(|(name, _)| inputs[name.as_str()].is_null()).collect();
    assert!(unknown.is_empty(), "inputs that the action does not have: {unknown:?}");
    // An input that is not given has the default of the action.
    let text = |name: &str| with[name].as_str().or_else(|| inputs[name]["default"].as_str()).unwrap_or_default();
    let mut lines = Vec::new();
    if !text("audit").is_empty() {
        lines.push(words(&format!(
            "gatecheck audit {} --site {} {}",
            text("audit"),
            text("site"),
            text("audit-arguments")
        )));
    }
    if !text("check").is_empty() {
        lines.push(words(&format!("rolegate check {}", text("check"))));
    }
    lines
}

/// The words of a line; what a workflow puts in for `${{ … }}` has no spaces.
fn words(line: &str) -> Vec<String> {
    let mut parts = line.split("${{");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push('x');
        text.push_str(part.split_once("}}").map_or("", |(_, rest)| rest));
    }
    shlex::split(&text).unwrap_or_default()
}

fn is_ours(word: &str) -> bool {
    ["rolegate", "gatecheck"].contains(&word.rsplit('/').next().unwrap_or_default())
}

/// Holds a command line against the parser of the program: a call for help is the last word, so that every other is read before it.
fn is_known(programs: &Programs, place: &str, line: &[String]) {
    let folder = tempfile::tempdir().unwrap();
    let quoted: Vec<_> = line.iter().map(|word| shlex::try_quote(word).expect("a word")).collect();
    let output = programs.shell(folder.path(), &format!("{} --help", quoted.join(" "))).output().unwrap();
    assert!(output.status.success(), "{place}: {line:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_file_is_opened_as_what_it_is() {
    let files = files();
    let faults: Vec<String> = files.iter().filter_map(|file| fault(file).map(|why| format!("{file}: {why}"))).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for (started, _, _) in STARTED {
        assert!(files.iter().any(|file| file == started), "{started} is not there");
    }
}

#[test]
fn every_command_line_is_one_of_the_program() {
    let programs = Programs::built(&root());
    let mut asked = BTreeSet::new();
    for file in files().iter().filter(|file| !file.ends_with(".md")) {
        for line in command_lines(file) {
            is_known(&programs, file, &line);
            asked.insert(file.clone());
        }
    }
    for file in [
        ".pre-commit-hooks.yaml",
        "docs/examples/audit/github.yml",
        "docs/examples/audit/gitlab.yml",
        "docs/examples/audit/kubernetes.yaml",
        "packaging/container/Containerfile",
        "reference/examples/container/Containerfile",
        "reference/examples/envoy/envoy.yaml",
        "reference/examples/systemd/rolegate.service",
        "reference/examples/traefik/dynamic.yaml",
    ] {
        assert!(asked.contains(file), "the command lines of {file} are read: {asked:?}");
    }
}

/// The configurations of servers that are seldom installed, read by the server itself where it is.
#[test]
fn configurations_are_read_by_their_servers_where_they_are_installed() {
    for (program, arguments, file) in [
        ("envoy", &["--mode", "validate", "-c"][..], "reference/examples/envoy/envoy.yaml"),
        ("systemd-analyze", &["verify"], "reference/examples/systemd/rolegate.service"),
    ] {
        let said = complaint(program, arguments, file).unwrap_or_default();
        // That the gate itself is not installed here is no fault of the unit.
        let faults: Vec<&str> = said.lines().filter(|line| !line.contains("rolegate is not executable")).collect();
        assert!(faults.is_empty(), "{file}: {faults:?}");
    }
}

/// What the examples say that a gate must be told stands in them: a proxy that is not trusted gets no answer.
#[test]
fn the_seldom_installed_servers_ask_the_gate_where_it_answers() {
    let envoy = yaml("reference/examples/envoy/envoy.yaml").unwrap();
    let filters = &envoy["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let filter = &filters["http_filters"][0]["typed_config"];
    assert_eq!(filter["failure_mode_allow"], false, "where the gate is silent, nobody is let in");
    assert_eq!(filter["http_service"]["path_prefix"], "/__gate/authorize");
    let clusters = envoy["static_resources"]["clusters"].as_array().unwrap();
    let asks = filter["http_service"]["server_uri"]["cluster"].as_str().unwrap();
    assert!(clusters.iter().any(|cluster| cluster["name"] == asks), "{asks}");

    let traefik = yaml("reference/examples/traefik/dynamic.yaml").unwrap();
    let gate = &traefik["http"]["middlewares"]["gate"]["forwardAuth"];
    assert!(gate["address"].as_str().unwrap().ends_with("/__gate/authorize"));
    assert_eq!(gate["trustForwardHeader"], false, "a visitor's own words never reach the gate");
    for router in traefik["http"]["routers"].as_object().unwrap().values() {
        assert!(router["middlewares"].as_array().unwrap().contains(&"gate".into()), "no router goes past the gate");
        let service = router["service"].as_str().unwrap();
        assert!(!traefik["http"]["services"][service].is_null(), "{service}");
    }
}

/// What stands in a page for people to copy: YAML with its commands and inputs of the action, JSON, JavaScript.
#[test]
fn what_a_page_shows_to_be_copied_can_be_read() {
    let programs = Programs::built(&root());
    let folder = tempfile::tempdir().unwrap();
    let docs = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.chain(["README.md", "conformance-cases/README.md"].map(|page| root().join(page)));
    for page in pages.filter(|page| page.extension().is_some_and(|extension| extension == "md")) {
        let name = page.display().to_string();
        for block in std::fs::read_to_string(&page).unwrap().split("\n```").skip(1).step_by(2) {
            let (kind, text) = block.split_once('\n').unwrap_or_default();
            match kind {
                "yaml" => {
                    let value: Value =
                        serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}: {text}"));
                    let mut lines = Vec::new();
                    in_yaml(&value, &mut lines);
                    let ours = lines.iter().filter(|line| line.first().is_some_and(|word| is_ours(word)));
                    ours.for_each(|line| is_known(&programs, &name, line));
                }
                "json" => {
                    drop(serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{name}: {error}: {text}")))
                }
                "js" => {
                    let file = folder.path().join("block.js");
                    std::fs::write(&file, text).unwrap();
                    assert_eq!(complaint("node", &["--check"], &file.display().to_string()), None, "{name}: {text}");
                }
                _ => {}
            }
        }
    }
}
