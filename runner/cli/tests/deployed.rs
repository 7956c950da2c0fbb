//! Every bundle on the reference as it is deployed: over HTTP/1.1, HTTPS and HTTP/2, directly and behind reverse proxies with the example configurations of
//! `docs/examples/proxy/`. What depends on the scheme, the host or the port is asked as it is deployed, or the suite says what it needs.
//!
//! A selection of cases is asked; with `GATECHECK_WHOLE=1` every one. A proxy that is not installed is said aloud, and nothing is asked behind it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

mod common;
#[path = "common/front.rs"]
mod front;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::text;
use front::{FRONTS, Front};
use gatecheck::corpus::{Corpus, Settings};
use gatecheck::deploy::Manifest;
use gatecheck::event::Event;
use gatecheck::gates::Gate;
use gatecheck::look::Standing;
use gatecheck::run::{Plan, RunOptions, Serves, selection};
use gatecheck::verdict::Verdict;
use gatecheck::wire::plain::HttpVersion;
use gatecheck::wire::{Target, Trust};
use gatecheck_mutants::reference::{keys, token_settings};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rolegate::edge::Edge;
use rolegate_server::config::{Config, KeySource};
use rolegate_server::files::DirSite;
use rolegate_server::in_force::{GateInForce, KeyedGate};
use rolegate_server::key_ring::KeyRing;
use rolegate_server::server::tls::Tls;
use rolegate_server::server::{Server, ServerOptions};

/// Of the cases of a bundle that `--quick` does not ask, one of so many is.
const ONE_OF: usize = 100;
/// Suites that speak of what is different where a gate is deployed; all of their cases are asked.
const WHOLE: [&str; 9] = [
    "host/full-url",
    "host/ports",
    "host/scheme",
    "host/over-tls",
    "host/forwarded-scheme",
    "status/loop-full-url",
    "status/loop-full-url-over-tls",
    "loc/form",
    "role/denial",
];

/// A bundle on disk.
struct Bundle {
    name: String,
    folder: std::path::PathBuf,
    manifest: Manifest,
    settings: Settings,
}

/// A way to the gate.
struct Way {
    name: String,
    target: Target,
    http: HttpVersion,
    behind_proxy: bool,
}

/// A server whose gate is replaced for each bundle.
struct Deployed {
    address: SocketAddr,
    gate: Arc<GateInForce>,
    edge: Edge,
}

#[test]
fn every_bundle_passes_however_it_is_deployed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance-cases");
    let corpus = Arc::new(Corpus::open(&folder).unwrap_or_else(|errors| panic!("{errors:#?}")));
    // Where the sources disagree, a server in front may choose otherwise than the reference behind it.
    let held = Arc::new((*corpus).clone().held_to_the_reference());
    let (work, bundles) = bundles(&corpus);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (cert.pem(), signing_key.serialize_pem());
    let files = ["certificate.pem", "key.pem"].map(|name| work.path().join(name));
    std::fs::write(&files[0], &certificate).unwrap();
    std::fs::write(&files[1], &key).unwrap();
    let tls = Some(Arc::new(Tls::open(files[0].clone(), files[1].clone()).unwrap()));
    let nobody = Edge::default();
    let this_machine = Edge { trusted: vec!["127.0.0.1".parse().unwrap()], ..Edge::default() };
    let serve = |tls, edge| runtime.block_on(Deployed::start(&bundles[0], tls, edge));
    let [direct, direct_tls, behind] = [serve(None, nobody.clone()), serve(tls, nobody), serve(None, this_machine)];
    let mut ways = ways("directly", direct.address, direct_tls.address, false);
    let fronts: Vec<(&str, Front)> = FRONTS
        .into_iter()
        .filter_map(|name| Some((name, Front::start(name, behind.address, &certificate, &key)?)))
        .collect();
    for (name, front) in &fronts {
        ways.extend(self::ways(name, front.plain, front.tls, true));
    }
    let mut bad = Vec::new();
    let mut told: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for bundle in &bundles {
        for deployed in [&direct, &direct_tls, &behind] {
            deployed.gate.replace(gate(bundle, &deployed.edge));
        }
        let patterns = chosen(&corpus, bundle);
        for way in &ways {
            let started = Instant::now();
            let asked = if way.behind_proxy { &corpus } else { &held };
            let found = runtime.block_on(ask(asked, bundle, way, patterns.clone()));
            let counts = told.entry(&way.name).or_default();
            for (id, verdict) in &found {
                *counts.entry(verdict.name()).or_default() += 1;
                if !matches!(verdict, Verdict::Pass | Verdict::Observed(_) | Verdict::Unsupported { .. }) {
                    bad.push(format!("{} {} {id}: {verdict:?}", bundle.name, way.name));
                }
            }
            if started.elapsed() > Duration::from_secs(10) {
                eprintln!("{} {}: {} cases in {:.0?}", bundle.name, way.name, found.len(), started.elapsed());
            }
        }
    }
    for (way, counts) in &told {
        eprintln!("{way}: {counts:?}");
    }
    assert!(told.values().all(|counts| counts["pass"] > 300), "{told:?}");
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// The bundles of the whole corpus, as the program writes them.
fn bundles(corpus: &Corpus) -> (tempfile::TempDir, Vec<Bundle>) {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("out");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let written = common::gatecheck(root, work.path()).args(["bundle", &out.display().to_string()]).output().unwrap();
    assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
    let mut bundles: Vec<Bundle> = std::fs::read_dir(out)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|folder| {
            let manifest = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
            let manifest: Manifest = serde_json::from_str(&manifest).unwrap();
            let suite = corpus.suites.iter().find(|suite| manifest.suites.contains_key(&suite.id)).unwrap();
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            Bundle { name, folder, manifest, settings: suite.settings.clone() }
        })
        .collect();
    bundles.sort_by_key(|bundle| std::cmp::Reverse(bundle.manifest.suites.len()));
    let bundled: usize = bundles.iter().map(|bundle| bundle.manifest.suites.len()).sum();
    let left_out =
        |suite: &gatecheck::corpus::Suite| suite.needs_upstream() || !suite.settings.trusted_proxy.is_empty();
    assert_eq!(bundled, corpus.suites.iter().filter(|suite| !left_out(suite)).count());
    (work, bundles)
}

impl Deployed {
    async fn start(first: &Bundle, tls: Option<Arc<Tls>>, edge: Edge) -> Self {
        let gate = Arc::new(GateInForce::new(gate(first, &edge)));
        let options = ServerOptions { tls, ..ServerOptions::default() };
        let server = Server::bind(([127, 0, 0, 1], 0).into(), Arc::clone(&gate), options).await.unwrap();
        let address = server.local_addr();
        tokio::spawn(server.run(std::future::pending()));
        Self { address, gate, edge }
    }
}

/// The reference on a bundle, told what its manifest says.
fn gate(bundle: &Bundle, edge: &Edge) -> KeyedGate<DirSite> {
    let key = KeySource::Ring(KeyRing::from(keys(&bundle.settings).unwrap()));
    let config = Config::of(bundle.folder.join("site"), key, token_settings(&bundle.settings).unwrap());
    Config { edge: edge.clone(), ..config }.load().unwrap_or_else(|error| panic!("{}: {error}", bundle.name)).gate
}

/// The three protocols.
fn ways(name: &str, plain: SocketAddr, tls: SocketAddr, behind_proxy: bool) -> Vec<Way> {
    let way = |protocol: &str, https, http, at: SocketAddr| Way {
        name: format!("{name}, {protocol}"),
        target: Target {
            https,
            host: "localhost".to_owned(),
            port: at.port(),
            connect_to: Some(at),
            trust: if https { Trust::Any } else { Trust::default() },
        },
        http,
        behind_proxy,
    };
    vec![
        way("HTTP/1.1", false, HttpVersion::Http1, plain),
        way("HTTPS", true, HttpVersion::Http1, tls),
        way("HTTP/2", true, HttpVersion::Http2, tls),
    ]
}

/// The cases of a bundle that are asked.
fn chosen(corpus: &Corpus, bundle: &Bundle) -> Vec<String> {
    let whole = std::env::var_os("GATECHECK_WHOLE").is_some();
    let of_bundle = corpus.cases().filter(|(suite, _)| bundle.manifest.suites.contains_key(&suite.id));
    let quick = corpus.quick(&[]);
    of_bundle
        .enumerate()
        .filter(|(at, (suite, case))| {
            whole || at % ONE_OF == 0 || WHOLE.contains(&suite.id.as_str()) || quick.contains(&case.id)
        })
        .map(|(_, (_, case))| case.id.clone())
        .collect()
}

/// The verdicts of the chosen cases, of which each belongs to the bundle. The look finds nothing wrong.
async fn ask(corpus: &Arc<Corpus>, bundle: &Bundle, way: &Way, patterns: Vec<String>) -> Vec<(String, Verdict)> {
    let gate = Gate::Remote(way.target.clone());
    let options = RunOptions {
        patterns,
        http: way.http,
        serves: Serves::Bundle(Box::new(bundle.manifest.clone())),
        timeout: Duration::from_secs(30),
        retries: 2,
        look: true,
        behind_proxy: way.behind_proxy,
        ..RunOptions::default()
    };
    let wanted = selection(corpus, &options.patterns, options.profile).unwrap().len();
    let plan = Plan::new(corpus, &gate, &options).unwrap();
    let (events, mut happened) = tokio::sync::mpsc::unbounded_channel();
    gatecheck::run::run(Arc::clone(corpus), gate, options, plan, events).await;
    let mut found = Vec::new();
    while let Ok(event) = happened.try_recv() {
        match event {
            Event::CaseFinished(finished) => found.push((finished.case.id().to_owned(), finished.verdict)),
            Event::Looked(checks) => {
                assert!(checks.iter().all(|check| check.standing != Standing::Wrong), "{}: {checks:#?}", way.name);
            }
            Event::GateFailed(failed) => panic!("{} {}: {failed}", bundle.name, way.name),
            _ => {}
        }
    }
    assert_eq!(found.len(), wanted, "{} {}", bundle.name, way.name);
    found
}
