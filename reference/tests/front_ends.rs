//! The gate beside nginx and Caddy, and behind HAProxy and Apache, with the example configurations as they stand in
//! `reference/examples/`.
//!
//! Needs the real servers; where one is not installed its test says so and asks nothing.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;
#[path = "front_ends/spellings.rs"]
mod spellings;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Client, Response, Running, SECRET, request, site, token};
use rolegate::edge::Edge;
use rolegate::proxy::ProxySettings;
use rolegate::request::Origin;
use rolegate::{Config, KeySource, ServerOptions, SiteOptions, TokenSettings};
use tempfile::TempDir;

const RULES: &str = "\
/members/* /members/:splat 200! Role=admin
/members/* /login 302
/closed/* 200! Role=admin
/token/* 200! Role=admin
/token/* /login 401
/swapped /public 200!
/old /public 301
";

fn front_site() -> TempDir {
    site(&[
        ("_redirects", RULES),
        ("members/home.html", "the members' page"),
        ("closed/page.html", "a closed page"),
        ("token/page.html", "a page for a token"),
        ("swapped.html", "what is replaced"),
        ("public.html", "for everybody"),
        ("login.html", "please log in"),
        (".env", "hidden"),
    ])
}

/// A server in front, stopped when it is dropped.
struct Front {
    address: SocketAddr,
    process: Child,
    _work: TempDir,
}

impl Front {
    /// Starts `program` with the example `example`, its ports and folder replaced; `None` where it is not installed.
    fn start(
        program: &str,
        example: &str,
        arguments: impl Fn(&Path, &Path) -> Vec<String>,
        site: &Path,
        gate: SocketAddr,
    ) -> Option<Front> {
        Front::start_with(program, example, arguments, site, gate, |text| text)
    }

    /// The same, where the text of the example is changed further.
    fn start_with(
        program: &str,
        example: &str,
        arguments: impl Fn(&Path, &Path) -> Vec<String>,
        site: &Path,
        gate: SocketAddr,
        adapt: impl FnOnce(String) -> String,
    ) -> Option<Front> {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .chain([PathBuf::from("/usr/sbin")])
            .map(|folder| folder.join(program))
            .find(|path| path.is_file());
        let Some(found) = found else {
            eprintln!("skipped: {program} is not installed");
            return None;
        };
        let address = free_address();
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example))
            .expect("an example");
        for marker in [":8080", "127.0.0.1:8888"] {
            assert!(text.contains(marker), "{example} has no {marker} to replace");
        }
        let work = tempfile::tempdir().expect("a folder");
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {}/{kind};", work.path().display()));
        let text = text
            .replace(":8080", &format!(":{}", address.port()))
            .replace("127.0.0.1:8888", &gate.to_string())
            .replace("/srv/site", &site.display().to_string())
            .replace("http {\n", &format!("http {{\n{}\naccess_log off;\n", temporary.join("\n")));
        let text = adapt(text);
        let file = work.path().join(Path::new(example).file_name().expect("a name"));
        std::fs::write(&file, text).expect("written");
        let log = std::fs::File::create(work.path().join("log")).expect("a log");
        let process = Command::new(found)
            .args(arguments(&file, work.path()))
            .env("HOME", work.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("started");
        let front = Front { address, process, _work: work };
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).is_err() {
            let log = std::fs::read_to_string(front._work.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "{program} does not listen: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(front)
    }

    fn get(&self, target: &str, headers: &[(&str, &str)]) -> Response {
        self.ask("GET", target, headers)
    }

    fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Response {
        let mut client = Client::connect(self.address);
        client.send(request(method, target, headers).as_bytes());
        client.response(method == "HEAD")
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn gate(site: &Path) -> Running {
    gate_with(site, false, None)
}

/// A gate that trusts this machine's proxies; with an `upstream` it has the site there.
fn gate_with(site: &Path, elsewhere: bool, upstream: Option<SocketAddr>) -> Running {
    let edge = Edge { trusted: vec!["127.0.0.1".parse().unwrap()], ..Edge::default() };
    let key = KeySource::Secret { name: "secret".to_owned(), secret: SECRET.into() };
    let options = SiteOptions { elsewhere: elsewhere || upstream.is_some(), ..SiteOptions::default() };
    let config = Config { edge, options, ..Config::of(site.to_owned(), key, TokenSettings::default()) };
    let upstream = upstream.and_then(|upstream| Origin::parse(&format!("http://{upstream}")));
    let proxy = ProxySettings { upstream, ..ProxySettings::default() };
    let options = ServerOptions { authorize: proxy.upstream.is_none(), proxy, ..ServerOptions::default() };
    Running::serve(config.load().expect("a gate").gate, options)
}

/// Lets a server that runs as another user read the folder.
fn readable(folder: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("permissions");
    }
}

/// What holds with every server in front.
fn admitted_denied_and_odd(front: &Front, statuses: [u16; 3]) {
    let [login, closed, unauthorized] = statuses;
    let admin = format!("nf_jwt={}", token(&["admin"]));
    let bad = format!("nf_jwt={}x", token(&["admin"]));
    let other = format!("nf_jwt={}", token(&["other"]));
    for target in ["/members/home", "/members/home.html"] {
        for cookie in ["", &bad, &other] {
            let answer = front.get(target, &[("Cookie", cookie)]);
            assert_eq!(answer.status, login, "{target} {cookie:?}: {answer:?}");
            assert!(!answer.body.contains("the members' page"), "{target}: {answer:?}");
            assert_eq!(answer.header("location"), "/login", "{target}");
            assert!(answer.header("cache-control").contains("no-store"), "{answer:?}");
        }
    }
    let answer = front.get("/members/home", &[("Cookie", &admin)]);
    assert_eq!((answer.status, answer.body.as_str()), (200, "the members' page"));
    assert!(answer.header("cache-control").contains("private"), "{answer:?}");
    assert_eq!(front.get("/members/home.html", &[("Cookie", &admin)]).body, "the members' page");

    let answer = front.get("/public", &[]);
    assert_eq!((answer.status, answer.body.as_str()), (200, "for everybody"));
    assert!(answer.header("cache-control").contains("public"), "{answer:?}");
    assert_eq!(front.get("/login", &[]).body, "please log in");

    assert_eq!(front.get("/closed/page", &[]).status, closed);
    assert_eq!(front.get("/closed/page", &[("Cookie", &admin)]).body, "a closed page");
    assert_eq!(front.get("/token/page", &[]).status, unauthorized);
    assert_ne!(front.get("/swapped", &[]).body, "what is replaced");

    // What can be read in two ways reaches no file.
    for target in [
        "/public/..%2fmembers/home.html",
        "/x%2f..%2fmembers/home.html",
        "/members%2fhome.html",
        "/..;/members/home.html",
        "//members//home",
        "/%6dembers/home",
        "/x/../members/home",
        "/public//../members/home.html",
        "/x//../members/home.html",
        "/members%5chome.html",
        "/members/home%00.html",
        "/members/home.html%2500",
        "/.%2fmembers/home.html",
        "/_redirects",
        "/.env",
        "/%2eenv",
        "/__gate/authorize",
        "/__gate/subrequest",
    ] {
        let answer = front.get(target, &[]);
        assert_ne!(answer.status, 200, "{target}: {answer:?}");
        for text in ["the members' page", "hidden", "Role="] {
            assert!(!answer.body.contains(text), "{target}: {answer:?}");
        }
    }
    // The visitor's own description of the request is not believed.
    for name in ["X-Original-URI", "X-Forwarded-Uri", "X-Original-URL", "X-Rewrite-URL"] {
        let answer = front.get("/members/home", &[(name, "/public")]);
        assert!(answer.status != 200 && !answer.body.contains("the members' page"), "{name}: {answer:?}");
    }
    for (name, value) in [("Range", "bytes=0-3"), ("If-None-Match", "*")] {
        let answer = front.get("/members/home", &[(name, value)]);
        assert_eq!((answer.status, answer.header("etag"), answer.header("content-range")), (login, "", ""), "{name}");
    }
    assert_eq!(front.ask("HEAD", "/members/home", &[]).status, login);
    assert_eq!(front.ask("POST", "/members/home", &[("Content-Length", "0")]).status, login);
}

fn start_nginx(site: &Path, gate: SocketAddr) -> Option<Front> {
    let arguments = |file: &Path, work: &Path| {
        let global = format!("daemon off; master_process off; pid {}/pid; error_log stderr;", work.display());
        vec!["-p".into(), work.display().to_string(), "-c".into(), file.display().to_string(), "-g".into(), global]
    };
    Front::start("nginx", "nginx/nginx.conf", arguments, site, gate)
}

fn start_caddy(site: &Path, gate: SocketAddr) -> Option<Front> {
    let arguments = |file: &Path, _: &Path| {
        vec!["run".into(), "--adapter".into(), "caddyfile".into(), "--config".into(), file.display().to_string()]
    };
    Front::start("caddy", "caddy/Caddyfile", arguments, site, gate)
}

fn start_haproxy(gate: SocketAddr) -> Option<Front> {
    let arguments = |file: &Path, _: &Path| vec!["-db".into(), "-f".into(), file.display().to_string()];
    // It has no folder.
    Front::start("haproxy", "haproxy/haproxy.cfg", arguments, Path::new("/"), gate)
}

/// Apache in front of the gate, and behind it at `own`.
fn start_apache(site: &Path, gate: SocketAddr, own: SocketAddr) -> Option<Front> {
    let arguments = |file: &Path, work: &Path| {
        let root =
            format!("ServerRoot {0}\nDefaultRuntimeDir {0}\nPidFile {0}/pid\nErrorLog /dev/stderr", work.display());
        let modules = ["mpm_event", "authz_core", "authz_host", "dir", "headers", "proxy", "proxy_http"]
            .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"));
        let whole = work.join("whole.conf");
        let text = format!(
            "{root}\n{}\nServerName localhost\nUser www-data\nGroup www-data\nInclude {}\n",
            modules.join("\n"),
            file.display()
        );
        std::fs::write(&whole, text).expect("written");
        vec!["-X".into(), "-f".into(), whole.display().to_string()]
    };
    let adapt = |text: String| {
        assert!(text.contains("127.0.0.1:3000"));
        text.replace("127.0.0.1:3000", &own.to_string())
    };
    Front::start_with("apache2", "apache/site.conf", arguments, site, gate, adapt)
}

fn free_address() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port")
}

#[test]
fn nginx() {
    let folder = front_site();
    readable(folder.path());
    let gate = gate(folder.path());
    if let Some(front) = start_nginx(folder.path(), gate.address) {
        admitted_denied_and_odd(&front, [302, 404, 401]);
    }
}

#[test]
fn caddy() {
    let folder = front_site();
    readable(folder.path());
    let gate = gate(folder.path());
    if let Some(front) = start_caddy(folder.path(), gate.address) {
        admitted_denied_and_odd(&front, [302, 404, 401]);
    }
}

#[test]
fn nobody_else_is_answered() {
    let folder = front_site();
    let key = KeySource::Secret { name: "secret".to_owned(), secret: SECRET.into() };
    let config = Config::of(folder.path().to_owned(), key, TokenSettings::default());
    let untrusted =
        Running::serve(config.load().unwrap().gate, ServerOptions { authorize: true, ..ServerOptions::default() });
    assert_eq!(untrusted.get("/__gate/authorize", &[("X-Forwarded-Uri", "/public")]).status, 404);
    let gate = gate(folder.path());
    for (headers, status) in [
        (vec![("X-Forwarded-Uri", "/public")], 200),
        (vec![("X-Original-URI", "/public")], 200),
        (vec![], 400),
        (vec![("X-Forwarded-Uri", "/public"), ("X-Forwarded-Uri", "/members/home")], 400),
        (vec![("X-Forwarded-Uri", "/public"), ("X-Original-URI", "//public")], 400),
        (vec![("X-Forwarded-Uri", "/public,/members/home")], 400),
        (vec![("X-Forwarded-Uri", "/public, /members/home")], 400),
        (vec![("X-Forwarded-Uri", "http://localhost/public")], 400),
        (vec![("X-Forwarded-Uri", "")], 400),
        (vec![("X-Forwarded-Uri", "/a%2fb")], 400),
        // FRONT-1
        (vec![("X-Forwarded-Uri", "//public")], 400),
        (vec![("X-Forwarded-Uri", "/x/../public")], 400),
        (vec![("X-Forwarded-Uri", "/%70ublic")], 400),
        (vec![("X-Forwarded-Uri", "/public;x")], 400),
        (vec![("X-Forwarded-Uri", "/members/home")], 302),
    ] {
        assert_eq!(gate.get("/__gate/authorize", &headers).status, status, "{headers:?}");
        let answer = gate.get("/__gate/subrequest", &headers);
        assert_eq!(answer.status, if status == 200 { 200 } else { 403 }, "{headers:?}");
        let told = if status == 200 { String::new() } else { status.to_string() };
        assert_eq!(answer.header("x-gate-status"), told, "{headers:?}");
    }
    // Envoy's way.
    assert_eq!(gate.get("/__gate/authorize/public", &[]).status, 200);
    assert_eq!(gate.get("/__gate/authorize/members/home", &[]).status, 302);
}
