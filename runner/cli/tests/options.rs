//! Every option of every command, given to the program: what is said with it, and not without it.
//!
//! The table is held to the program's own list, so that no option comes without a row. What one option does in full is tested
//! beside the code that does it; here it arrives there.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

mod common;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use common::text;
use rolegate_server::server::Server;
use rolegate_server::server::tls::Tls;
use rolegate_server::{Config, GateInForce, KeySource, ServerOptions};
use tempfile::TempDir;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance-cases");
const MINI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/mini");

/// How many rows are tried at a time.
const AT_ONCE: usize = 4;

/// A command line, in which the option under test stands in brackets; the exit status; and a text that is in what the program
/// says or writes to `out`. Without the option, status or text is another; behind `!`, the text is there then alone. An empty text
/// says that the status shows it all. `G` is the folder of [`Ground`], `URL` and `TLS` are gates on the site of `role/denial`, `BUSY` one that wants a pause.
type Row = (&'static str, i32, &'static str);

const TABLE: &[Row] = &[
    // The corpus, wherever the option stands.
    ("run [--corpus G/none]", 4, "G/none"),
    ("audit [--corpus G/none] --site G/site", 4, "G/none"),
    ("merge [--corpus G/none] G/part-1.json G/part-2.json", 4, "G/none"),
    ("again [--corpus G/none] role/denial/expired", 4, "G/none"),
    ("serve [--corpus G/none] role/denial", 4, "G/none"),
    ("report [--corpus G/none] G/good.json", 4, "G/none"),
    ("baseline [--corpus G/none] check G/known.yaml", 4, "G/none"),
    (
        "baseline write [--corpus G/none] new.yaml G/bad.json --reason r --owner o --expires 2999-01-01 --leaks",
        4,
        "G/none",
    ),
    ("baseline check [--corpus G/none] G/known.yaml", 4, "G/none"),
    ("compare [--corpus G/none] G/good.json G/good.json", 4, "G/none"),
    ("matrix [--corpus G/none] G/good.json", 4, "G/none"),
    ("list [--corpus G/none]", 4, "G/none"),
    ("show [--corpus G/none] role/denial/expired", 4, "G/none"),
    ("self-test [--corpus G/none] --causes 1", 4, "G/none"),
    ("bundle [--corpus G/none] out", 4, "G/none"),
    // These read no corpus.
    ("init [--corpus G/none] --launch 'gate {site} {port}'", 0, ""),
    ("completions [--corpus G/none] bash", 0, ""),
    ("man [--corpus G/none]", 0, ""),
    // The gate.
    ("run [--launch \"sh -c 'echo launched; exit 77' {site} {port}\"]", 3, "launched"),
    ("run [--gate G/gate.yaml]", 3, "the gate of the file"),
    ("run [--broken-gate token/exp-ignored]", 1, "1 leak"),
    ("run [--suite no/such] URL", 2, "no/such"),
    ("run [--bundle G/bundles/bundle-1/manifest.json] TLS --insecure", 0, "this bundle"),
    ("run [--connect-to ADDRESS] http://gate.invalid --suite role/denial", 0, "5 pass"),
    ("run [--ca G/cert.pem] TLS --suite role/denial", 0, "5 pass"),
    ("run [--insecure] TLS --suite role/denial", 0, "5 pass"),
    ("run [--behind-proxy]", 2, "of a running gate"),
    ("again [--report G/bad.json] role/denial/expired", 1, "HTTP/1.1 200"),
    ("again [--launch \"sh -c 'echo launched; exit 77' {site} {port}\"] role/denial/expired", 0, "launched"),
    ("again [--gate G/gate.yaml] role/denial/expired", 0, "the gate of the file"),
    ("again [--broken-gate token/exp-ignored] role/denial/expired", 1, "HTTP/1.1 200"),
    ("again [--suite role/denial] role/denial/expired URL", 0, ""),
    ("again [--bundle G/none.json] role/denial/expired URL", 2, "none.json"),
    ("again [--connect-to ADDRESS] role/denial/expired http://gate.invalid", 0, "HTTP/1.1 302"),
    ("again [--ca G/cert.pem] role/denial/expired TLS", 0, "HTTP/1.1 302"),
    ("again [--insecure] role/denial/expired TLS", 0, "HTTP/1.1 302"),
    ("again [--behind-proxy] role/denial/expired --gate G/gate.yaml", 2, "of a running gate"),
    ("again [--timeout 0] role/denial/expired", 2, "no number of seconds above zero"),
    ("again [--show-secrets] role/denial/expired URL", 0, "nf_jwt=ey"),
    ("serve [--launch \"sh -c 'echo launched; exit 77' {site} {port}\"] role/denial", 3, "launched"),
    ("serve [--gate G/gate.yaml] role/denial", 3, "the gate of the file"),
    ("serve [--broken-gate none] role/denial --gate G/gate.yaml", 2, "--broken-gate"),
    ("serve [--suite role/denial] role/denial --gate G/gate.yaml", 3, ""),
    ("serve [--bundle G/none.json] role/denial --gate G/gate.yaml", 2, ""),
    ("serve [--connect-to ADDRESS] role/denial --gate G/gate.yaml", 2, ""),
    ("serve [--ca G/cert.pem] role/denial --gate G/gate.yaml", 2, ""),
    ("serve [--insecure] role/denial --gate G/gate.yaml", 2, ""),
    ("serve [--behind-proxy] role/denial --gate G/gate.yaml", 2, ""),
    ("serve [--config G/gatecheck.toml] role/denial", 3, "the gate of the file"),
    ("serve [--no-config] role/denial --gate G/gate.yaml", 3, "the gate of the file"),
    // The run.
    ("run [--config G/gatecheck.toml]", 3, "the gate of the file"),
    ("run [--no-config]", 0, "5 pass"),
    ("run [--quick]", 2, "none of the cases of --quick"),
    ("run [--no-look] URL --suite role/denial", 0, "!Looked at"),
    ("run [--http2] --format json=out", 0, "\"http\": \"2\""),
    ("run [--jobs 0]", 2, "0 requests at once ask nothing"),
    ("run [--rate 0]", 2, "no number of requests a second"),
    ("run [--timeout 3] --format json=out", 0, "\"timeout_millis\": 3000"),
    ("run [--retries 7] --format json=out", 0, "\"retries\": 7"),
    ("run [--longest-pause 1] BUSY --suite role/denial --no-look", 3, "5 cases: it answered 429"),
    ("run [--baseline G/known.yaml] --broken-gate token/exp-ignored", 0, "with known leaks"),
    ("run [--only-failed G/bad.json]", 0, "1 pass"),
    ("run [--resume G/good.json]", 0, "nothing is left to ask"),
    ("run [--watch G/none]", 2, "there is no such file or folder"),
    ("run [--profile format] --format json=out", 0, "\"profile\": \"format\""),
    ("run [--shard 1/2]", 0, "part 1/2"),
    ("run [--seed 77]", 0, "seed 77"),
    ("run [--format tap=-]", 0, "TAP version 14"),
    ("run [--without liveness]", 0, "switched off with --without"),
    ("run [--all] --broken-gate denial/is-403", 1, "fail     role/denial/no-token/folder"),
    ("run [--whole 0] --all --broken-gate denial/is-403", 1, "and 3 more of ROLE-2"),
    ("--corpus CORPUS run [--observed] query/matching/escapes", 0, "Observed, where the sources disagree"),
    ("--corpus CORPUS run [--as-reference] --broken-gate query/not-asked-for query/matching/escapes", 1, "fail"),
    ("run [--fail-fast] --broken-gate denial/is-403", 1, "!4 findings"),
    ("run [--strict] --format json=out", 0, "\"strict\": true"),
    ("run [--show-secrets] --format json=out", 0, "\"show_secrets\": true"),
    // What is written down once.
    ("init [--launch 'gate {site} {port}']", 0, "gatecheck.toml is written"),
    ("init [--gate G/gate.yaml]", 0, "gatecheck.toml is written"),
    ("init [--bundle G/bundles/bundle-1/manifest.json] https://gate.example", 0, "bundle = "),
    ("init [--suite role/denial] https://gate.example", 0, "suite = "),
    ("init [--profile none] --gate G/gate.yaml", 2, "none"),
    ("init [--baseline new.yaml] --gate G/gate.yaml", 0, "new.yaml is written"),
    ("init [--report xml=x] --gate G/gate.yaml", 2, "no format `xml`"),
    ("init [--force] --gate G/gate.yaml", 0, "over the one that was there"),
    // The audit.
    ("audit [--site G/site]", 0, "1 gate"),
    ("audit [--config G/none.toml] --site G/site", 2, "none.toml"),
    ("audit [--secret-env SITE_SECRET] URL --anyway --site G/site --budget 30", 1, "holders of admin"),
    ("audit [--token admin=G/token] --site G/site --secret-env SITE_SECRET --budget 30", 1, "unproven"),
    ("audit [--token-command 'admin=echo a.b.c'] --site G/site --budget 30", 1, "unproven"),
    (
        "audit [--role-path own.roles] --site G/site --secret-env SITE_SECRET --budget 300 --broken-gate open/any-bad-token --show-secrets --format har=out",
        1,
        "\"own\":{\"roles\"",
    ),
    (
        "audit [--issuer me] --site G/site --secret-env SITE_SECRET --budget 300 --broken-gate open/any-bad-token --show-secrets --format har=out",
        1,
        "\"iss\":\"me\"",
    ),
    (
        "audit [--audience you] --site G/site --secret-env SITE_SECRET --budget 300 --broken-gate open/any-bad-token --show-secrets --format har=out",
        1,
        "\"aud\":\"you\"",
    ),
    ("audit [--plan] --site G/site --budget 30", 0, "nothing is sent now"),
    ("audit [--budget 30] --site G/site", 0, "for the budget"),
    ("audit [--forwarding] --site G/site --budget 30", 0, "!--forwarding asks it"),
    ("audit [--anyway] URL --site G/site --budget 24", 0, "denied to all"),
    ("audit [--launch 'no-such-program {site} {port}'] --site G/site --budget 30", 3, "no-such-program"),
    ("audit [--gate G/none.yaml] --site G/site --budget 30", 2, "none.yaml"),
    ("audit [--broken-gate open/any-bad-token] --site G/site --budget 300", 1, "OPEN"),
    ("audit [--connect-to ADDRESS] http://gate.invalid --anyway --site G/site --budget 24", 0, "denied to all"),
    ("audit [--http2] --site G/site --budget 30 --format json=out", 0, "\"http\": \"2\""),
    ("audit [--ca G/cert.pem] TLS --site G/bundles/bundle-1/site --budget 30", 0, "denied to all"),
    ("audit [--insecure] TLS --site G/bundles/bundle-1/site --budget 30", 0, "denied to all"),
    ("audit [--jobs 0] --site G/site --budget 30", 2, "0 requests at once ask nothing"),
    ("audit [--rate 0] --site G/site --budget 30", 2, "no number of requests a second"),
    ("audit [--timeout 4] --site G/site --budget 30 --format json=out", 0, "\"timeout_millis\": 4000"),
    ("audit [--retries 7] --site G/site --budget 30 --format json=out", 0, "\"retries\": 7"),
    ("audit [--longest-pause some] --site G/site --budget 30", 2, "some"),
    ("audit [--baseline G/known.yaml] --site G/site --budget 30", 1, "STALE BASELINE"),
    ("audit [--shard 1/2] --site G/site --budget 30", 0, "part 1/2"),
    ("audit [--merge G/good.json] --site G/site", 2, "these are not the parts of one audit"),
    ("audit [--seed 77] --site G/site --budget 30", 0, "seed 77"),
    ("audit [--format tap=-] --site G/site --budget 30", 0, "TAP version 14"),
    ("audit [--whole 9999] --site G/site --budget 300 --broken-gate open/any-bad-token", 1, "!shows all of them"),
    ("audit [--all] --site G/many --budget 300", 0, "/r79"),
    (
        "audit [--show-secrets] --site G/site --budget 30 --secret-env SITE_SECRET --format json=out",
        0,
        "\"show_secrets\": true",
    ),
    // Reports.
    ("merge [--format tap=-] G/part-1.json G/part-2.json", 0, "TAP version 14"),
    ("merge [--all] G/many-1.json G/many-2.json", 1, "fail     role/denial/no-token/folder"),
    ("merge [--whole 0] --all G/many-1.json G/many-2.json", 1, "and 3 more of ROLE-2"),
    ("merge [--observed] G/part-1.json G/part-2.json", 0, ""),
    ("report [--format tap=-] G/good.json", 0, "TAP version 14"),
    ("report [--baseline G/known.yaml] G/bad.json", 0, "with known leaks"),
    ("report [--all] G/many.json", 1, "fail     role/denial/no-token/folder"),
    ("report [--whole 0] --all G/many.json", 1, "and 3 more of ROLE-2"),
    ("--corpus CORPUS report [--observed] G/survey.json", 0, "Observed, where the sources disagree"),
    ("baseline write [--reason because] new.yaml G/bad.json --owner o --expires 2999-01-01 --leaks", 0, "1 case known"),
    ("baseline write [--owner me] new.yaml G/bad.json --reason r --expires 2999-01-01 --leaks", 0, "1 case known"),
    ("baseline write [--expires 2999-01-01] new.yaml G/bad.json --reason r --owner o --leaks", 0, "1 case known"),
    ("baseline write [--leaks] new.yaml G/bad.json --reason r --owner o --expires 2999-01-01", 0, "1 case known"),
    ("baseline check [--report G/good.json] G/known.yaml", 1, "passes"),
    ("compare [--strict] G/good.json G/should.json", 1, ""),
    ("compare [--all] G/good.json G/many.json", 1, ""),
    ("compare [--format json=out] G/good.json G/bad.json", 1, "\"worse\": true"),
    ("matrix [--differing] G/good.json G/bad.json", 0, "!ROLE-1"),
    ("matrix [--format markdown=out] G/good.json G/bad.json", 0, "| ROLE-2"),
    ("list [--suites]", 0, "What a visitor without the role gets"),
    ("list [--requirements]", 0, "A visitor whose valid token holds one of the listed roles passes."),
    ("list [--families]", 0, "in 0 families"),
    ("list [--broken-gates]", 0, "token/exp-ignored"),
    ("show [--show-secrets] role/denial/expired", 0, "nf_jwt=ey"),
    // Broken gates.
    ("self-test [--broken-gate none/such] role", 2, "no broken gate has an id that begins so"),
    ("self-test [--matrix] --broken-gate token/exp-ignored", 1, ""),
    ("self-test [--keep out] --broken-gate token/exp-ignored", 1, "Which cases catch which broken gate"),
    ("self-test [--causes 1]", 0, "1 at a time"),
    ("self-test [--at-once 0] --broken-gate token/exp-ignored", 2, "0 gates at a time try nothing"),
    ("self-test [--audit] --site spa --budget 30 --every 1000", 0, ""),
    ("self-test [--site none] --audit --budget 30 --every 1000", 2, "no site is called `none`"),
    ("self-test [--budget some] --audit", 2, ""),
    ("self-test [--every some] --audit", 2, ""),
    ("self-test [--format json=out] --broken-gate token/exp-ignored", 1, "\"mutants\""),
];

/// What the rows need, made once.
struct Ground {
    folder: TempDir,
    url: String,
    tls: String,
    busy: String,
    served: Child,
    _runtime: tokio::runtime::Runtime,
}

impl Ground {
    fn made() -> Ground {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        };
        let refuses = "sh -c 'echo the gate of the file; exit 77' {site} {port}";
        write("gate.yaml", &format!("name: mine\ncommand: {refuses}\n"));
        write("token", "a.b.c");
        write(
            "site/_redirects",
            "/members/*  /members/:splat  200!  Role=admin\n/members/*  /login  302\n/api/*  https://api.example/:splat  200\n",
        );
        write("many/_redirects", &(0..80).map(|at| format!("/r{at}  /  302\n")).collect::<String>());
        for (name, text) in [
            ("index", "everybody may read this"),
            ("login", "say who you are"),
            ("members/index", "the members' own page"),
        ] {
            for site in ["site", "many"] {
                write(
                    &format!("{site}/{name}.html"),
                    &format!("<!doctype html>\n<p>{text}, and this page has lines enough to be told apart: {name}.\n"),
                );
            }
        }
        let run =
            |line: &str| assert!(matches!(gatecheck(folder.path(), &shlex::split(line).unwrap()).0, 0 | 1), "{line}");
        run("run --format json=good.json");
        run("run --broken-gate token/exp-ignored --format json=bad.json");
        run("run --shard 1/2 --seed 1 --format json=part-1.json");
        run("run --shard 2/2 --seed 1 --format json=part-2.json");
        run("run --broken-gate denial/is-403 --format json=many.json");
        run("run --shard 1/2 --seed 1 --broken-gate denial/is-403 --format json=many-1.json");
        run("run --shard 2/2 --seed 1 --broken-gate denial/is-403 --format json=many-2.json");
        run("run --broken-gate token/typ-ignored --format json=should.json");
        run(&format!("--corpus {CORPUS} run query/matching/escapes --format json=survey.json"));
        run("baseline write known.yaml bad.json --reason r --owner o --expires 2999-01-01 --leaks");
        run("bundle bundles role/denial");
        // From here on, a run in this folder would ask that gate.
        write("gatecheck.toml", "gate = \"./gate.yaml\"\n");
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        write("cert.pem", &certificate.cert.pem());
        write("key.pem", &certificate.signing_key.serialize_pem());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let tls = secure(&runtime, folder.path());
        let (served, url) = served();
        Ground { url, tls, busy: busy(), served, _runtime: runtime, folder }
    }

    /// A line of the table as arguments.
    fn filled(&self, line: &str) -> String {
        let folder = self.folder.path().display().to_string();
        let address = self.url.trim_start_matches("http://");
        let line = line.replace("G/", &format!("{folder}/")).replace("URL", &self.url).replace("TLS", &self.tls);
        line.replace("BUSY", &self.busy).replace("ADDRESS", address).replace("CORPUS", CORPUS)
    }

    /// The status of a line, and what it says and writes, beside a `gatecheck.toml` or without one.
    fn ask(&self, line: &str, has_file: bool) -> (i32, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gatecheck.toml");
        if has_file {
            std::fs::write(&file, "gate = \"./none.yaml\"\n").unwrap();
        }
        let (status, mut said) = gatecheck(folder.path(), &shlex::split(&self.filled(line)).expect("words"));
        said.push_str(&std::fs::read_to_string(&file).unwrap_or_default());
        let written = std::fs::read_to_string(folder.path().join("out")).unwrap_or_default();
        for token in written.split("nf_jwt=").skip(1) {
            let payload = token.split('.').nth(1).unwrap_or_default();
            let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
            said.push_str(&format!("CLAIMS {}\n", String::from_utf8_lossy(&payload)));
        }
        said.push_str(&written);
        (status, said)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = self.served.kill();
        let _ = self.served.wait();
    }
}

/// Status, and standard output and error, over the small corpus unless the line names another.
fn gatecheck(folder: &Path, arguments: &[String]) -> (i32, String) {
    let mut command = common::gatecheck(folder, folder);
    if !arguments.iter().any(|word| word == "--corpus") {
        command.args(["--corpus", MINI]);
    }
    let secret = "a secret of the site that the test alone knows, of 64 bytes and more";
    command.timeout(std::time::Duration::from_secs(120));
    let output = command.args(arguments).env("COLUMNS", "200").env("SITE_SECRET", secret).output().unwrap();
    (output.status.code().unwrap_or(-1), text(&output.stdout) + &text(&output.stderr))
}

/// The reference on the site of `role/denial`, until the process is stopped.
fn served() -> (Child, String) {
    let mut served = std::process::Command::new(assert_cmd::cargo::cargo_bin("gatecheck"))
        .args(["--corpus", MINI, "serve", "role/denial"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(served.stdout.take().unwrap()).lines().map(Result::unwrap);
    let url = lines.next().unwrap().split_whitespace().next().unwrap().to_owned();
    std::thread::spawn(move || lines.for_each(drop));
    (served, url)
}

/// The reference on the bundle of `role/denial`, over TLS with a certificate that nobody vouches for.
fn secure(runtime: &tokio::runtime::Runtime, folder: &Path) -> String {
    let bundle = folder.join("bundles/bundle-1");
    let manifest: gatecheck::deploy::Manifest =
        serde_json::from_str(&std::fs::read_to_string(bundle.join("manifest.json")).unwrap()).unwrap();
    let key = KeySource::Secret { name: "SECRET".to_owned(), secret: manifest.secret.into_bytes() };
    let gate = Config::of(bundle.join("site"), key, rolegate::token::TokenSettings::default()).load().unwrap().gate;
    let tls = Tls::open(folder.join("cert.pem"), folder.join("key.pem")).unwrap();
    let options = ServerOptions { tls: Some(Arc::new(tls)), ..ServerOptions::default() };
    let server =
        runtime.block_on(Server::bind(([127, 0, 0, 1], 0).into(), Arc::new(GateInForce::new(gate)), options)).unwrap();
    let url = format!("https://localhost:{}", server.local_addr().port());
    runtime.spawn(server.run(std::future::pending()));
    url
}

/// A gate that wants a pause before every answer.
fn busy() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let answer =
                "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

/// The command of a row, and the option that it is about: `run --seed`.
fn about(line: &str) -> String {
    let option =
        line.split_once('[').and_then(|(_, rest)| rest.split([' ', ']']).next()).expect("an option in brackets");
    let words = line.replace("--corpus CORPUS ", "");
    let command = words.split(' ').take_while(|word| !word.starts_with('[')).collect::<Vec<_>>();
    // The option may stand before the command that it belongs to.
    format!("{} {option}", command.join(" "))
}

/// What the program offers a shell to complete.
fn offered() -> BTreeSet<String> {
    let (_, script) = gatecheck(Path::new("/"), &["completions".to_owned(), "bash".to_owned()]);
    let mut command = "";
    let mut offered = BTreeSet::new();
    for line in script.lines().map(str::trim) {
        if let Some(label) = line.strip_suffix(')').filter(|label| label.starts_with("gatecheck")) {
            command = label;
        } else if let Some(words) = line.strip_prefix("opts=\"") {
            let names: Vec<&str> = command.split("__subcmd__").skip(1).collect();
            let options = words.trim_end_matches('"').split(' ').filter(|word| word.starts_with("--"));
            // `--corpus` is an option of the program, which every command has.
            let own = options.filter(|option| !["--help", "--version"].contains(option) && !names.is_empty());
            offered.extend(own.map(|option| format!("{} {option}", names.join(" ").replace("self test", "self-test"))));
        }
    }
    offered
}

#[test]
fn the_table_has_a_row_for_each_option() {
    let known: BTreeSet<String> = TABLE.iter().map(|(line, _, _)| about(line)).collect();
    let offered = offered();
    assert!(offered.len() > 100, "the list can be read: {offered:?}");
    let missing: Vec<_> = offered.difference(&known).collect();
    let unknown: Vec<_> = known.difference(&offered).collect();
    assert!(missing.is_empty(), "options without a row in runner/cli/tests/options.rs: {missing:?}");
    assert!(unknown.is_empty(), "rows of options that the program does not have: {unknown:?}");
}

#[test]
fn every_option_has_its_effect() {
    let ground = Ground::made();
    let waiting = Mutex::new(TABLE.iter());
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(row) = waiting.lock().unwrap().next() else { break };
                    if let Some(fault) = fault(&ground, row) {
                        faults.lock().unwrap().push(fault);
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} rows are not so:\n{}", faults.len(), faults.join("\n"));
}

/// What is wrong with a row.
fn fault(ground: &Ground, (line, status, says): &Row) -> Option<String> {
    let (before, rest) = line.split_once('[').unwrap();
    let (option, after) = rest.split_once(']').unwrap();
    let (is_there, text) = says.strip_prefix('!').map_or((true, *says), |text| (false, text));
    let text = ground.filled(text);
    let has_file = ["--force", "--no-config"].contains(&option);
    let with = ground.ask(&format!("{before}{option}{after}"), has_file);
    if with.0 != *status || with.1.contains(&text) != is_there {
        return Some(format!("{line}: status {}, not {status} with `{says}`: {}", with.0, with.1));
    }
    // Without the option, a suite would be served for good.
    if text.is_empty() || line.starts_with("serve ") {
        return None;
    }
    let without = ground.ask(&format!("{before}{after}"), has_file);
    let is_same = without.0 == *status && without.1.contains(&text) == is_there;
    is_same.then(|| format!("{line}: without {option} it is the same: {}", without.1))
}
