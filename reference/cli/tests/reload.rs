//! New versions of rules, secret and site under load: every answer comes from exactly one version.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rolegate::{Outcome, Request, Scheme, TokenSettings};
use rolegate_server::config::{Config, KeySource, Loaded};
use rolegate_server::reload::{Occasion, ReloadError, Reloader, Watch};
use rolegate_server::server::operations::Readiness;
use rolegate_server::{GateInForce, Operations, ServerOptions};
use tempfile::TempDir;

use common::{Client, Response, Running, request, token_by, write};

const VERSIONS: usize = 6;
/// Each version answers `/page` with a status of its own, from its rules, and a body of its own, from its files.
const STATUSES: [u16; VERSIONS] = [401, 403, 404, 410, 451, 200];

fn secret(version: usize) -> String {
    format!("the secret of version {version}, which has more than 32 octets")
}

fn publish(folder: &Path, version: usize) {
    let status = STATUSES[version];
    let rules = format!(
        "/page /shown.html {status}\n/members/* /members/:splat 200! Role=admin\n/members/* /login/{version} 302\n"
    );
    write(folder, "_redirects", &rules);
    write(folder, "shown.html", &format!("version {version}"));
    write(folder, "members/home.html", &format!("members {version}"));
    write(folder, ".secret", &secret(version));
}

/// A way in which a version can be no gate.
fn spoil(folder: &Path, how: usize) {
    match how % 3 {
        0 => write(folder, "_redirects", "www.members.example/* /members/:splat 200! Role=admin\n"),
        1 => write(folder, ".secret", " \n"),
        _ => std::fs::remove_file(folder.join(".secret")).unwrap_or_default(),
    }
}

fn config(folder: &Path) -> Config {
    Config::of(folder.to_owned(), KeySource::SecretFile(folder.join(".secret")), TokenSettings::default())
}

struct Site {
    folder: TempDir,
    gate: Arc<GateInForce>,
    operations: Arc<Operations>,
    reloader: Reloader,
}

impl Site {
    fn new() -> Site {
        let folder = tempfile::tempdir().expect("a folder");
        publish(folder.path(), 0);
        let config = config(folder.path());
        let Loaded { gate, source } = config.load().expect("a gate");
        let gate = Arc::new(GateInForce::new(gate));
        let operations = Arc::new(Operations::default());
        let reloader = Reloader::new(config, &source, Arc::clone(&gate), Arc::clone(&operations));
        Site { folder, gate, operations, reloader }
    }

    fn serve(&self) -> Running {
        let operations = Arc::clone(&self.operations);
        Running::serving(Arc::clone(&self.gate), ServerOptions { operations, ..ServerOptions::default() })
    }
}

/// The version that an answer to `/page` comes from; fails where it is none.
fn version_of_page(answer: &Response) -> usize {
    let version = STATUSES.iter().position(|status| *status == answer.status).expect("a status of some version");
    assert_eq!(answer.body, format!("version {version}"), "rules of one version, files of another");
    version
}

/// Checks an answer to a visitor whose token was signed with the secret of `signed`.
fn check_members(answer: &Response, signed: usize) {
    match answer.status {
        200 => assert_eq!(answer.body, format!("members {signed}"), "secret of one version, files of another"),
        302 => {
            let version = answer.header("location").strip_prefix("/login/").expect("the denial response");
            assert_ne!(version, signed.to_string(), "the secret of this version admits");
        }
        status => panic!("{status} is an answer of no version"),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Publish(usize),
    Spoil(usize),
    Reload,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0..VERSIONS).prop_map(Step::Publish),
        1 => (0..3_usize).prop_map(Step::Spoil),
        3 => Just(Step::Reload),
    ];
    prop::collection::vec(step, 1..24)
}

/// Asks on one connection until it is told to stop, and says how often.
fn keep_asking(mut client: Client, stop: &AtomicBool, asked: &AtomicUsize) {
    let page = request("GET", "/page", &[]);
    let members: Vec<String> = (0..VERSIONS)
        .map(|version| {
            let cookie = format!("nf_jwt={}", token_by(&secret(version), "admin"));
            request("GET", "/members/home", &[("Cookie", &cookie)])
        })
        .collect();
    while !stop.load(Ordering::Relaxed) {
        client.send(page.as_bytes());
        version_of_page(&client.response(false));
        for (signed, request) in members.iter().enumerate() {
            client.send(request.as_bytes());
            check_members(&client.response(false), signed);
        }
        asked.fetch_add(1, Ordering::Relaxed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_comes_from_one_version(steps in steps()) {
        let mut site = Site::new();
        let gate = site.serve();
        let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..3).map(|_| {
                let client = gate.client();
                scope.spawn(|| keep_asking(client, &stop, &asked))
            }).collect();
            let mut probe = gate.client();
            let (mut on_disk, mut in_force) = (Some(0), 0);
            for step in steps {
                match step {
                    Step::Publish(version) => {
                        publish(site.folder.path(), version);
                        on_disk = Some(version);
                    }
                    Step::Spoil(how) => {
                        spoil(site.folder.path(), how);
                        on_disk = None;
                    }
                    Step::Reload => {
                        let ended = site.reloader.reload(Occasion::Told, &mut || false);
                        assert_eq!(ended.is_ok(), on_disk.is_some(), "{ended:?}");
                        in_force = on_disk.unwrap_or(in_force);
                        let outdated = matches!(site.operations.readiness(), Readiness::Outdated(_));
                        assert_eq!(outdated, on_disk.is_none());
                        // Every client gets a turn in this version.
                        let before = asked.load(Ordering::Relaxed);
                        while asked.load(Ordering::Relaxed) < before + 3 && !clients.iter().any(|c| c.is_finished()) {
                            std::thread::yield_now();
                        }
                    }
                }
                probe.send(request("GET", "/page", &[]).as_bytes());
                assert_eq!(version_of_page(&probe.response(false)), in_force);
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}

#[test]
fn nobody_meant_it_where_no_gate_is_left() {
    let mut site = Site::new();
    write(site.folder.path(), "_redirects", "");
    let ended = site.reloader.reload(Occasion::Changed, &mut || false);
    assert!(matches!(ended, Err(ReloadError::Incomplete { .. })), "a file that is being written: {ended:?}");
    assert_eq!(site.gate.gate().rules().rules().len(), 3);
    site.reloader.reload(Occasion::Told, &mut || false).expect("the operator says so");
    assert_eq!(site.gate.gate().rules().rules().len(), 0);
}

/// What an anonymous visitor gets at `target` of the version in force.
fn asked(gate: &GateInForce, target: &str) -> Outcome {
    let request = Request {
        method: "GET",
        target: target.as_bytes(),
        host: None,
        scheme: Scheme::Http,
        headers: &[],
        country: None,
    };
    gate.gate().decide(&request, rolegate_server::clock::now()).outcome
}

impl Site {
    /// A gate whose rule files are these.
    fn of(files: &[(&str, &str)]) -> Site {
        let mut site = Site::new();
        std::fs::remove_file(site.folder.path().join("_redirects")).expect("removed");
        for (name, text) in files {
            write(site.folder.path(), name, text);
        }
        site.reloader.reload(Occasion::Told, &mut || false).expect("a gate");
        site
    }

    fn change(&mut self) -> Result<(), ReloadError> {
        self.reloader.reload(Occasion::Changed, &mut || false)
    }
}

const GATE: &str = "/a /b 301\n/members/* /members/:splat 200! Role=admin\n/c /d 301\n";
const SEAL: &str = "/members/* /members/:splat Role=admin\n";
const PASSWORD: &str = "/members/*\n  Basic-Auth: me:secret\n";
const TOML: &str = "[[redirects]]\nfrom = '/members/*'\nto = '/members/:splat'\nstatus = 200\nforce = true\n\
    conditions = { Role = ['admin'] }\n";
const TOML_PASSWORD: &str = "[[headers]]\nfor = '/members/*'\n[headers.values]\nBasic-Auth = 'me:secret'\n";

/// RELOAD-3: every way in which the gate of a rule file is gone for a moment.
#[test]
fn a_rule_file_that_is_written_opens_nothing() {
    for (name, text) in [
        ("_redirects", GATE),
        ("_redirects", SEAL),
        ("_headers", PASSWORD),
        ("netlify.toml", TOML),
        ("netlify.toml", TOML_PASSWORD),
    ] {
        let mut site = Site::of(&[(name, text)]);
        let shut = asked(&site.gate, "/members/home");
        assert!(matches!(shut, Outcome::NotFound { .. }), "{name}: {shut:?}");
        let path = site.folder.path().join(name);
        let half: String = text.chars().take(text.len() / 3).collect();
        let first_line = text.split_inclusive('\n').next().unwrap_or_default().to_owned();
        for what in ["", "\n", "# nothing\n", &half, &first_line, "[build]\n", "/x /y 301\n"] {
            std::fs::write(&path, what).expect("written");
            let ended = site.change();
            assert_eq!(asked(&site.gate, "/members/home"), shut, "{name} with {what:?}: {ended:?}");
            if let Err(error) = ended {
                let Readiness::Outdated(why) = site.operations.readiness() else { panic!("{error} is not said") };
                assert_eq!(why, error.to_string());
            }
        }
        std::fs::remove_file(&path).expect("removed");
        let ended = site.change();
        assert!(matches!(ended, Err(ReloadError::Incomplete { .. })), "{name} is gone: {ended:?}");
        assert!(site.operations.metrics().text().contains("\nrolegate_reload_doubtful 1\n"));
        std::fs::create_dir(&path).expect("made");
        assert!(matches!(site.change(), Err(ReloadError::Load(_))), "{name} is a folder");
        std::fs::remove_dir(&path).expect("removed");
        write(site.folder.path(), name, text);
        site.change().expect("it is whole again");
        assert_eq!(site.operations.readiness(), Readiness::Ready);
        // The operator means it.
        std::fs::remove_file(&path).expect("removed");
        site.reloader.reload(Occasion::Told, &mut || false).expect("the operator says so");
        assert!(matches!(asked(&site.gate, "/members/home"), Outcome::Serve { .. }));
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_nowhere_is_no_absent_file() {
    let mut site = Site::of(&[("_redirects", GATE), ("_headers", "/x\n  X-A: b\n")]);
    for name in ["_redirects", "_headers", "netlify.toml"] {
        let path = site.folder.path().join(name);
        let before = std::fs::read(&path).ok();
        let _absent = std::fs::remove_file(&path);
        std::os::unix::fs::symlink("nowhere", &path).expect("linked");
        for occasion in [Occasion::Changed, Occasion::Told] {
            let ended = site.reloader.reload(occasion, &mut || false);
            assert!(matches!(ended, Err(ReloadError::Load(_))), "{name}: {ended:?}");
        }
        assert!(config(site.folder.path()).load().is_err(), "at the start too");
        std::fs::remove_file(&path).expect("removed");
        if let Some(text) = before {
            std::fs::write(&path, text).expect("written");
        }
        site.change().expect("as it was");
    }
}

#[test]
fn one_of_two_rule_files_is_gone() {
    let mut site = Site::of(&[("_redirects", GATE), ("netlify.toml", "[[redirects]]\nfrom = '/x'\nto = '/y'\n")]);
    std::fs::remove_file(site.folder.path().join("netlify.toml")).expect("removed");
    assert!(matches!(site.change(), Err(ReloadError::Incomplete { .. })));
    let mut site = Site::of(&[("netlify.toml", TOML), ("_redirects", "/x /y 301\n")]);
    write(site.folder.path(), "netlify.toml", "[build]\n");
    let ended = site.change();
    assert!(matches!(ended, Err(ReloadError::Opens(_))), "{ended:?}");
    // What opens nothing is followed.
    write(site.folder.path(), "netlify.toml", &format!("{TOML}[[redirects]]\nfrom = '/v'\nto = '/w'\n"));
    write(site.folder.path(), "_redirects", "/x /z 302\n/members/* /login 302!\n");
    site.change().expect("nothing opens");
    assert_eq!(asked(&site.gate, "/x"), Outcome::Redirect { status: 302, location: "/z".to_owned() });
    assert_eq!(asked(&site.gate, "/members/home"), Outcome::Redirect { status: 302, location: "/login".to_owned() });
}

#[test]
fn keys_that_are_being_written_keep_the_old_ones() {
    let mut site = Site::of(&[("_redirects", GATE)]);
    for half in ["", "\n", "the sec"] {
        write(site.folder.path(), ".secret", half);
        assert!(site.change().is_err(), "{half:?}");
    }
    write(site.folder.path(), ".secret", &secret(4));
    site.change().expect("a whole secret");
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_moved_away_stays_closed() {
    let mut site = Site::of(&[("_redirects", GATE)]);
    let at = |name: &str| site.folder.path().join(name);
    std::fs::rename(at("members"), at("members.old")).expect("renamed");
    let ended = site.reloader.reload(Occasion::Changed, &mut || false);
    assert!(matches!(ended, Err(ReloadError::Opens(_))), "{ended:?}");
    std::fs::rename(at("members.old"), at("members")).expect("renamed");
    std::os::unix::fs::symlink("members", at("pub")).expect("linked");
    site.change().expect("the gate covers both names");
    assert!(matches!(asked(&site.gate, "/pub/home"), Outcome::NotFound { .. }));
}

/// A site with files, whose gate has been told of them.
fn with_pages(rules: &str, pages: &[&str]) -> Site {
    let mut site = Site::of(&[("_redirects", rules)]);
    for page in pages {
        write(site.folder.path(), page, &format!("this is {page}"));
    }
    site.reloader.reload(Occasion::Told, &mut || false).expect("a gate");
    site
}

/// RELOAD-3: a gated file stays closed under whatever name it comes, be there a file of that name already or not.
#[cfg(unix)]
#[test]
fn a_gated_file_that_takes_the_place_of_another_stays_closed() {
    use std::fs::{create_dir, remove_dir_all, rename};
    type Change = fn(&dyn Fn(&str) -> std::path::PathBuf);
    let changes: [(&str, Change); 9] = [
        ("over a page", |at| rename(at("members/home.html"), at("public.html")).expect("renamed")),
        ("over the page for what is not found", |at| rename(at("members/home.html"), at("404.html")).expect("renamed")),
        ("two folders exchanged", |at| {
            rename(at("open"), at("t")).expect("renamed");
            rename(at("members"), at("open")).expect("renamed");
            rename(at("t"), at("members")).expect("renamed");
        }),
        ("a folder in the place of another", |at| {
            remove_dir_all(at("open")).expect("removed");
            rename(at("members"), at("open")).expect("renamed");
        }),
        ("behind a gate that a rule leads around", |at| {
            create_dir(at("shown")).expect("made");
            rename(at("members/home.html"), at("shown/home.html")).expect("renamed");
        }),
        ("with other times", |at| {
            let file = std::fs::File::options().append(true).open(at("members/home.html")).expect("opened");
            file.set_modified(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).expect("set");
            rename(at("members/home.html"), at("new.html")).expect("renamed");
        }),
        ("with more at its end", |at| {
            rename(at("members/home.html"), at("new.html")).expect("renamed");
            let mut file = std::fs::File::options().append(true).open(at("new.html")).expect("opened");
            std::io::Write::write_all(&mut file, b", and more").expect("written");
        }),
        ("over a page, by way of another name", |at| {
            rename(at("members/home.html"), at("t.html")).expect("renamed");
            rename(at("t.html"), at("public.html")).expect("renamed");
        }),
        ("a link in the place of a folder", |at| {
            remove_dir_all(at("open")).expect("removed");
            rename(at("members"), at("open")).expect("renamed");
            std::os::unix::fs::symlink("open", at("members")).expect("linked");
        }),
    ];
    let rules = format!("{GATE}/show/* /shown/:splat 200!\n/shown/* /shown/:splat 200! Role=admin\n");
    for (how, change) in changes {
        let site = with_pages(&rules, &["public.html", "404.html", "open/home.html", "members/home.html"]);
        let mut site = site;
        let folder = site.folder.path().to_owned();
        change(&|name| folder.join(name));
        let ended = site.change();
        assert!(matches!(ended, Err(ReloadError::Opens(_))) || is_closed(&site), "{how}: {ended:?}");
    }
    // Out of sight for a version, and then under another name.
    let mut site = with_pages(&rules, &["public.html", "members/home.html", "members/other.html"]);
    let folder = site.folder.path().to_owned();
    rename(folder.join("members/home.html"), folder.join(".kept")).expect("renamed");
    site.change().expect("a file less");
    rename(folder.join(".kept"), folder.join("new.html")).expect("renamed");
    let ended = site.change();
    assert!(matches!(ended, Err(ReloadError::Opens(_))), "{ended:?}");
    site.reloader.reload(Occasion::Told, &mut || false).expect("it is meant");
    assert_eq!(asked(&site.gate, "/new"), Outcome::Serve { file: "/new.html".to_owned() });
}

/// RELOAD-3, FRONT-2: while a version is in doubt, a server in front serves nothing of it.
#[cfg(unix)]
#[test]
fn what_is_in_doubt_is_not_admitted() {
    let folder = tempfile::tempdir().expect("a folder");
    publish(folder.path(), 0);
    write(folder.path(), "public.html", "for everybody");
    let edge = rolegate::edge::Edge { trusted: vec!["127.0.0.1".parse().expect("an address")], ..Default::default() };
    let config = Config { edge, ..config(folder.path()) };
    let Loaded { gate, source } = config.load().expect("a gate");
    let (gate, operations) = (Arc::new(GateInForce::new(gate)), Arc::new(Operations::default()));
    let mut reloader = Reloader::new(config, &source, Arc::clone(&gate), Arc::clone(&operations));
    let server = Running::serving(gate, ServerOptions { operations, authorize: true, ..ServerOptions::default() });
    let admitted = || server.get("/__gate/authorize", &[("X-Forwarded-Uri", "/public")]).status;
    assert_eq!(admitted(), 200);
    write(folder.path(), "_redirects", "");
    assert!(reloader.reload(Occasion::Changed, &mut || false).is_err());
    assert_eq!(admitted(), 200, "the file is of the version in force");
    write(folder.path(), "public.html", "of the version in doubt");
    assert_eq!(admitted(), 403);
    publish(folder.path(), 1);
    reloader.reload(Occasion::Changed, &mut || false).expect("a whole version");
    assert_eq!(admitted(), 200);
}

/// Whether no path of the site shows what lay behind its gate.
fn is_closed(site: &Site) -> bool {
    ["/public", "/404", "/open/home", "/show/home", "/new"].iter().all(|path| match asked(&site.gate, path) {
        Outcome::Serve { file } | Outcome::Rewrite { file, .. } => {
            let shown = std::fs::read_to_string(site.folder.path().join(file.trim_start_matches('/')));
            !shown.is_ok_and(|text| text.contains("members/home"))
        }
        _ => true,
    })
}

/// What a build does to files that were open is followed.
#[test]
fn open_files_come_and_go() {
    use std::fs::{remove_file, rename};
    let rules = format!("{GATE}/* /index.html 200\n");
    let pages = ["index.html", "public.html", "open/home.html", "open/other.html", "members/home.html"];
    let mut site = with_pages(&rules, &pages);
    let folder = site.folder.path().to_owned();
    let at = |name: &str| folder.join(name);
    let mut follows = |what: &str| site.change().unwrap_or_else(|error| panic!("{what}: {error}"));
    for page in pages {
        write(&folder, page, "written anew");
    }
    follows("every file is written anew");
    write(&folder, "public.tmp", "another");
    rename(at("public.tmp"), at("public.html")).expect("renamed");
    follows("a file takes the place of another");
    rename(at("open/home.html"), at("open/new.html")).expect("renamed");
    follows("an open file is renamed");
    rename(at("open/new.html"), at("open/other.html")).expect("renamed");
    follows("an open file is moved over another");
    rename(at("members/home.html"), at("members/start.html")).expect("renamed");
    follows("a gated file is renamed behind its gate");
    remove_file(at("members/start.html")).expect("removed");
    write(&folder, "news.html", "may have the number of the file that is gone");
    follows("a gated file is gone, and another one is new");
}

/// A writer takes its time between two halves; the gates are in the second one.
#[test]
fn a_slow_writer_opens_nothing() {
    use std::io::Write as _;

    let folder = tempfile::tempdir().expect("a folder");
    publish(folder.path(), 0);
    let config = config(folder.path());
    let (sender, occasions) = mpsc::channel();
    let watch = Watch::start(&config, &[], sender).expect("watches");
    let Loaded { gate, source } = config.load().expect("a gate");
    let gate = Arc::new(GateInForce::new(gate));
    let operations = Arc::new(Operations::default());
    let reloader = Reloader::new(config, &source, Arc::clone(&gate), Arc::clone(&operations));
    let reloader = reloader.with_patience(Duration::from_millis(300));
    let running = std::thread::spawn(move || reloader.run(&occasions));
    let mut file = std::fs::File::create(folder.path().join("_redirects")).expect("created");
    file.write_all(b"/page /shown.html 451\n").expect("written");
    // It is said that there is another version, be it that the file is open or that half of it is there.
    let began = Instant::now();
    while operations.readiness() == Readiness::Ready {
        assert!(began.elapsed() < Duration::from_secs(30), "nothing is said");
        assert!(matches!(asked(&gate, "/members/home"), Outcome::Redirect { .. }));
        std::thread::sleep(Duration::from_millis(10));
    }
    let rest = "/members/* /members/:splat 200! Role=admin\n/members/* /login/7 302\n";
    file.write_all(rest.as_bytes()).expect("written");
    drop(file);
    let began = Instant::now();
    let whole = Outcome::Redirect { status: 302, location: "/login/7".to_owned() };
    loop {
        let now = asked(&gate, "/members/home");
        assert!(matches!(now, Outcome::Redirect { .. }), "{now:?}");
        if now == whole {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "the whole version is not found");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(operations.readiness(), Readiness::Ready);
    drop(watch);
    running.join().expect("ends when nobody sends any more");
}

#[test]
fn what_changes_during_a_load_is_not_put_in_force() {
    let mut site = Site::new();
    publish(site.folder.path(), 3);
    let before = Arc::as_ptr(&site.gate.gate());
    let ended = site.reloader.reload(Occasion::Changed, &mut || true);
    assert!(matches!(ended, Err(ReloadError::Unsteady)), "{ended:?}");
    assert_eq!(Arc::as_ptr(&site.gate.gate()), before);
    assert_eq!(site.operations.readiness(), Readiness::Ready, "it will be tried again");
}

/// Runs a gate on the site at `place` that watches it, while `change` puts one version after the other there.
fn watched(place: &Path, change: impl FnMut(usize)) {
    watched_as(config(place), change);
}

fn watched_as(config: Config, mut change: impl FnMut(usize)) {
    let (sender, occasions) = mpsc::channel();
    let watch = Watch::start(&config, &[], sender).expect("watches");
    let Loaded { gate, source } = config.load().expect("a gate");
    let gate = Arc::new(GateInForce::new(gate));
    let operations = Arc::new(Operations::default());
    let reloader = Reloader::new(config, &source, Arc::clone(&gate), Arc::clone(&operations));
    let running = std::thread::spawn(move || reloader.run(&occasions));
    let asked = Request {
        method: "GET",
        target: b"/members/home",
        host: None,
        scheme: Scheme::Http,
        headers: &[],
        country: None,
    };
    for version in [1, 2, 3] {
        change(version);
        let denied = Outcome::Redirect { status: 302, location: format!("/login/{version}") };
        let began = Instant::now();
        while gate.gate().decide(&asked, rolegate_server::clock::now()).outcome != denied {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "version {version} is not found: {:?}",
                operations.readiness()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    drop(watch);
    running.join().expect("ends when nobody sends any more");
}

#[test]
fn a_change_on_disk_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    publish(folder.path(), 0);
    watched(folder.path(), |version| publish(folder.path(), version));
}

/// LAYOUT-1: the rules at the root of the project, the published folder below it, and which that is, whichever is named.
#[test]
fn a_change_of_the_project_is_found() {
    for named in [".", "public"] {
        let folder = tempfile::tempdir().expect("a folder");
        let root = std::fs::canonicalize(folder.path()).expect("there").join("p");
        let gates = |version: usize, publish: &str| {
            let rule = |to: &str, status: &str, role: &str| {
                format!("[[redirects]]\nfrom = \"/members/*\"\nto = \"{to}\"\nstatus = {status}\n{role}")
            };
            let gate = rule("/members/:splat", "200", "force = true\nconditions = { Role = [\"admin\"] }\n");
            let text =
                format!("[build]\npublish = \"{publish}\"\n{gate}{}", rule(&format!("/login/{version}"), "302", ""));
            write(&root, "netlify.toml", &text);
        };
        // The root is what is published at first, where it is what is named.
        let first = if named == "." { "." } else { "public" };
        gates(0, first);
        write(&root.join(first), "members/home.html", "x");
        write(&root, "keys/.secret", &secret(0));
        let mut config = config(&root.join(named));
        config.key = KeySource::SecretFile(root.join("keys/.secret"));
        watched_as(config, |version| {
            let publish = match (version, named) {
                (1, _) | (_, "public") => "public",
                _ => "dist",
            };
            write(&root, &format!("{publish}/members/home.html"), "x");
            gates(version, publish);
        });
    }
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_each_time_it_leads_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let current = folder.path().join("current");
    let release = |version: usize| {
        let release = folder.path().join(format!("releases/{version}"));
        std::fs::create_dir_all(release.join("public")).expect("made");
        publish(&release.join("public"), version);
        let next = folder.path().join("next");
        std::os::unix::fs::symlink(&release, &next).expect("linked");
        std::fs::rename(next, &current).expect("renamed");
    };
    release(0);
    watched(&current.join("public"), |version| match version {
        // In place, where the link leads now.
        2 => publish(&current.join("public"), 2),
        version => release(version),
    });
}

#[test]
fn a_folder_is_watched_that_takes_the_place_of_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = folder.path().join("site");
    let replace = |version: usize| {
        let (next, old) = (folder.path().join("next"), folder.path().join(format!("old-{version}")));
        std::fs::create_dir(&next).expect("made");
        publish(&next, version);
        let _first = std::fs::rename(&site, old);
        std::fs::rename(next, &site).expect("renamed");
    };
    replace(0);
    watched(&site, |version| match version {
        2 => publish(&site, 2),
        version => replace(version),
    });
}
