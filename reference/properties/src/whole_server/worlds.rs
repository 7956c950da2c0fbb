//! The sites, rules, keys and tokens that the script picks from, and what their author means by them.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use rolegate::edge::{CountrySource, Edge};
use rolegate::mint;
use rolegate::rules::{RuleFiles, RuleSet};
use rolegate::token::{Keys, Secret, TokenSettings};
use rolegate_server::files::{DirSite, SiteOptions};
use rolegate_server::in_force::KeyedGate;
use rolegate_server::key_ring::KeyRing;
use rolegate_server::server::Operations;
use serde_json::json;

use crate::small::Picks;

/// Who may have a file, as the author of the rules means it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Anybody,
    /// Whoever holds a valid token.
    Token,
    /// Whoever holds one of these roles.
    Roles(&'static [&'static str]),
    Nobody,
}

/// What is protected by some rules or other: its name, the byte that it is filled with, and how long it is.
pub(super) const PROTECTED: &[(&str, u8, usize)] = &[
    ("/members/home.html", 0x80, 64),
    ("/members/index.html", 0x81, 40),
    ("/members/long.txt", 0x82, 3000),
    ("/members/disk.bin", 0x83, 20_000),
    ("/members/deep/page.html", 0x84, 100),
    ("/editors/page.html", 0x85, 50),
    ("/editors/pre.html", 0x86, 1500),
    ("/sealed/page.html", 0x87, 30),
    ("/vault.html", 0x88, 70),
    ("/hosted/page.html", 0x89, 70),
    ("up:/members", 0x90, 100),
    ("up:/editors", 0x91, 100),
    ("up:/sealed", 0x92, 100),
];

const PUBLIC: &[(&str, usize)] = &[
    ("/index.html", 20),
    ("/about.html", 20),
    ("/public/note.txt", 10),
    ("/public/long.txt", 3000),
    ("/401.html", 30),
    ("/404.html", 30),
    ("/login.html", 30),
];

/// Longer files are read from the disk whenever they are sent.
const LONGEST: u64 = 8 * 1024;
/// The upstream that rules name, and the one that has the site.
pub(super) const UPSTREAM: &str = "http://up.example";
/// The address that is a proxy of the operator's, and one that is not.
pub(super) const PEERS: [&str; 2] = ["192.0.2.7", "192.0.2.1"];
const TRUSTED: &str = "192.0.2.1/32";

const SECRETS: [&[u8]; 3] = [
    b"the first secret of a whole server",
    b"the second secret, after a change ",
    b"a secret that no gate ever knew...",
];

/// Rules with what they mean. A name that no row of the table begins is for anybody.
struct Draft {
    rules: &'static str,
    headers: &'static str,
    means: &'static [(&'static str, Needs)],
    trusting: bool,
}

const ADMIN: Needs = Needs::Roles(&["admin"]);
const EDITOR: Needs = Needs::Roles(&["editor"]);
const EITHER: Needs = Needs::Roles(&["admin", "editor"]);

const CACHED: &str = "/*\n  Cache-Control: public, max-age=600\n  CDN-Cache-Control: max-age=600\n  Vary: Accept-Language\n\
    /members/*\n  X-Members: yes\n  Expires: Thu, 01 Jan 2099 00:00:00 GMT\n  Surrogate-Control: max-age=600\n\
    /editors/*\n  X-Accel-Expires: 600\n  Cache-Control: private, s-maxage=600\n  Netlify-Vary: query\n";

const DRAFTS: &[Draft] = &[
    Draft {
        rules: "/members/* /members/:splat 200! Role=admin\n/editors/* /editors/:splat 200! Role=admin,editor\n\
            /sealed/* /sealed/:splat 200! Role\n/vault /vault 200! Role=*\n/old/* /public/:splat 301\n\
            /members/* /login.html 401\n/* /index.html 200\n",
        headers: "",
        means: &[("/members/", ADMIN), ("/editors/", EITHER), ("/sealed/", Needs::Nobody), ("/vault", Needs::Token)],
        trusting: false,
    },
    Draft {
        rules: "/members/* /members/:splat 200 Role=editor\n/editors/* /editors/:splat 200 Role=editor\n\
            /vault.html /about 302 Role=admin\n/vault /login 302\n/members/* /401.html 401!\n/* /index.html 200\n",
        headers: CACHED,
        means: &[("/members/", EDITOR), ("/editors/", EDITOR), ("/vault", ADMIN)],
        trusting: false,
    },
    Draft { rules: "", headers: "", means: &[], trusting: false },
    Draft {
        rules: "/members/* /members/:splat 200! Role=admin\n/editors/* /editors/:splat 200! Role=editor\n\
            /sealed/* /public/:splat 200! Role=admin\n/vault* /login.html 404\n",
        headers: CACHED,
        means: &[("/members/", ADMIN), ("/editors/", EDITOR), ("/sealed/", Needs::Nobody)],
        trusting: true,
    },
    Draft {
        rules: "/members/:a/:b /members/:a/:b 200 Role=admin Country=de\n/members/* /members/:splat 200 Role=admin\n",
        headers: "/editors/*\n  Basic-Auth: a:b\n",
        means: &[("/members/", ADMIN), ("/editors/", Needs::Nobody)],
        trusting: true,
    },
    Draft {
        rules: "/members/* http://up.example/members/:splat 200! Role=admin\n\
            /editors/* http://up.example/editors/:splat 200! Role=editor\n\
            /sealed/* http://up.example/sealed/:splat 200! Role\n/api/* http://up.example/public/:splat 200!\n\
            /page http://up.example/public/page 404\n",
        headers: CACHED,
        means: &[
            ("up:/members", ADMIN),
            ("up:/editors", EDITOR),
            ("up:/sealed", Needs::Nobody),
            ("/members/", Needs::Nobody),
            ("/editors/", Needs::Nobody),
            ("/sealed/", Needs::Nobody),
        ],
        trusting: true,
    },
];

/// The rules of a server whose site another one has.
const ELSEWHERE: &[Draft] = &[
    Draft {
        rules: "/members/* /members/:splat 200! Role=admin\n/editors/* /editors/:splat 200! Role=editor\n\
            /sealed/* /x 200 Role\n/old/* /public/:splat 301\n",
        headers: "",
        means: &[("up:/members", ADMIN), ("up:/editors", EDITOR), ("up:/sealed", Needs::Nobody)],
        trusting: false,
    },
    Draft {
        rules: "/members/* /members/:splat 200 Role=editor\n/members/* /login 401\n/sealed/* /sealed/:splat 200 Role=admin\n",
        headers: "/editors/*\n  Basic-Auth: a:b\n",
        means: &[("up:/members", EDITOR), ("up:/editors", Needs::Nobody), ("up:/sealed", ADMIN)],
        trusting: true,
    },
];

/// Where the site is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Here,
    /// At an upstream.
    Upstream,
    /// At a server in front, which asks.
    InFront,
}

/// A gate, and what its rules mean; nothing is known of rules that were made up.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) gate: Arc<KeyedGate<DirSite>>,
    pub(super) means: Option<&'static [(&'static str, Needs)]>,
}

impl World {
    /// Who may have what is called `name`.
    pub(super) fn needs(&self, name: &str) -> Option<Needs> {
        let means = self.means?;
        Some(means.iter().find(|(prefix, _)| name.starts_with(prefix)).map_or(Needs::Anybody, |(_, needs)| *needs))
    }
}

/// A token, and what it is worth under one of the secrets.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) text: String,
    /// The place of the secret that it is valid under, if under any.
    pub(super) key: Option<usize>,
    pub(super) roles: &'static [&'static str],
}

/// A representation of a protected file that is not made of its byte.
#[derive(Clone, Debug)]
pub(super) struct Coded {
    pub(super) tag: String,
    pub(super) bytes: Vec<u8>,
    pub(super) of: usize,
}

#[derive(Debug)]
pub(super) struct Worlds {
    here: Vec<World>,
    elsewhere: Vec<World>,
    site: DirSite,
    ring: KeyRing,
    pub(super) tokens: Vec<Token>,
    /// Entity tags, each with the place of the protected file that it is of.
    pub(super) tags: Vec<(String, usize)>,
    pub(super) coded: Vec<Coded>,
    pub(super) operations: Arc<Operations>,
}

impl Worlds {
    pub(super) fn open(folder: &Path) -> io::Result<Worlds> {
        write_site(folder)?;
        let options = SiteOptions { longest: LONGEST, ..SiteOptions::default() };
        let site = DirSite::open_with(folder, options.clone())?;
        let nothing = DirSite::open_with(folder, SiteOptions { elsewhere: true, ..options })?;
        let ring = KeyRing::from(keys(0));
        let make = |draft: &Draft, site: &DirSite| {
            world(draft.rules, draft.headers, site, &ring, draft.trusting, Some(draft.means))
        };
        let here = DRAFTS.iter().filter_map(|draft| make(draft, &site)).collect();
        let elsewhere = ELSEWHERE.iter().filter_map(|draft| make(draft, &nothing)).collect();
        let (tags, coded) = representations(&site);
        Ok(Worlds { here, elsewhere, site, ring, tokens: tokens(), tags, coded, operations: Arc::default() })
    }

    /// A gate for a server of this kind: one of those that are ready, or one over rules that `picks` make up.
    pub(super) fn world(&self, kind: Kind, picks: &mut Picks<'_>) -> Option<World> {
        let ready = if kind == Kind::Here { &self.here } else { &self.elsewhere };
        let place = picks.number() % (ready.len() + 2);
        match ready.get(place) {
            Some(world) => Some(world.clone()),
            None if kind == Kind::Here => {
                let rules = made_up(picks);
                world(&rules, picks.pick(&["", CACHED]), &self.site, &self.ring, false, None)
            }
            None => ready.first().cloned(),
        }
    }

    /// Puts the keys with this number in force, for every gate.
    pub(super) fn change_keys(&self, number: usize) {
        self.ring.replace(keys(number));
    }
}

/// The number of different keys.
pub(super) const KEYS: usize = 3;

fn keys(number: usize) -> Keys {
    let secret = SECRETS.get(number).filter(|_| number < 2);
    secret.and_then(|secret| Keys::hs256(secret).ok()).unwrap_or_default()
}

fn world(
    rules: &str,
    headers: &str,
    site: &DirSite,
    ring: &KeyRing,
    trusting: bool,
    means: Option<&'static [(&'static str, Needs)]>,
) -> Option<World> {
    let files = RuleFiles { redirects: rules.as_bytes(), toml: b"", headers: headers.as_bytes() };
    let rules = RuleSet::read(files).rules;
    let gate = KeyedGate::new(rules, ring.clone(), TokenSettings::default(), site.clone()).ok()?;
    let trusted = TRUSTED.parse().ok().filter(|_| trusting).into_iter().collect();
    let edge = Edge { trusted, country: CountrySource::Header("x-country".to_owned()), ..Edge::default() };
    Some(World { gate: Arc::new(gate.with_edge(edge)), means })
}

const FROM: &[&str] = &[
    "/members/*",
    "/*",
    "/members/home",
    "/members/home.html",
    "/members/:x",
    "/editors/*",
    "/vault",
    "/vault.html",
    "/m*",
    "/members/index.html",
    "/members",
    "/editors/pre.html",
    "https://a.example/hosted/*",
    "/hosted/*",
    "/:x/page.html",
    "members/*",
];
const TO: &[&str] = &[
    " /members/:splat",
    " /index.html",
    " /members/home.html",
    " /login.html",
    " /:splat",
    " /editors/pre.html",
    " http://up.example/members/:splat",
    " http://up.example/public/:splat",
    " /:x",
    "",
    " /vault",
];
const STATUS: &[&str] = &[" 200!", " 200", "", " 401!", " 404", " 302!", " 404!", " 2OO"];
const CONDITIONS: &[&str] = &[
    "",
    " Role=admin",
    " Role=editor",
    " Role=admin,editor",
    " Role=*",
    " Role",
    " Role=admin Country=de",
    " Country=de",
    " Language=de",
    " Cookie=c",
    " ROLE=admin",
    " Role=admin, editor",
];

fn made_up(picks: &mut Picks<'_>) -> String {
    let mut rules = String::new();
    for _ in 0..picks.number() % 7 {
        for alphabet in [FROM, TO, STATUS, CONDITIONS] {
            rules += picks.pick(alphabet);
        }
        rules.push('\n');
    }
    rules
}

fn tokens() -> Vec<Token> {
    const LATER: i64 = 4_102_444_800;
    let token = |secret: usize, payload: serde_json::Value| {
        let secret = SECRETS.get(secret).and_then(|secret| Secret::new(secret).ok());
        secret.zip(payload.as_object()).map(|(secret, payload)| mint(&secret, payload)).unwrap_or_default()
    };
    let with = |roles: &[&str]| json!({"exp": LATER, "app_metadata": {"authorization": {"roles": roles}}});
    let powers = json!({"authorization": {"roles": ["admin", "editor"]}});
    let expired = json!({"exp": 1_000_000_000, "app_metadata": powers});
    let early = json!({"exp": LATER, "nbf": LATER - 1, "app_metadata": powers});
    let mut tokens = Vec::new();
    for (key, roles) in [(0, &["admin"][..]), (0, &["editor"]), (0, &[]), (1, &["admin"]), (1, &["editor"])] {
        tokens.push(Token { text: token(key, with(roles)), key: Some(key), roles });
    }
    for text in [
        token(2, with(&["admin", "editor"])),
        token(0, expired),
        token(0, early),
        "eyJhbGciOiJub25lIn0.eyJleHAiOjQxMDI0NDQ4MDAsImFwcF9tZXRhZGF0YSI6eyJhdXRob3JpemF0aW9uIjp7InJvbGVzIjpbImFkbWluIl19fX0."
            .to_owned(),
        "x".to_owned(),
        String::new(),
    ] {
        tokens.push(Token { text, key: None, roles: &[] });
    }
    tokens
}

/// Writes what is not there yet, with the times of long ago: a file that was there stays the same file.
fn write_site(folder: &Path) -> io::Result<()> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, byte, length) in PROTECTED.iter().filter(|(name, ..)| name.starts_with('/')) {
        files.push(((*name).to_owned(), vec![*byte; *length]));
    }
    for (name, length) in PUBLIC {
        files.push(((*name).to_owned(), name.bytes().cycle().take(*length).collect()));
    }
    let plain: Vec<u8> = vec![0x86; 1500];
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&plain)?;
    files.push(("/editors/pre.html.gz".to_owned(), gzip.finish()?));
    let mut brotli = Vec::new();
    brotli::BrotliCompress(&mut plain.as_slice(), &mut brotli, &brotli::enc::BrotliEncoderParams::default())?;
    files.push(("/editors/pre.html.br".to_owned(), brotli));
    for (name, content) in files {
        let path = folder.join(name.trim_start_matches('/'));
        if fs::read(&path).is_ok_and(|there| there == content) {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let new = path.with_extension(format!("new-{}", std::process::id()));
        fs::write(&new, content)?;
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
        fs::File::options().write(true).open(&new)?.set_modified(then)?;
        fs::rename(&new, &path)?;
    }
    Ok(())
}

/// The entity tags of protected files, and their representations in codings.
fn representations(site: &DirSite) -> (Vec<(String, usize)>, Vec<Coded>) {
    let (mut tags, mut coded) = (Vec::new(), Vec::new());
    for (place, (name, ..)) in PROTECTED.iter().enumerate() {
        for name in [(*name).to_owned(), format!("{name}.gz"), format!("{name}.br")] {
            for (tag, bytes, coding) in
                site.find(&name).map(rolegate_server::files::File::representations).unwrap_or_default()
            {
                tags.push((tag.clone(), place));
                if coding || name.ends_with(".gz") || name.ends_with(".br") {
                    coded.push(Coded { tag, bytes, of: place });
                }
            }
        }
    }
    (tags, coded)
}
