//! `rolegate lsp`: a client's whole session with the program.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use common::site;

/// An editor.
struct Client {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    id: i64,
    /// What the server said unasked.
    notes: Vec<Value>,
}

impl Client {
    fn start() -> Client {
        let mut process = Command::new(env!("CARGO_BIN_EXE_rolegate"))
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let (input, output) = (process.stdin.take(), BufReader::new(process.stdout.take().expect("piped")));
        Client { process, input, output, id: 0, notes: Vec::new() }
    }

    fn opened(folder: &TempDir, name: &str, text: &str) -> Client {
        let mut client = Client::start();
        let answer = client.ask("initialize", &json!({ "processId": null, "rootUri": null, "capabilities": {} }));
        assert_eq!(answer["result"]["capabilities"]["positionEncoding"], "utf-16");
        client.tell("initialized", &json!({}));
        client.open(folder, name, text);
        client
    }

    fn open(&mut self, folder: &TempDir, name: &str, text: &str) {
        let document = json!({ "uri": uri(folder, name), "languageId": "text", "version": 1, "text": text });
        self.tell("textDocument/didOpen", &json!({ "textDocument": document }));
    }

    fn raw(&mut self, bytes: &str) {
        let input = self.input.as_mut().expect("open");
        input.write_all(bytes.as_bytes()).expect("written");
        input.flush().expect("written");
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        self.raw(&format!("Content-Length: {}\r\n\r\n{text}", text.len()));
    }

    fn tell(&mut self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The answer to a request; notifications that come before it are kept.
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.id += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": self.id, "method": method, "params": params }));
        loop {
            let message = self.read();
            if message["id"] == self.id {
                return message;
            }
            self.notes.push(message);
        }
    }

    fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.output.read_line(&mut line).expect("a line");
            if line == "\r\n" {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line:?}"));
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().expect("a number");
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).expect("a body");
        serde_json::from_slice(&body).expect("JSON")
    }

    /// The problems of a document that are told next.
    fn problems(&mut self, folder: &TempDir, name: &str) -> Vec<Value> {
        loop {
            let note = if self.notes.is_empty() { self.read() } else { self.notes.remove(0) };
            if note["method"] == "textDocument/publishDiagnostics" && note["params"]["uri"] == uri(folder, name) {
                return note["params"]["diagnostics"].as_array().expect("a list").clone();
            }
        }
    }

    fn change(&mut self, folder: &TempDir, name: &str, change: &Value) {
        let document = json!({ "uri": uri(folder, name), "version": 2 });
        self.tell("textDocument/didChange", &json!({ "textDocument": document, "contentChanges": [change] }));
    }

    fn hover(&mut self, folder: &TempDir, name: &str, line: u32, character: u32) -> Value {
        let position = json!({ "line": line, "character": character });
        let params = json!({ "textDocument": { "uri": uri(folder, name) }, "position": position });
        self.ask("textDocument/hover", &params)["result"].clone()
    }

    fn actions(&mut self, folder: &TempDir, name: &str, range: &Value) -> Vec<Value> {
        let params =
            json!({ "textDocument": { "uri": uri(folder, name) }, "range": range, "context": { "diagnostics": [] } });
        self.ask("textDocument/codeAction", &params)["result"].as_array().expect("a list").clone()
    }

    /// The status with which it ends.
    fn end(mut self) -> i32 {
        assert_eq!(self.ask("shutdown", &Value::Null)["result"], Value::Null);
        self.tell("exit", &Value::Null);
        self.process.wait().expect("it ends").code().expect("a status")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ended = self.process.wait();
    }
}

fn uri(folder: &TempDir, name: &str) -> String {
    format!("file://{}", folder.path().canonicalize().expect("a folder").join(name).display())
}

fn ids(problems: &[Value]) -> Vec<&str> {
    problems.iter().map(|problem| problem["code"].as_str().unwrap_or("note")).collect()
}

/// The text after the edits of an action, as an editor makes them.
fn edited(text: &str, edits: &Value) -> String {
    let lines: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let offset = |place: &Value| {
        let start = lines.get(usize::try_from(place["line"].as_u64().unwrap()).unwrap()).copied().unwrap_or(text.len());
        let mut units = place["character"].as_u64().unwrap();
        let mut at = start;
        for c in text[start..].chars() {
            if units == 0 {
                break;
            }
            units -= u64::try_from(c.len_utf16()).unwrap();
            at += c.len_utf8();
        }
        at
    };
    let mut edits: Vec<(usize, usize, &str)> = edits
        .as_array()
        .expect("a list")
        .iter()
        .map(|edit| (offset(&edit["range"]["start"]), offset(&edit["range"]["end"]), edit["newText"].as_str().unwrap()))
        .collect();
    edits.sort_unstable_by_key(|edit| std::cmp::Reverse(edit.0));
    let mut text = text.to_owned();
    for (start, end, new) in edits {
        text.replace_range(start..end, new);
    }
    text
}

#[test]
fn a_whole_session() {
    let folder = site(&[("_redirects", "/a /b 301\n"), ("login.html", "")]);
    let text = "/m/* /m/:splat 200! Role=admin\n/m/* /login 302\n";
    let mut client = Client::opened(&folder, "_redirects", text);
    assert_eq!(ids(&client.problems(&folder, "_redirects")), [""; 0]);

    // What is typed counts, not what is saved; places are counted in UTF-16.
    let text = "/\u{1f600}ü/* /m/:splat 200! ROLE=admin\n/m/* /login 302\n";
    client.change(&folder, "_redirects", &json!({ "text": text }));
    let problems = client.problems(&folder, "_redirects");
    assert_eq!(ids(&problems), ["condition-unknown"]);
    assert_eq!(
        problems[0]["range"],
        json!({ "start": { "line": 0, "character": 22 }, "end": { "line": 0, "character": 32 } })
    );
    assert_eq!((&problems[0]["severity"], &problems[0]["source"]), (&json!(1), &json!("rolegate")));
    assert!(problems[0]["codeDescription"]["href"].as_str().unwrap().ends_with("LINTS.md#condition-unknown"));
    assert!(problems[0]["message"].as_str().unwrap().contains("\nhelp: "));

    // A piece of the text alone.
    let range = json!({ "start": { "line": 0, "character": 1 }, "end": { "line": 0, "character": 4 } });
    client.change(&folder, "_redirects", &json!({ "range": range, "text": "m" }));
    assert_eq!(client.problems(&folder, "_redirects")[0]["range"]["start"]["character"], 20);
    let text = "/m/* /m/:splat 200! Role=admin\n/m/* /login 302\n";
    client.change(&folder, "_redirects", &json!({ "text": text }));
    assert_eq!(ids(&client.problems(&folder, "_redirects")), [""; 0]);

    let hover = client.hover(&folder, "_redirects", 0, 3);
    insta::assert_snapshot!("lsp_hover", hover["contents"]["value"].as_str().expect("a text"));
    assert_eq!(hover["range"]["end"], json!({ "line": 0, "character": 30 }));
    assert_eq!(client.hover(&folder, "_redirects", 9, 0), Value::Null);

    client.tell("textDocument/didClose", &json!({ "textDocument": { "uri": uri(&folder, "_redirects") } }));
    assert_eq!(ids(&client.problems(&folder, "_redirects")), [""; 0]);
    assert_eq!(client.hover(&folder, "_redirects", 0, 3), Value::Null, "it is closed");
    assert_eq!(client.end(), 0);
    assert_eq!(std::fs::read_to_string(folder.path().join("_redirects")).expect("read"), "/a /b 301\n");
}

#[test]
fn fixes_and_proved_advice_are_code_actions() {
    let text = "/ä /c 301\n/a /b 301\n/a /b 301\n/m/* /x 200\n/m/* /m/:splat 200! Role=a\n";
    let folder = site(&[("_redirects", text), ("x.html", ""), ("m/a.html", "")]);
    let mut client = Client::opened(&folder, "_redirects", text);
    let problems = client.problems(&folder, "_redirects");
    let of = |id: &str| {
        problems.iter().find(|problem| problem["code"] == id).unwrap_or_else(|| panic!("{id}: {problems:?}"))
    };

    let actions = client.actions(&folder, "_redirects", &of("duplicate")["range"]);
    let fix = actions.iter().find(|action| action["isPreferred"] == true).expect("a fix");
    assert_eq!((&fix["kind"], &fix["diagnostics"][0]["code"]), (&json!("quickfix"), &json!("duplicate")));
    let after = edited(text, &fix["edit"]["changes"][uri(&folder, "_redirects")]);
    assert_eq!(after, "/ä /c 301\n/a /b 301\n/m/* /x 200\n/m/* /m/:splat 200! Role=a\n");

    let actions = client.actions(&folder, "_redirects", &of("gate-shadowed")["range"]);
    let advice = actions.iter().find(|action| action["diagnostics"][0]["code"] == "gate-shadowed").expect("advice");
    let after = edited(text, &advice["edit"]["changes"][uri(&folder, "_redirects")]);
    assert_eq!(after, "/ä /c 301\n/a /b 301\n/a /b 301\n/m/* /m/:splat 200! Role=a\n/m/* /x 200\n");
    client.change(&folder, "_redirects", &json!({ "text": after }));
    assert_eq!(ids(&client.problems(&folder, "_redirects")), ["duplicate"]);

    // Two actions of one problem say which is which.
    client.change(&folder, "_redirects", &json!({ "text": "/a /b 301\n/a /c 301\n" }));
    let problems = client.problems(&folder, "_redirects");
    let actions = client.actions(&folder, "_redirects", &problems[0]["range"]);
    let titles: Vec<_> = actions.iter().map(|action| (&action["title"], &action["isPreferred"])).collect();
    assert_eq!(
        titles,
        [(&json!("make a comment of this line"), &json!(false)), (&json!("remove this line"), &json!(false)),]
    );

    // Only what is asked for.
    let params = json!({
        "textDocument": { "uri": uri(&folder, "_redirects") },
        "range": { "start": { "line": 2, "character": 0 }, "end": { "line": 2, "character": 0 } },
        "context": { "diagnostics": [], "only": ["refactor"] },
    });
    assert_eq!(client.ask("textDocument/codeAction", &params)["result"], json!([]));
    assert_eq!(client.end(), 0);
}

/// Follows the first action of the first problem of a document, and tells what it is called.
fn follow(client: &mut Client, folder: &TempDir, name: &str, text: &str) -> (String, String) {
    client.change(folder, name, &json!({ "text": text }));
    let problems = client.problems(folder, name);
    // What is said of the folder as a whole has no code.
    let problem = problems.iter().find(|problem| !problem["code"].is_null()).expect("a problem");
    let actions = client.actions(folder, name, &problem["range"]);
    let Some(action) = actions.first() else { return (String::new(), text.to_owned()) };
    assert_eq!(action["kind"], "quickfix", "{action}");
    let after = edited(text, &action["edit"]["changes"][uri(folder, name)]);
    client.change(folder, name, &json!({ "text": after }));
    assert_eq!(ids(&client.problems(folder, name)), [""; 0], "{after}");
    (action["title"].as_str().expect("a title").to_owned(), after)
}

/// LINT-1, RULES-9: what is in error is mended by the one edit that lets in those alone whom the line names.
#[test]
fn errors_have_the_edit_that_is_proved() {
    let folder = site(&[("_redirects", ""), ("m/x.html", ""), ("m/index.html", ""), ("login.html", "")]);
    let mut client = Client::opened(&folder, "_redirects", "");
    client.problems(&folder, "_redirects");
    for (line, title, mended) in [
        ("/m/* 200! Role=\"admin\"", "write `Role=admin`", "/m/* 200! Role=admin"),
        ("/m/* 200 ! Role=admin", "directly after the status", "/m/* 200! Role=admin"),
        ("/m/* 200! Role: admin, ü", "write `Role=admin,ü`", "/m/* 200! Role=admin,ü"),
        ("/m/* /m/:splat Role=admin 200!", "write `200!` before", "/m/* /m/:splat 200! Role=admin"),
        // Two readings.
        ("/m/* 200! Role=R&D", "", "/m/* 200! Role=R&D"),
    ] {
        let text = |line: &str| format!("# ü\n  {line}\r\n/m/* /login 302\n");
        let (told, after) = follow(&mut client, &folder, "_redirects", &text(line));
        assert!(told.contains(title), "{line}: {told}");
        assert_eq!(after, text(mended));
    }
    client.change(&folder, "_redirects", &json!({ "text": "" }));
    client.problems(&folder, "_redirects");
    client.open(&folder, "netlify.toml", "");
    client.problems(&folder, "netlify.toml");
    let toml = |role: &str| {
        format!(
            "[[redirects]]\nfrom = '/m/*'\nto = '/m/:splat'\nstatus = 200\nforce = true\n[redirects.conditions]\n{role}\n"
        )
    };
    let (told, after) = follow(&mut client, &folder, "netlify.toml", &toml("Role = admin # ü"));
    assert!(told.contains("write `\"admin\"`"), "{told}");
    assert_eq!(after, toml("Role = \"admin\" # ü"));
    assert_eq!(client.end(), 0);
}

#[test]
fn the_files_of_a_project_are_read_together_and_comments_count() {
    let toml = "[build]\npublish = 'public'\n\n[[redirects]]\nto = '/m/:splat'\nfrom = '/preview/*'\nstatus = 200\n";
    let folder = site(&[
        ("netlify.toml", toml),
        ("public/_redirects", "/m/* /m/:splat 200! Role=admin\n"),
        ("public/m/x.html", ""),
    ]);
    let mut client = Client::opened(&folder, "netlify.toml", toml);
    let problems = client.problems(&folder, "netlify.toml");
    assert_eq!(ids(&problems), ["leads-into-gate"]);
    // LINT-1: advice is an edit of the entry.
    let actions = client.actions(&folder, "netlify.toml", &problems[0]["range"]);
    let after = edited(toml, &actions[0]["edit"]["changes"][uri(&folder, "netlify.toml")]);
    assert_eq!(after, toml.replace("'/preview/*'\n", "'/preview/*'\nconditions = { Role = [\"admin\"] }\n"));
    // A rule is hovered anywhere in its entry.
    let hover = client.hover(&folder, "netlify.toml", 6, 2);
    assert!(hover["contents"]["value"].as_str().expect("a text").contains("`/preview/example`"), "{hover}");
    // The other file of the project, with what is typed into it.
    client.open(&folder, "public/_redirects", "/n/* /n/:splat 200! Role=admin\n");
    assert_eq!(ids(&client.problems(&folder, "netlify.toml")), [""; 0]);
    client.tell("textDocument/didClose", &json!({ "textDocument": { "uri": uri(&folder, "public/_redirects") } }));
    assert_eq!(ids(&client.problems(&folder, "netlify.toml")), ["leads-into-gate"]);
    // LINT-3
    let accepted =
        toml.replace("[[redirects]]", "# rolegate: allow leads-into-gate a preview for everybody\n[[redirects]]");
    client.change(&folder, "netlify.toml", &json!({ "text": accepted }));
    assert_eq!(ids(&client.problems(&folder, "netlify.toml")), [""; 0]);
    let unknown = toml.replace("[[redirects]]", "# rolegate: allow leads-into-gates x y\n[[redirects]]");
    client.change(&folder, "netlify.toml", &json!({ "text": unknown }));
    assert_eq!(ids(&client.problems(&folder, "netlify.toml")), ["allow-unknown", "leads-into-gate"]);
    // `_headers` too, which is not on the disk yet.
    client.open(&folder, "public/_headers", "X: y\n");
    assert_eq!(ids(&client.problems(&folder, "public/_headers")), ["no-path"]);
    assert_eq!(client.end(), 0);
}

#[test]
fn rules_that_are_not_saved_yet_are_rules() {
    let folder = site(&[("index.html", ""), ("m/x.html", "")]);
    let mut client = Client::opened(&folder, "_redirects", "");
    assert_eq!(ids(&client.problems(&folder, "_redirects")), ["note"], "there is none, typed or saved");
    let text = "/m/* 200! Role=admin\n/p/* /m/:splat 200\n";
    client.change(&folder, "_redirects", &json!({ "text": text }));
    assert_eq!(ids(&client.problems(&folder, "_redirects")), ["leads-into-gate"]);
    let hover = client.hover(&folder, "_redirects", 1, 1);
    assert!(hover["contents"]["value"].as_str().expect("a text").contains("no file /m/example"), "{hover}");
    let toml = "[[redirects]]\nfrom = '/q/*'\nto = '/m/:splat'\nstatus = 200\n";
    client.open(&folder, "netlify.toml", toml);
    assert_eq!(ids(&client.problems(&folder, "netlify.toml")), ["leads-into-gate"]);
    assert_eq!(client.end(), 0);
}

#[test]
fn what_is_no_message_or_not_known_is_answered() {
    let mut client = Client::start();
    assert_eq!(client.ask("textDocument/hover", &json!({}))["error"]["code"], -32002, "before `initialize`");
    assert!(client.ask("initialize", &json!({ "capabilities": {} }))["result"]["capabilities"].is_object());
    assert_eq!(client.ask("initialize", &json!({ "capabilities": {} }))["error"]["code"], -32600);
    client.raw("Content-Length: 5\r\n\r\n{\"a\":");
    let answer = client.read();
    assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32700), &Value::Null));
    client.raw("Content-Length: 2\r\n\r\n[]");
    assert_eq!(client.read()["error"]["code"], -32600);
    assert_eq!(client.ask("textDocument/rename", &json!({}))["error"]["code"], -32601);
    assert_eq!(client.ask("textDocument/hover", &json!({ "position": 7 }))["error"]["code"], -32602);
    client.tell("$/setTrace", &json!({ "value": "off" }));
    client.tell("textDocument/didOpen", &json!({ "no": "document" }));
    // A document of no file, or of another kind, has no problems.
    let document = json!({ "uri": "untitled:1", "languageId": "text", "version": 1, "text": "/a" });
    client.tell("textDocument/didOpen", &json!({ "textDocument": document }));
    let params = json!({ "textDocument": { "uri": "untitled:1" }, "position": { "line": 0, "character": 0 } });
    assert_eq!(client.ask("textDocument/hover", &params)["result"], Value::Null);
    assert_eq!(client.ask("shutdown", &Value::Null)["result"], Value::Null);
    assert_eq!(client.ask("textDocument/hover", &params)["error"]["code"], -32600, "after `shutdown`");
    client.tell("exit", &Value::Null);
    assert_eq!(client.process.wait().expect("it ends").code(), Some(0));

    // Without a word.
    let mut client = Client::start();
    client.ask("initialize", &json!({ "capabilities": {} }));
    drop(client.input.take());
    assert_eq!(client.process.wait().expect("it ends").code(), Some(1));
    // What is no message at all.
    let mut client = Client::start();
    client.raw("GET / HTTP/1.1\r\n\r\n");
    assert_eq!(client.process.wait().expect("it ends").code(), Some(2));
}

/// What the pre-commit hook names is there.
#[test]
fn the_pre_commit_hook_runs_a_command_that_exists() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.pre-commit-hooks.yaml");
    let text = std::fs::read_to_string(file).expect("read");
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.trim_start_matches(['-', ' ']).strip_prefix(&format!("{key}: ")));
        line.unwrap_or_else(|| panic!("{key}")).trim_matches('\'').to_owned()
    };
    let entry = value("entry");
    let mut words = entry.split_whitespace();
    assert_eq!(words.next(), Some("rolegate"));
    let folder = site(&[("_redirects", "/m/* /m/:splat 200! ROLE=a\n")]);
    let run = |folder: &TempDir| {
        let words = words.clone();
        let status = Command::new(env!("CARGO_BIN_EXE_rolegate")).args(words).current_dir(folder.path()).output();
        status.expect("it runs").status.code()
    };
    assert_eq!(run(&folder), Some(1), "an error");
    std::fs::write(folder.path().join("_redirects"), "/a /b 301\n").expect("written");
    assert_eq!(run(&folder), Some(0));
    // It runs where a rule file changes, and there alone.
    assert_eq!(value("files"), r"(^|/)(_redirects|_headers|netlify\.toml)$");
    assert_eq!((value("pass_filenames").as_str(), value("language").as_str()), ("false", "system"));
}
