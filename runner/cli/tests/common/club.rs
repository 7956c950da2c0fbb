//! A club's site, and servers that answer for it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};

use assert_cmd::Command;
use tempfile::TempDir;

pub const SECRET: &str = "a secret of the site that the test alone knows, of 64 bytes and more";

/// A club's site: a gate with a redirect for everybody else, and a redirect that acts on everybody.
pub fn site() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("_redirects", "/start  /  301\n/members/*  /members/:splat  200!  Role=member\n/members/*  /login  302\n");
    for (name, text) in [
        ("index", "Welcome to the rowing club on the river, everybody may read this page."),
        ("login", "Please say who you are, so that we can let you in to the pages of the club."),
        ("members/index", "The members' own page with the rota of the boats and of those who clean them."),
        ("members/minutes", "Minutes of the general meeting: the treasurer was thanked, the boat was sold for 4,711."),
    ] {
        let lines = (1..9).map(|line| format!("<p>{line}. {text} ({name}, line {line})</p>\n")).collect::<String>();
        write(&format!("{name}.html"), &format!("<!doctype html>\n<title>{name}</title>\n{lines}"));
    }
    folder
}

pub fn audit(site: &Path, arguments: &[&str]) -> Output {
    command(site, arguments).output().unwrap()
}

pub fn command(site: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("gatecheck").unwrap();
    command.current_dir(site).env("NO_COLOR", "1").env("COLUMNS", "100").env("SITE_SECRET", SECRET);
    command.args(["audit", "--site", "."]).args(arguments);
    command
}

pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A server that notes every head and answers as `answer` says.
pub fn server(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let (noted, answer) = (Arc::clone(&heads), Arc::new(answer));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let (noted, answer) = (Arc::clone(&noted), Arc::clone(&answer));
            std::thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                    head.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let _ = stream.write_all(answer(&head).as_bytes());
                // Whoever only looks whether somebody listens sends nothing.
                if !head.is_empty() {
                    noted.lock().unwrap().push(head);
                }
            });
        }
    });
    (format!("http://{address}"), heads)
}

pub fn page(status: &str, fields: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// A sound server of the club's site, for the member with the token `a.b.c`: what it answers to a head.
pub fn sound(site: &Path) -> impl Fn(&str) -> String + Send + Sync + Clone + 'static {
    let site = site.to_owned();
    move |head: &str| {
        let target = head.split(' ').nth(1).unwrap_or_default();
        let (target, query) = target.find('?').map_or((target, ""), |at| target.split_at(at));
        let is_member = head.to_ascii_lowercase().lines().any(|line| line == "cookie: nf_jwt=a.b.c");
        let read = |name: &str| page("200 OK", "", &std::fs::read_to_string(site.join(name)).unwrap());
        match target {
            "/index.html" | "/" => read("index.html"),
            "/login.html" | "/login" => read("login.html"),
            "/start" => page("301 Moved Permanently", &format!("Location: /{query}\r\n"), ""),
            _ if target.contains(['%', '\\', '#']) || ["/./", "/..", "//"].iter().any(|odd| target.contains(odd)) => {
                page("400 Bad Request", "", "")
            }
            _ if !target.starts_with("/members/") && target != "/members" => page("404 Not Found", "", ""),
            _ if !is_member => page("302 Found", &format!("Location: /login{query}\r\n"), ""),
            "/members/" | "/members" | "/members/index.html" => read("members/index.html"),
            "/members/minutes" | "/members/minutes.html" => read("members/minutes.html"),
            "/members/rota.json" if site.join("members/rota.json").exists() => read("members/rota.json"),
            _ => page("404 Not Found", "", ""),
        }
    }
}
