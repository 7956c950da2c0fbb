//! `gatecheck audit` from outside: what it finds, what it sends, and what it leaves alone.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rolegate_server::{Config, GateInForce, KeySource, Server, ServerOptions};
use serde_json::Value;
use tempfile::TempDir;

#[path = "common/club.rs"]
mod club;

use club::{SECRET, audit, page, server, site, sound, text};

#[test]
fn the_embedded_gate_is_shut() {
    let site = site();
    let report = site.path().join("report.json");
    let output = audit(site.path(), &["--format", &format!("json={}", report.display())]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("_redirects:2  /members/*  Role=member  shut"), "{said}");
    assert!(said.contains("_redirects:1  /start") && said.contains("acts"), "{said}");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap();
    assert!(report["summary"]["pass"].as_u64().unwrap() > 200, "{}", report["summary"]);
}

#[test]
fn a_broken_gate_is_open_and_its_line_is_named() {
    let site = site();
    let (sarif, page) = (site.path().join("audit.sarif"), site.path().join("audit.html"));
    let output = audit(
        site.path(),
        &[
            "--broken-gate",
            "open/any-bad-token",
            "--format",
            &format!("sarif={}", sarif.display()),
            "--format",
            &format!("html={}", page.display()),
            "--format",
            "annotations=annotations.txt",
        ],
    );
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("OPEN") && said.contains("came back to"), "{said}");
    assert!(!said.contains(gatecheck::corpus::DEFAULT_SECRET), "{said}");
    let sarif: Value = serde_json::from_str(&std::fs::read_to_string(sarif).unwrap()).unwrap();
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(
        (place["artifactLocation"]["uri"].as_str(), place["region"]["startLine"].as_u64()),
        (Some("_redirects"), Some(2))
    );
    let annotations = std::fs::read_to_string(site.path().join("annotations.txt")).unwrap();
    assert!(annotations.starts_with("::error file=_redirects,line=2,"), "{annotations}");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(
        page.contains("OPEN") && page.contains("curl -isS") && page.contains("/members/*"),
        "the page has a card for the rule"
    );
}

#[test]
fn a_gate_that_closes_nothing_is_never_shut() {
    for (rules, says) in [
        // Another rule shows the same files to everybody.
        (
            "/all/*  /members/:splat  200\n/members/*  /members/:splat  200!  Role=member\n",
            "shown to everybody by another rule",
        ),
        // Nothing lies behind it.
        ("/nothing/*  /nothing/:splat  200!  Role=member\n", "no file of this folder lies behind it"),
        // A rule before it takes every request.
        (
            "/members/*  /members/:splat  200!\n/members/*  /members/:splat  200!  Role=member\n",
            "no request was found that it decides",
        ),
        // No gate at all.
        ("/start  /  301\n", "no rule asks for a role"),
    ] {
        let site = site();
        std::fs::write(site.path().join("_redirects"), rules).unwrap();
        let output = audit(site.path(), &["--budget", "600", "--all"]);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(0), "{said}");
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(says) && said.contains("nothing is closed by the rules"), "{rules}: {said}");
        assert!(said.contains("nothing is closed rolegate") && !said.contains("shut"), "{rules}: {said}");
    }
}

#[test]
fn what_was_asked_in_part_is_never_shut() {
    let site = site();
    for arguments in [&["--budget", "40"][..], &["--shard", "1/2"]] {
        let said = text(&audit(site.path(), arguments));
        assert!(said.contains("sampled") && said.contains("no finding"), "{said}");
        assert!(!said.contains("  shut"), "{said}");
    }
}

#[test]
fn an_error_page_is_no_content_of_the_file_that_was_asked_for() {
    let site = site();
    let read = |name: &str| std::fs::read_to_string(site.path().join(name)).unwrap();
    let (home, login, members, minutes) =
        (read("index.html"), read("login.html"), read("members/index.html"), read("members/minutes.html"));
    // A server with one look for all its errors: for conditions that fail, as a member may hear, and for paths that it cannot read.
    let (url, _) = server(move |head| {
        let error = |status: &str| {
            page(
                status,
                "",
                &format!("<center><h1>{status}</h1></center>\n<hr><center>a web server of some make/1.22.1</center>\n"),
            )
        };
        let target = head.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
        let is_member = head.lines().any(|line| line == "cookie: nf_jwt=a.b.c" || line == "Cookie: nf_jwt=a.b.c");
        let fields = head.to_ascii_lowercase();
        match target {
            "/index.html" | "/" => page("200 OK", "", &home),
            "/login.html" | "/login" => page("200 OK", "", &login),
            "/start" => page("301 Moved Permanently", "Location: /\r\n", ""),
            _ if target.contains(['%', '\\', '#']) || target.contains("/.") || !target.starts_with('/') => {
                error("400 Bad Request")
            }
            _ if !target.starts_with("/members/") => page("404 Not Found", "", ""),
            _ if !is_member => page("302 Found", "Location: /login\r\n", ""),
            _ if fields.contains("if-unmodified-since:")
                || fields.contains("if-match: \"x\"")
                || fields.contains("if-none-match: *") =>
            {
                error("412 Precondition Failed")
            }
            "/members/" | "/members/index.html" => page("200 OK", "", &members),
            "/members/minutes" | "/members/minutes.html" => page("200 OK", "", &minutes),
            _ => page("404 Not Found", "", ""),
        }
    });
    let output = audit(site.path(), &[&url, "--token-command", "member=echo a.b.c", "--budget", "600"]);
    let said = text(&output);
    assert!(!said.contains("OPEN") && !said.contains("LEAK"), "{said}");
}

#[test]
fn what_is_said_of_a_finding_is_what_happened() {
    let site = site();
    let read = |name: &str| std::fs::read_to_string(site.path().join(name)).unwrap();
    let pages = [read("index.html"), read("login.html"), read("members/index.html")];
    for (at_the_gate, says, never) in [
        // Another denial than the rules name.
        (
            page("403 Forbidden", "", "no"),
            "turned away in another way; no run of bytes of a closed file was seen",
            "gate is open",
        ),
        // One page for everybody, of no file.
        (
            page("200 OK", "", &"<p>Sign in to the company's own page, please.</p>".repeat(3)),
            "differs /members/ for everybody: status 200 instead of `denied`",
            "OPEN",
        ),
        // Nobody was let in, because nobody was answered.
        (page("403 Forbidden", "cf-mitigated: challenge\r\n", "wait"), "challenge page", "was not let in"),
        (page("200 OK", "", &pages[2]), "The gate is open", "in another way"),
    ] {
        let [home, login, _] = pages.clone();
        let (url, _) = server(move |head| match head.split(' ').nth(1).unwrap_or_default() {
            "/index.html" | "/" => page("200 OK", "", &home),
            "/login.html" | "/login" => page("200 OK", "", &login),
            "/start" => page("301 Moved Permanently", "Location: /\r\n", ""),
            _ => at_the_gate.clone(),
        });
        let said = text(&audit(site.path(), &[&url, "--token-command", "member=echo a.b.c", "--budget", "30"]));
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(says) && !said.contains(never), "{says}: {said}");
    }
}

#[test]
fn a_closed_file_that_is_the_same_as_a_public_one_is_no_leak() {
    let site = site();
    std::fs::copy(site.path().join("index.html"), site.path().join("members/same.html")).unwrap();
    std::fs::write(site.path().join("members/tiny ü.txt"), "ok").unwrap();
    let said = text(&audit(site.path(), &["--budget", "600"]));
    assert!(said.contains("shut") && said.contains("2 closed files cannot be told by bytes"), "{said}");
}

#[test]
fn what_is_known_is_no_news() {
    let site = site();
    let output = audit(site.path(), &["--broken-gate", "denial/tells-what-exists", "--format", "json=report.json"]);
    let report: Value =
        serde_json::from_str(&std::fs::read_to_string(site.path().join("report.json")).unwrap()).unwrap();
    let known: Vec<String> = report["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|result| result["verdict"] == "fail")
        .map(|result| format!("- cases: {}\n  reason: known\n  owner: me\n", result["id"].as_str().unwrap()))
        .collect();
    if output.status.code() == Some(0) {
        return;
    }
    std::fs::write(site.path().join("known.yaml"), known.concat()).unwrap();
    let output = audit(site.path(), &["--broken-gate", "denial/tells-what-exists", "--baseline", "known.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn the_budget_that_is_told_is_the_least_that_leaves_nothing_out() {
    let site = site();
    let rules = std::fs::read_to_string(site.path().join("_redirects")).unwrap();
    let forwards = "/api/*  https://api.example/:splat  200!  Role=member\n/api/*  /login  401!\n";
    std::fs::write(site.path().join("_redirects"), format!("{forwards}{rules}")).unwrap();
    let plan = |budget: usize| text(&audit(site.path(), &["--plan", "--budget", &budget.to_string()]));
    let said = plan(40);
    let told = said.split_once("; --budget ").expect("what would ask all").1;
    let least: usize = told.split(' ').next().unwrap().parse().unwrap();
    let said = plan(least);
    assert!(!said.contains("left out for the budget") && said.contains("that the site would forward"), "{said}");
    let said = plan(least - 1);
    assert!(said.contains("left out for the budget: 1 request "), "{said}");
    assert!(said.contains(&format!("--budget {least} asks all")), "{said}");
}

#[test]
fn a_plan_sends_nothing() {
    let site = site();
    let (url, heads) = server(|_| page("200 OK", "", ""));
    let output = audit(site.path(), &[&url, "--plan", "--rate", "20"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("nothing is sent now") && said.contains("by visitor") && said.contains("at 20/s"), "{said}");
    assert!(heads.lock().unwrap().is_empty());
}

#[test]
fn another_site_is_told_as_such() {
    let site = site();
    let (url, heads) = server(|_| page("200 OK", "", "<h1>It works!</h1>"));
    let output = audit(site.path(), &[&url]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("the deployed site is not what lies in this folder") && said.contains("/index.html: here"),
        "{said}"
    );
    assert!(heads.lock().unwrap().len() < 10, "nothing more is asked");
}

#[test]
fn a_site_that_wants_a_pause_is_never_shut() {
    let site = site();
    let home = std::fs::read_to_string(site.path().join("index.html")).unwrap();
    let login = std::fs::read_to_string(site.path().join("login.html")).unwrap();
    // Public pages are there; at the gate it has had enough.
    let (url, heads) = server(move |head| match head.split(' ').nth(1).unwrap_or_default() {
        "/index.html" | "/" => page("200 OK", "", &home),
        "/login.html" | "/login" => page("200 OK", "", &login),
        "/start" => page("301 Moved Permanently", "Location: /\r\n", ""),
        _ => page("429 Too Many Requests", "Retry-After: 1000\r\n", ""),
    });
    let output = audit(site.path(), &[&url, "--budget", "40"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("429") && !said.contains("  shut"), "{said}");
    let heads = heads.lock().unwrap();
    assert!(heads.iter().all(|head| head.starts_with("GET ") || head.starts_with("HEAD ")), "{heads:?}");
    assert!(heads.iter().all(|head| head.to_lowercase().contains("user-agent: gatecheck/")), "{heads:?}");
    assert!(heads.iter().all(|head| !head.contains("Host: elsewhere")), "{heads:?}");
}

/// What a server says that serves the folder, and turns everybody away at paths that begin with one of these.
fn folder_behind(site: &Path, gates: &'static [&'static str]) -> impl Fn(&str) -> String + Send + Sync + 'static {
    let site = site.to_owned();
    move |head| {
        let path = head.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
        if path == "/start" {
            return page("301 Moved Permanently", "Location: /\r\n", "");
        }
        if gates.iter().any(|gate| path.starts_with(gate)) {
            return page("302 Found", "Location: /login\r\n", "");
        }
        if !path.starts_with('/') || path.contains("//") || path.contains("..") || path.contains("/./") {
            return page("400 Bad Request", "", "");
        }
        let path = path.strip_prefix("/static").unwrap_or(path).trim_start_matches('/');
        let names = [path.to_owned(), format!("{path}.html"), format!("{path}index.html")];
        let file = names.iter().find_map(|name| std::fs::read_to_string(site.join(name)).ok());
        file.map_or_else(|| page("404 Not Found", "", ""), |file| page("200 OK", "", &file))
    }
}

#[test]
fn a_folder_that_is_served_a_second_time_is_found() {
    let site = site();
    let (url, _) = server(folder_behind(site.path(), &["/members"]));
    let said = text(&audit(site.path(), &[&url, "--budget", "450", "--whole", "1"]));
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("OPEN") && words.contains("/static/members/index.html came back to everybody"), "{said}");
}

#[test]
fn a_gate_is_tried_without_its_other_conditions() {
    let site = site();
    std::fs::write(
        site.path().join("_redirects"),
        "/start  /  301\n/members/*  /members/:splat  200!  Role=member Language=de\n/members/*  /login  302\n",
    )
    .unwrap();
    let (gated, open) =
        (folder_behind(site.path(), &["/members", "/static"]), folder_behind(site.path(), &["/static"]));
    let (url, _) =
        server(move |head| if head.to_lowercase().contains("accept-language: de") { gated(head) } else { open(head) });
    let said = text(&audit(site.path(), &[&url, "--budget", "700", "--whole", "700"]));
    assert!(said.contains("/spelling/without-its-conditions/anonymous"), "{said}");
    assert!(said.contains("The gate stands before those alone who meet its other conditions."), "{said}");
}

/// The page to log in, as the documented pattern has it: its own path is a role redirect's, and a rule shows it to everybody.
#[test]
fn a_page_that_is_shown_at_another_path_than_its_own_is_no_other_site() {
    let site = site();
    let rules = "/login  /account/  302!  Role=user\n/login  /login  200\n/account/*  /account/:splat  200!  Role=user\n/account/*  /login  302\n";
    std::fs::write(site.path().join("_redirects"), rules).unwrap();
    std::fs::create_dir_all(site.path().join("account")).unwrap();
    std::fs::write(
        site.path().join("account/index.html"),
        "The account of whoever asks, with what they owe to the club.",
    )
    .unwrap();
    let gate = Gate::start(site.path());
    let said = text(&audit(site.path(), &[&gate.url(), "--budget", "60"]));
    assert!(!said.contains("not what lies in this folder"), "{said}");
    assert!(said.contains("public files and redirects as here"), "{said}");
}

#[test]
fn of_a_gate_that_is_open_to_everybody_no_token_is_to_blame() {
    let site = site();
    let rules = std::fs::read_to_string(site.path().join("_redirects")).unwrap();
    std::fs::write(site.path().join("_redirects"), format!("/index  /login  200!\n{rules}")).unwrap();
    let (url, _) = server(folder_behind(site.path(), &[]));
    let said = text(&audit(site.path(), &[&url, "--budget", "60", "--whole", "30"]));
    assert!(said.contains("The gate is open: everybody gets the content by a plain request."), "{said}");
    assert!(!said.contains("A token counts that must not"), "{said}");
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("status 200 with other content instead of status 200, showing /login.html"), "{said}");
}

#[test]
fn a_rule_file_that_is_served_is_told() {
    let site = site();
    let (url, _) = server(folder_behind(site.path(), &["/members", "/static"]));
    let said = text(&audit(site.path(), &[&url, "--budget", "450", "--whole", "400"]));
    let (_, finding) = said.split_once("/file/_redirects/anonymous").expect(&said);
    let finding = finding.split_whitespace().take(7).collect::<Vec<_>>().join(" ");
    assert_eq!(finding, "expected status 404 got status 200 why", "{said}");
}

#[test]
fn what_is_said_at_a_gate_is_looked_at_once() {
    let site = site();
    std::fs::write(
        site.path().join("_redirects"),
        "/members/minutes  /members/minutes.html  200!  Role=clerk\n/login  /login.html  200!  Role=nobody,member\n/members/*  /members/:splat  200!  Role=member\n",
    )
    .unwrap();
    let (url, heads) = server(folder_behind(site.path(), &["/members", "/login"]));
    let said = text(&audit(site.path(), &[&url, "--budget", "10", "--anyway"]));
    let heads = heads.lock().unwrap();
    let looks = heads.iter().filter(|head| head.starts_with("GET /members/gatecheck-looks-for-nothing-here "));
    assert_eq!(looks.count(), 1, "{said} {heads:?}");
}

#[test]
fn whoever_holds_what_looks_like_the_role_is_asked_at_every_gate() {
    let site = site();
    for gate in ["role/wide-letters-folded", "role/in-any-case"] {
        let said = text(&audit(site.path(), &["--broken-gate", gate, "--budget", "40"]));
        assert!(said.contains("OPEN") && said.contains("to whoever holds what looks like `member`"), "{said}");
    }
}

#[test]
fn a_rule_for_a_country_says_why_it_is_not_asked() {
    let site = site();
    let rules = std::fs::read_to_string(site.path().join("_redirects")).unwrap();
    std::fs::write(site.path().join("_redirects"), format!("/shop/*  /de/:splat  301  Country=de\n{rules}")).unwrap();
    let said = text(&audit(site.path(), &["--budget", "40"]));
    assert!(said.contains("it asks for a country, which nobody can choose"), "{said}");
}

#[test]
fn without_a_secret_nobody_is_let_in_and_that_is_said() {
    let site = site();
    let gate = Gate::start(site.path());
    let output = audit(site.path(), &[&gate.url(), "--budget", "450"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("denied to all that were tried; nobody was let in, so this proves little"), "{said}");
    assert!(said.contains("nobody here holds member"), "{said}");
    // With it the same gate is shut.
    let output = audit(site.path(), &[&gate.url(), "--budget", "450", "--secret-env", "SITE_SECRET"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("shut"), "{said}");
    // What is left out beside a rule that is shut is none of its requests.
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let left_out = words.split_once("left out for the budget: ").expect("it is said").1;
    let left_out = left_out.split_once("; --budget").expect("and what would ask it").0;
    assert!(
        left_out.ends_with("requests with tokens and cookies of the corpus, which try the key that all gates share"),
        "{said}"
    );
    assert!(!left_out.contains(';'), "{said}");
    // A real token does as well.
    let token = rolegate_token("member");
    let output =
        audit(site.path(), &[&gate.url(), "--budget", "450", "--token-command", &format!("member=echo {token}")]);
    assert!(text(&output).contains("shut"), "{}", text(&output));
    // One for a role that no rule names is not used, and that is said.
    let output =
        audit(site.path(), &[&gate.url(), "--budget", "40", "--token-command", &format!("membr=echo {token}")]);
    assert!(text(&output).contains("no rule asks for membr"), "{}", text(&output));
}

/// A token of the site for a role.
fn rolegate_token(role: &str) -> String {
    use gatecheck::corpus::Settings;
    use gatecheck::corpus::recipe::{Recipe, Recipes};
    use gatecheck::mint::Mint;
    let settings = Settings { secret: SECRET.to_owned(), ..Settings::default() };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let recipes = Recipes::default();
    let mint = Mint { recipes: &recipes, settings: &settings, now: i64::try_from(now).unwrap(), listener: "" };
    let object = |text: &str| serde_json::from_str::<serde_json::Map<String, Value>>(text).unwrap();
    let recipe = Recipe {
        header: object(r#"{ "alg": "HS256", "typ": "JWT" }"#),
        claims: object(r#"{ "exp": "$(now+3600)" }"#),
        roles: Some(serde_json::json!([role])),
        ..Recipe::default()
    };
    String::from_utf8(mint.mint(&recipe).unwrap()).unwrap()
}

#[test]
fn parts_become_one_and_what_is_missing_is_named() {
    let site = site();
    // Not in the site: what lies there is published.
    let reports = tempfile::tempdir().unwrap();
    let part = |number: usize| reports.path().join(format!("part-{number}.json")).display().to_string();
    // Three jobs side by side, each told its part by the variables of its engine.
    let jobs: Vec<Child> = (1..=3)
        .map(|number| {
            std::process::Command::new(assert_cmd::cargo::cargo_bin("gatecheck"))
                .current_dir(site.path())
                .env("NO_COLOR", "1")
                .env("CI_NODE_INDEX", number.to_string())
                .env("CI_NODE_TOTAL", "3")
                .args(["audit", "--site", ".", "--shard", "--format", &format!("json={}", part(number))])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for job in jobs {
        assert!(job.wait_with_output().unwrap().status.success());
    }
    // One is lost.
    let output = audit(site.path(), &["--merge", &part(1), &part(3)]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("part 2/3 is missing; run it with `--shard 2/3` and the same options"), "{said}");
    let output = audit(
        site.path(),
        &[
            "--format",
            &format!("junit={}", reports.path().join("all.xml").display()),
            "--merge",
            &part(1),
            &part(2),
            &part(3),
        ],
    );
    let said = text(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("shut"), "{said}");
    assert!(reports.path().join("all.xml").is_file());
    // The parts of another audit are none of this one.
    let output = audit(site.path(), &["--seed", "2", "--budget", "90", "--merge", &part(1), &part(2), &part(3)]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}

/// The reference on a folder, in this process.
struct Gate {
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Gate {
    fn start(site: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let key = KeySource::Secret { name: "SITE_SECRET".to_owned(), secret: SECRET.into() };
        let settings = rolegate::TokenSettings {
            role_path: gatecheck::corpus::DEFAULT_ROLE_PATH.parse().unwrap(),
            ..rolegate::TokenSettings::default()
        };
        let loaded = Config::of(site.to_owned(), key, settings).load().unwrap();
        let gate = Arc::new(GateInForce::new(loaded.gate));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = runtime.block_on(Server::bind(address, gate, ServerOptions::default())).unwrap();
        let address = server.local_addr();
        runtime.spawn(server.run(std::future::pending()));
        Self { address, _runtime: runtime }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// nginx with a cache in front of a gate.
struct Cache {
    process: Child,
    address: SocketAddr,
    _work: TempDir,
}

impl Cache {
    /// `None`, said aloud, where nginx is not installed. With TLS it speaks HTTP/2 as well.
    fn start(gate: SocketAddr, setting: &str, tls: bool) -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
        let Some(nginx) = folders.map(|folder| folder.join("nginx")).find(|path| path.is_file()) else {
            let _ = writeln!(std::io::stderr(), "SKIPPED: nginx is not installed");
            return None;
        };
        let work = tempfile::tempdir().unwrap();
        let at = work.path().display();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let temporary =
            ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {at}/{kind};"));
        let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(work.path().join("certificate.pem"), certified.cert.pem()).unwrap();
        std::fs::write(work.path().join("key.pem"), certified.signing_key.serialize_pem()).unwrap();
        let https = format!(" ssl http2;\n  ssl_certificate {at}/certificate.pem;\n  ssl_certificate_key {at}/key.pem");
        let listen = format!("{address}{}", if tls { https.as_str() } else { "" });
        let conf = format!(
            "events {{}}\nhttp {{\n{}\naccess_log off;\nproxy_cache_path {at}/cache keys_zone=pages:1m;\n\
             map $server_protocol $is_old {{ HTTP/2.0 0; default 1; }}\n\
             server {{\n  listen {listen};\n  location / {{\n    proxy_pass http://{gate};\n    proxy_set_header Host $http_host;\n    \
             proxy_cache pages;\n    add_header X-Cache-Status $upstream_cache_status always;\n{setting}\n  }}\n}}\n}}\n",
            temporary.join("\n")
        );
        std::fs::write(work.path().join("nginx.conf"), conf).unwrap();
        let global = format!("daemon off; master_process off; pid {at}/pid; error_log stderr;");
        let process = std::process::Command::new(nginx)
            .args(["-p", &at.to_string(), "-c", &format!("{at}/nginx.conf"), "-g", &global])
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(work.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).is_err() {
            let log = std::fs::read_to_string(work.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "nginx does not listen: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(Self { process, address, _work: work })
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_cache_that_is_wrongly_set_up_is_caught_and_a_right_one_is_not_blamed() {
    let site = site();
    let gate = Gate::start(site.path());
    // It keeps what says that it must not be kept.
    let wrong = "    proxy_ignore_headers Cache-Control Expires Set-Cookie Vary;\n    proxy_cache_valid any 5m;";
    for (setting, status, says) in [(wrong, 1, "OPEN"), ("", 0, "shut")] {
        let Some(cache) = Cache::start(gate.address, setting, false) else { return };
        let url = format!("http://{}", cache.address);
        let output = audit(site.path(), &[&url, "--secret-env", "SITE_SECRET", "--budget", "450"]);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(status), "{setting}: {said}");
        assert!(said.contains(says), "{setting}: {said}");
        if status == 1 {
            assert!(said.contains("from a cache") || said.contains("a cache says"), "{said}");
        }
    }
}

#[test]
fn a_cache_that_is_wrong_over_http_2_alone_is_caught() {
    let site = site();
    let gate = Gate::start(site.path());
    let wrong = "    proxy_ignore_headers Cache-Control Expires Set-Cookie Vary;\n    proxy_cache_valid any 5m;\n    \
                 proxy_no_cache $is_old;\n    proxy_cache_bypass $is_old;";
    let reports = tempfile::tempdir().unwrap();
    let report = reports.path().join("report.json");
    for (setting, status) in [(wrong, 1), ("", 0)] {
        let Some(cache) = Cache::start(gate.address, setting, true) else { return };
        let url = format!("https://{}", cache.address);
        let json = format!("json={}", report.display());
        let output = audit(
            site.path(),
            &[&url, "--insecure", "--secret-env", "SITE_SECRET", "--budget", "120", "--format", &json],
        );
        let said = text(&output);
        assert_eq!(output.status.code(), Some(status), "{setting}: {said}");
        let told: Value = serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
        let results = told["results"].as_array().unwrap();
        let second = results.iter().filter(|one| one["id"].as_str().unwrap().contains("-http-2"));
        assert!(second.clone().count() > 0, "caches are asked over HTTP/2");
        // The cache alone leaks, and that over HTTP/2 alone.
        let leaks: Vec<&str> =
            results.iter().filter(|one| one["verdict"] == "leak").map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(leaks.is_empty(), status == 0, "{leaks:?}");
        assert!(leaks.iter().all(|id| id.contains("-http-2")), "{leaks:?}");
    }
}

/// What a user says of the gate reaches the tokens: with the same setting the sound gate is blamed for nothing, and a broken one is found.
#[test]
fn what_the_gate_asks_of_a_token_is_asked_of_the_tokens_that_are_made() {
    let site = site();
    let names = ["--issuer", "https://id.example/", "--audience", "club"];
    // Every token is tried with each setting in `gatecheck_audit::tokens`.
    for settings in [&names[..], &["--role-path", "/https:~1~1club.example~1roles"]] {
        let said = audit(site.path(), &[settings, &["--budget", "9000"]].concat());
        let (status, said) = (said.status.code(), text(&said));
        assert_eq!(status, Some(0), "{settings:?}: {said}");
        assert!(said.contains("shut") && !said.contains("left out"), "{settings:?}: {said}");
    }
    for (settings, defect) in [
        (&names[..], "iss/ignored"),
        (&names, "aud/ignored"),
        (&names, "open/any-bad-token"),
        (&["--role-path", "roles"], "open/any-bad-token"),
    ] {
        let said = audit(site.path(), &[settings, &["--budget", "60", "--broken-gate", defect]].concat());
        let (status, said) = (said.status.code(), text(&said));
        assert!(status == Some(1) && said.contains("OPEN"), "{defect}: {said}");
    }
}

/// Where no gate answers, no rule is said to be shut, or to deny anybody.
#[cfg(unix)]
#[test]
fn a_gate_that_is_not_there_shuts_nothing() {
    let site = site();
    for (command, status, says) in [
        ("sh -c 'echo rules for another host are not read >&2; exit 77' gate {site} {port}", 3, "unsupported"),
        ("sh -c 'echo rules for another host are not read >&2; exit 1' gate {site} {port}", 3, "no answer"),
        // It takes a plain site, and not this one.
        (
            "sh -c 'grep -q member \"$1/_redirects\" || exec python3 -m http.server --directory \"$1\" --bind 127.0.0.1 \"$2\"; \
             echo rules for another host are not read >&2; exit 1' gate {site} {port}",
            1,
            "does not start on this site",
        ),
    ] {
        let output = audit(site.path(), &["--launch", command, "--budget", "60"]);
        let (code, said) = (output.status.code(), text(&output));
        let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(code, Some(status), "{command}: {said}");
        assert!(words.contains(says) && words.contains("rules for another host are not read"), "{command}: {said}");
        let said_of_no_gate = [" shut ", "denied to all", " pass ", "instead of"];
        assert!(!said_of_no_gate.iter().any(|word| words.contains(word)), "{command}: {said}");
    }
    // One that answers no more after a while.
    let pages = ["index.html", "login.html", "members/index.html", "members/minutes.html"];
    let pages = pages.map(|name| std::fs::read_to_string(site.path().join(name)).unwrap());
    let left = Mutex::new(60_u32);
    let (url, _) = server(move |head| {
        let mut left = left.lock().unwrap();
        *left = left.saturating_sub(u32::from(!head.is_empty()));
        let is_member = head.to_ascii_lowercase().contains("cookie: nf_jwt=a.b.c");
        match head.split(' ').nth(1).unwrap_or_default() {
            _ if *left == 0 => String::new(),
            "/index.html" | "/" => page("200 OK", "", &pages[0]),
            "/login.html" | "/login" => page("200 OK", "", &pages[1]),
            "/start" => page("301 Moved Permanently", "Location: /\r\n", ""),
            "/members/" if is_member => page("200 OK", "", &pages[2]),
            _ => page("302 Found", "Location: /login\r\n", ""),
        }
    });
    let said = text(&audit(site.path(), &[&url, "--token-command", "member=echo a.b.c", "--budget", "200"]));
    assert!(!said.contains("shut") && !said.contains("denied,"), "{said}");
}

#[test]
fn what_is_asked_and_nobody_is_blamed_for() {
    let site = site();
    let said = text(&audit(site.path(), &["--budget", "700"]));
    // The reference never sends anybody to another spelling; 304 is no redirect, and a rule's own redirect is none of them.
    assert!(said.contains("shut") && !said.contains("another spelling"), "{said}");
    // A gate that says where holders are sent closes no file, and no token is spent on it.
    let rules = std::fs::read_to_string(site.path().join("_redirects")).unwrap();
    std::fs::write(
        site.path().join("_redirects"),
        format!("/login  /members/  302!  Role=member\n/login  /login  200\n{rules}"),
    )
    .unwrap();
    let said = text(&audit(site.path(), &["--budget", "2000"]));
    let line = |start: &str| said.lines().find(|line| line.contains(start)).unwrap_or_default().to_owned();
    assert!(line("_redirects:1 ").contains("no files") && !line("_redirects:4 ").contains("no files"), "{said}");
}

#[test]
fn an_open_gate_is_told_by_whoever_is_most() {
    let site = site();
    let pages = ["index.html", "login.html", "members/index.html"];
    let pages = pages.map(|name| std::fs::read_to_string(site.path().join(name)).unwrap());
    let (url, _) = server(move |head| match head.split(' ').nth(1).unwrap_or_default() {
        "/index.html" | "/" => page("200 OK", "", &pages[0]),
        "/login.html" | "/login" => page("200 OK", "", &pages[1]),
        "/start" => page("301 Moved Permanently", "Location: /\r\n", ""),
        _ => page("200 OK", "", &pages[2]),
    });
    let said = text(&audit(site.path(), &[&url, "--secret-env", "SITE_SECRET", "--budget", "60"]));
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("came back to everybody"), "{said}");
}

/// A silent cache before a server: it keeps what `keeps` says of target and answer, by the URL alone.
fn cached(
    behind: impl Fn(&str) -> String + Send + Sync + 'static,
    keeps: fn(&str, &str) -> bool,
) -> impl Fn(&str) -> String + Send + Sync + 'static {
    let kept = Mutex::new(BTreeMap::<String, String>::new());
    move |head: &str| {
        let line = head.lines().next().unwrap_or_default().to_owned();
        if let Some(answer) = kept.lock().unwrap().get(&line) {
            return answer.clone();
        }
        let answer = behind(head);
        let target = line.split(' ').nth(1).unwrap_or_default();
        if keeps(target.split('?').next().unwrap_or_default(), &answer) {
            kept.lock().unwrap().insert(line, answer.clone());
        }
        answer
    }
}

/// What a cache keeps that says nothing of itself is found, whichever files it keeps, and the gate behind it is not blamed.
#[test]
fn a_silent_cache_is_found_and_the_gate_is_not_blamed() {
    let site = site();
    let rota =
        (1..20).map(|day| format!("  \"day {day}\": \"boat {} to the boathouse\",\n", day * 37)).collect::<String>();
    std::fs::write(site.path().join("members/rota.json"), format!("{{\n{rota}  \"end\": true\n}}\n")).unwrap();
    let gate = sound(site.path());
    let ask = |keeps: fn(&str, &str) -> bool| {
        let (url, _) = server(cached(gate.clone(), keeps));
        let arguments = [&url, "--token-command", "member=echo a.b.c", "--budget", "600", "--whole", "99"];
        let output = audit(site.path(), &arguments);
        (output.status.code(), text(&output).split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let (code, said) = ask(|_, _| false);
    assert!(code == Some(0) && said.contains("Role=member shut"), "{said}");
    // By the ending of the name.
    let (code, said) = ask(|path, answer| path.ends_with(".json") && answer.starts_with("HTTP/1.1 200"));
    assert!(code == Some(1) && said.contains("Role=member OPEN /members/rota.json"), "{said}");
    assert!(said.contains("A cache in front of the site keeps") && !said.contains("The gate is open"), "{said}");
    // All that was let in.
    let (code, said) = ask(|_, answer| answer.starts_with("HTTP/1.1 200"));
    assert!(code == Some(1) && said.contains("Role=member OPEN"), "{said}");
    assert!(said.contains("as where a cache keeps what a member got"), "{said}");
    assert!(!said.contains("The gate is open") && !said.contains("A token counts"), "{said}");
    // All that was turned away.
    let (code, said) = ask(|_, answer| answer.starts_with("HTTP/1.1 302"));
    assert!(code == Some(1) && !said.contains("OPEN"), "{said}");
    assert!(said.contains("as where a cache keeps what was said to somebody who is turned away"), "{said}");
    assert!(!said.contains("sent on to another spelling") && !said.contains("is kept out"), "{said}");
}

/// The rules know one cookie. One of the server's own that it gives to everybody opens no gate; one that it gives to members is theirs.
#[test]
fn a_cookie_of_the_server_that_opens_a_gate_is_found() {
    let site = site();
    let gate = sound(site.path());
    for (given, is_open) in [("HTTP/1.1 302 Found", true), ("HTTP/1.1 200 OK", false)] {
        let plain = gate.clone();
        let (url, _) = server(move |head| {
            let lower = head.to_ascii_lowercase();
            let has_session = lower.lines().any(|line| line.starts_with("cookie: ") && line.contains("sid=s3"));
            let member =
                lower.lines().next().unwrap_or_default().replace("http/1.1", "HTTP/1.1").replacen("get", "GET", 1);
            if has_session && !lower.contains("nf_jwt=") {
                return plain(&format!("{member}\r\ncookie: nf_jwt=a.b.c\r\n\r\n"));
            }
            let answer = plain(head);
            let is_gated = lower.split(' ').nth(1).unwrap_or_default().starts_with("/members");
            match answer.strip_prefix(given) {
                Some(rest) if is_gated => {
                    format!("{given}\r\nSet-Cookie: nf_jwt=a.b.c\r\nSet-Cookie: sid=s3; Path=/{rest}")
                }
                _ => answer,
            }
        });
        let output = audit(site.path(), &[&url, "--token-command", "member=echo a.b.c", "--budget", "90"]);
        let said = text(&output).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code() == Some(1) && said.contains("Role=member OPEN"), is_open, "{given}: {said}");
        let why = "A cookie that the site gives to everybody opens the gate without a token";
        assert_eq!(said.contains(why), is_open, "{given}: {said}");
    }
}

/// What servers of others do for everybody alike, or for the visitor alone, is no fault of the rules.
#[test]
fn what_a_server_does_for_everybody_is_no_finding() {
    let site = site();
    let gate = sound(site.path());
    let read = |name: &str| std::fs::read_to_string(site.path().join(name)).unwrap();
    let ask = |answer: Box<dyn Fn(&str) -> String + Send + Sync>| {
        let (url, heads) = server(answer);
        let output = audit(site.path(), &[&url, "--token-command", "member=echo a.b.c", "--budget", "600"]);
        let said = text(&output).split_whitespace().collect::<Vec<_>>().join(" ");
        let asked = heads.lock().unwrap().len();
        (output.status.code(), said, asked)
    };
    let plain = gate.clone();
    let (code, said, _) = ask(Box::new(move |head| plain(head)));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Role=member shut"), "{said}");

    // A session that slides: whoever holds a token gets it anew.
    let plain = gate.clone();
    let (code, said, _) = ask(Box::new(move |head| {
        let is_member = head.contains("nf_jwt=a.b.c");
        let cookie = "200 OK\r\nSet-Cookie: nf_jwt=a.b.c; Path=/; HttpOnly";
        if is_member { plain(head).replacen("200 OK", cookie, 1) } else { plain(head) }
    }));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Role=member shut"), "{said}");

    // One spelling of each page alone, which is asked for before anybody is asked who they are.
    let plain = gate.clone();
    let (code, said, _) = ask(Box::new(move |head| {
        let target = head.split(' ').nth(1).unwrap_or_default();
        let (path, query) = target.find('?').map_or((target, ""), |at| target.split_at(at));
        let bare = path.strip_suffix("/index.html").map(|folder| format!("{folder}/"));
        match bare.or_else(|| path.strip_suffix(".html").map(str::to_owned)) {
            Some(bare) if path.starts_with("/members") => {
                page("308 Permanent Redirect", &format!("Location: {bare}{query}\r\n"), "")
            }
            _ => plain(head),
        }
    }));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Role=member shut") && said.contains("sent on to another spelling"), "{said}");

    // HEAD is no method of this server.
    let plain = gate.clone();
    let (code, said, _) = ask(Box::new(move |head| match head.starts_with("HEAD ") {
        true => page("405 Method Not Allowed", "Allow: GET\r\n", ""),
        false => plain(head),
    }));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("answers 405 to such a request for a public page as well"), "{said}");

    // A HEAD that tells the length of a closed file is a finding, and said to be what it is.
    let (plain, length) = (gate.clone(), read("members/index.html").len());
    let (code, said, _) = ask(Box::new(move |head| match head.starts_with("HEAD /members/ ") {
        true => format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"),
        false => plain(head),
    }));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is told what describes the closed file") && said.contains("Content-Length"), "{said}");
    assert!(!said.contains("nothing of a closed file came back"), "{said}");

    // Whoever asked oddly once is blocked.
    let (plain, blocked) = (gate.clone(), Arc::new(Mutex::new(false)));
    let (code, said, asked) = ask(Box::new(move |head| {
        let mut blocked = blocked.lock().unwrap();
        *blocked |= ["//", "%2"].iter().any(|odd| head.lines().next().unwrap_or_default().contains(odd));
        if *blocked { page("403 Forbidden", "", "<h1>Your address is blocked</h1>") } else { plain(head) }
    }));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("the site refuses everybody from here"), "{said}");
    assert!(!said.contains("Role=member differs") && !said.contains(" fail "), "{said}");
    assert!(asked < 400, "it is left alone: {asked}");

    // Overloaded now and then.
    let (plain, count) = (gate.clone(), Arc::new(Mutex::new(0)));
    let (code, said, _) = ask(Box::new(move |head| {
        let mut count = count.lock().unwrap();
        *count += 1;
        if *count % 97 == 96 { page("503 Service Unavailable", "", "over capacity") } else { plain(head) }
    }));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Role=member shut"), "{said}");
}

/// What a visitor reads in one line of the table is what differs, and an audit that is cut short has asked what says most.
#[test]
fn what_differs_is_said_and_what_says_most_is_asked_first() {
    let site = site();
    let gate = sound(site.path());
    let ask = |answer: Box<dyn Fn(&str) -> String + Send + Sync>, more: &[&str]| {
        let (url, _) = server(answer);
        let arguments = [&[&url, "--token-command", "member=echo a.b.c", "--budget", "300"], more].concat();
        text(&audit(site.path(), &arguments)).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    // A denial that holds the token that was sent.
    let plain = gate.clone();
    let said = ask(
        Box::new(move |head| {
            let cookie = head.lines().find_map(|line| line.strip_prefix("cookie: ")).unwrap_or_default();
            match plain(head).split_once("\r\n") {
                Some((status @ "HTTP/1.1 302 Found", _)) => {
                    page(&status[9..], "Location: /login\r\n", &format!("denied: {cookie}"))
                }
                _ => plain(head),
            }
        }),
        &[],
    );
    assert!(said.contains("Location `/login`; what an answer may hold: expected neither token nor secret"), "{said}");
    assert!(!said.contains("Location `/login` instead of `denied` (status 302, Location `/login`)"), "{said}");

    // A closed page in another writing, for everybody.
    let plain = gate.clone();
    let said = ask(
        Box::new(move |head| {
            let answer = plain(head);
            if answer.starts_with("HTTP/1.1 302") { page("200 OK", "", "PCFkb2N0eXBlIGh0bWw+") } else { answer }
        }),
        &[],
    );
    assert!(said.contains("differs") && said.contains("no run of bytes of a closed file was seen"), "{said}");

    let events = site.path().join("events.ndjson");
    let format = format!("ndjson={}", events.display());
    let said = ask(Box::new(gate), &["--jobs", "1", "--format", &format]);
    let events = std::fs::read_to_string(&events).unwrap();
    let ids = events.lines().filter_map(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        event["id"].as_str().map(str::to_owned)
    });
    let kinds = ["rule", "cache", "session", "spelling", "file", "token"];
    let stages: Vec<_> =
        ids.filter_map(|id| kinds.iter().position(|kind| id.split('/').nth(2) == Some(kind))).collect();
    assert!(stages.len() > 100 && stages.is_sorted(), "{stages:?}: {said}");
}

/// What a host puts into every page is no other content, where the one public page is closed at its own path and shown at another.
#[test]
fn a_host_that_puts_something_into_pages_is_no_finding() {
    let site = site();
    let write = |name: &str, text: &str| std::fs::write(site.path().join(name), text).unwrap();
    write(
        "_redirects",
        "/login  /login.html  200!\n/site.css  /site.css  200!\n/*  /:splat  200!  Role=member\n/*  /login  302!\n",
    );
    write("site.css", &"body { color: black }\n".repeat(9));
    let folder = site.path().to_owned();
    let (url, _) = server(move |head| {
        let target = head.split(' ').nth(1).unwrap_or_default();
        // By the field, as some servers do.
        let named = head.lines().find_map(|line| line.strip_prefix("x-original-url: "));
        let path = named.filter(|_| head.contains("nf_jwt=a.b.c")).unwrap_or(target);
        let path = path.split('?').next().unwrap_or_default();
        let file = match path {
            "/login" => "login.html",
            "/site.css" => "site.css",
            _ if !head.contains("nf_jwt=a.b.c") => return page("302 Found", "Location: /login\r\n", ""),
            _ => path.trim_start_matches('/'),
        };
        let names = [file.to_owned(), format!("{file}.html"), format!("{file}index.html")];
        match names.iter().find_map(|name| std::fs::read_to_string(folder.join(name)).ok()) {
            Some(text) => page("200 OK", "", &text.replace("</title>", "</title><script>/* of the host */</script>")),
            None => page("404 Not Found", "", ""),
        }
    });
    let output = audit(site.path(), &[&url, "--token-command", "member=echo a.b.c", "--budget", "90"]);
    let said = text(&output);
    assert!(said.contains("1 built otherwise"), "{said}");
    assert!(!said.contains("with other content"), "{said}");
}

#[test]
fn what_stands_before_a_whole_site_is_named() {
    let site = site();
    for (answer, says) in [
        (
            "HTTP/1.1 301 Moved Permanently\r\nLocation: https://club.exampleTARGET\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "is sent on to the same path of https://club.example; audit that: `gatecheck audit https://club.example`",
        ),
        (
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"staging\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "it asks everybody for a password, before its rules",
        ),
    ] {
        let (url, heads) = server(move |head| answer.replace("TARGET", head.split(' ').nth(1).unwrap_or_default()));
        let output = audit(site.path(), &[&url]);
        let said = text(&output).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(says), "{said}");
        assert!(heads.lock().unwrap().len() < 3, "nothing more is asked");
    }
    let none = audit(site.path(), &["--budget", "0"]);
    assert_eq!(none.status.code(), Some(2), "{}", text(&none));
}
