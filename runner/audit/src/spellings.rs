//! Near misses: other requests that some gate or file store takes for a given one. Made of text alone.

/// One other way to ask.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Spelling {
    /// The name, which is part of the id of a case.
    pub id: &'static str,
    /// The request target.
    pub target: Vec<u8>,
    /// Whether an ordinary client would change it on the way.
    pub is_exact: bool,
    /// The method.
    pub method: &'static str,
    /// Further header lines.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Whether it misses what the rule asks for beside path and role. Its header lines then stand in the place of those that the rule asks for.
    pub misses_conditions: bool,
    /// The version of HTTP.
    pub version: Version,
}

/// The version of HTTP in which a request is asked.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Version {
    /// HTTP/1.0
    Old,
    /// The one that everything is asked in, if nothing is said.
    #[default]
    Usual,
    /// HTTP/2
    Http2,
}

/// What a spelling tries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trick {
    /// Nothing: it is the request itself.
    None,
    /// Another path, or the same in another spelling.
    Path,
    /// Another method, a part, a coding or a condition.
    Way,
    /// Fields that some servers go by.
    Field,
    /// What comes near to the other conditions of the rule and does not meet them.
    Conditions,
}

/// Fields that ask for a part, a coding or a condition, and say nothing of visitor or path.
const WAYS: [&str; 8] = [
    "range",
    "if-none-match",
    "if-match",
    "if-modified-since",
    "if-unmodified-since",
    "accept",
    "accept-encoding",
    "cache-control",
];

impl Spelling {
    /// What is tried by it, in the place of a request for `target`.
    #[must_use]
    pub fn trick(&self, target: &[u8]) -> Trick {
        let is_way = |(name, _): &(String, Vec<u8>)| WAYS.contains(&name.to_ascii_lowercase().as_str());
        match self.headers.first() {
            _ if self.misses_conditions => Trick::Conditions,
            Some(first) if is_way(first) => Trick::Way,
            Some(_) => Trick::Field,
            None if self.method != "GET" || self.version != Version::Usual => Trick::Way,
            None if self.target == target => Trick::None,
            None => Trick::Path,
        }
    }

    /// A request by a visitor who does not meet the conditions that the rule has beside its role.
    #[must_use]
    pub fn off(id: &'static str, target: &str, headers: &[(String, Vec<u8>)]) -> Self {
        Self { misses_conditions: true, headers: headers.to_vec(), ..Self::plain(id, target) }
    }

    fn plain(id: &'static str, target: impl Into<Vec<u8>>) -> Self {
        Self {
            id,
            target: target.into(),
            is_exact: false,
            method: "GET",
            headers: Vec::new(),
            misses_conditions: false,
            version: Version::Usual,
        }
    }

    fn exact(id: &'static str, target: impl Into<Vec<u8>>) -> Self {
        Self { is_exact: true, ..Self::plain(id, target) }
    }

    fn with(id: &'static str, target: &str, headers: &[(&str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        Self { headers, ..Self::plain(id, target) }
    }
}

/// What stands around a target.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// The scheme and authority of the site.
    pub origin: &'a str,
    /// A path that anybody may have, below which dots can climb.
    pub open: &'a str,
    /// The name of the folder that is published; empty where it has none.
    pub folder: &'a str,
}

/// The near misses of a target; `own` is the path of its file by its own name, and `role` a role that its gate asks for.
#[must_use]
pub fn of(target: &str, own: Option<&str>, role: &str, around: Around<'_>) -> Vec<Spelling> {
    let Around { origin, open, folder } = around;
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (target, String::new()),
    };
    let mut all = neighbours(path);
    all.extend(below_folders(own.unwrap_or(path), folder));
    all.extend(misspelled(path, open));
    for spelling in &mut all {
        spelling.target.extend_from_slice(query.as_bytes());
    }
    all.push(Spelling::exact("whole-url", format!("{origin}{target}")));
    all.extend(otherwise_asked(target, open, role));
    let mut seen = std::collections::HashSet::new();
    let is_the_target = |spelling: &Spelling| spelling.trick(target.as_bytes()) == Trick::None;
    let kept: Vec<bool> = all
        .iter()
        .map(|spelling| {
            !is_the_target(spelling)
                && seen.insert((&spelling.target, &spelling.headers, spelling.method, spelling.version))
        })
        .collect();
    all.into_iter().zip(kept).filter_map(|(spelling, kept)| kept.then_some(spelling)).collect()
}

/// The directory part with its slash, and the last segment.
fn parted(path: &str) -> (&str, &str) {
    let path = path.strip_suffix('/').unwrap_or(path);
    path.rfind('/').and_then(|at| path.split_at_checked(at.saturating_add(1))).unwrap_or(("/", ""))
}

/// Paths that are right in themselves and name something else, or the same file by another of its names.
fn neighbours(path: &str) -> Vec<Spelling> {
    let (folder, last) = parted(path);
    let bare = path.strip_suffix('/').unwrap_or(path);
    let page = bare.strip_suffix("/index.html").or_else(|| bare.strip_suffix(".html")).unwrap_or(bare);
    let mut all = vec![
        Spelling::plain("one-segment-less", folder),
        Spelling::plain("one-segment-less-no-slash", if folder.len() > 1 { folder.trim_end_matches('/') } else { "/" }),
        Spelling::plain("one-segment-more", format!("{bare}/example")),
        Spelling::plain("slash-at-the-end", format!("{bare}/")),
        Spelling::plain("no-slash-at-the-end", if bare.is_empty() { "/" } else { bare }),
        Spelling::plain("html", format!("{page}.html")),
        Spelling::plain("no-html", if page.is_empty() { "/" } else { page }),
        Spelling::plain("index-html", format!("{page}/index.html")),
        Spelling::plain("index", format!("{page}/index")),
        Spelling::plain("brotli", format!("{bare}.br")),
        Spelling::plain("gzip", format!("{bare}.gz")),
        Spelling::plain("page-brotli", format!("{page}.html.br")),
        Spelling::plain("page-gzip", format!("{page}.html.gz")),
        Spelling::plain("index-brotli", format!("{page}/index.html.br")),
        Spelling::plain("index-gzip", format!("{page}/index.html.gz")),
    ];
    if !last.is_empty() {
        all.push(Spelling::plain("longer-name", format!("{bare}x")));
    }
    all.retain(|spelling| {
        spelling.target.first() == Some(&b'/') && spelling.target.get(1) != Some(&b'.') && spelling.target != b"/.html"
    });
    all
}

/// The file below the name of a folder: whoever serves the folder a second time, or what lies above it, has no rule for that path.
fn below_folders(own: &str, folder: &str) -> Vec<Spelling> {
    let named = Some(("below-its-folder", folder)).filter(|(_, folder)| !folder.is_empty());
    let usual = [
        ("below-public", "public"),
        ("below-dist", "dist"),
        ("below-build", "build"),
        ("below-out", "out"),
        ("below-static", "static"),
        ("below-files", "files"),
    ];
    let all = named.into_iter().chain(usual);
    all.map(|(id, folder)| Spelling::plain(id, format!("{}{own}", crate::ground::path_of(&format!("/{folder}")))))
        .collect()
}

/// So many segments make a path long: more than a thousand bytes, and less than any server refuses for its length alone.
const LONG: usize = 520;

/// The same path, written as some server reads it and another does not.
fn misspelled(path: &str, open: &str) -> Vec<Spelling> {
    let bare = path.strip_suffix('/').unwrap_or(path);
    let (folder, last) = parted(path);
    let escaped = |text: &str, upper: bool| -> String {
        let escape = |byte: u8| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
        text.bytes()
            .map(|byte| if byte == b'/' || byte == b'%' { char::from(byte).to_string() } else { escape(byte) })
            .collect()
    };
    let first_letter = |text: &str, by: &dyn Fn(u8) -> String| -> Option<String> {
        let at = text.bytes().position(|byte| byte.is_ascii_alphanumeric())?;
        let (before, after) = text.split_at_checked(at)?;
        let letter = *after.as_bytes().first()?;
        Some(format!("{before}{}{}", by(letter), after.get(1..)?))
    };
    let last_letter = |text: &str| -> Option<String> {
        let at = text.bytes().rposition(|byte| byte.is_ascii_alphanumeric())?;
        let (before, after) = text.split_at_checked(at)?;
        Some(format!("{before}%{:02X}{}", after.as_bytes().first()?, after.get(1..)?))
    };
    let behind_first_letter = |text: &str, mark: &str| -> Option<String> {
        let at = text.bytes().position(|byte| byte.is_ascii_alphanumeric())?.checked_add(1)?;
        let (before, after) = text.split_at_checked(at)?;
        Some(format!("{before}{mark}{after}"))
    };
    let plain = !path.contains('%');
    let mut all = Vec::new();
    let mut add = |id, target: Option<String>| all.extend(target.map(|target| Spelling::exact(id, target)));
    add("first-letter-escaped", first_letter(path, &|byte| format!("%{byte:02X}")).filter(|_| plain));
    add("first-letter-escaped-lower", first_letter(path, &|byte| format!("%{byte:02x}")).filter(|_| plain));
    add("escaped-twice", first_letter(path, &|byte| format!("%25{byte:02X}")).filter(|_| plain));
    add("last-letter-escaped", last_letter(path).filter(|_| plain));
    add("all-escaped", plain.then(|| escaped(path, true)));
    add("all-escaped-lower", plain.then(|| escaped(path, false)));
    add("dot-escaped", (plain && last.contains('.')).then(|| format!("{folder}{}", last.replace('.', "%2E"))));
    add("slash-escaped", (folder.len() > 1).then(|| format!("{}%2F{last}", folder.trim_end_matches('/'))));
    add("slash-escaped-lower", (folder.len() > 1).then(|| format!("{}%2f{last}", folder.trim_end_matches('/'))));
    add("slash-escaped-twice", (folder.len() > 1).then(|| format!("{}%252F{last}", folder.trim_end_matches('/'))));
    add("two-slashes-first", Some(format!("/{path}")));
    add("two-slashes-inside", (folder.len() > 1).then(|| format!("{folder}/{last}")));
    add("three-slashes-inside", (folder.len() > 1).then(|| format!("{folder}//{last}")));
    add("two-slashes-last", Some(format!("{bare}//")));
    add("dot-first", Some(format!("/.{path}")));
    add("dot-inside", (folder.len() > 1).then(|| format!("{folder}./{last}")));
    add("dot-last", Some(format!("{bare}/.")));
    add("out-and-in", Some(format!("{bare}/../{last}")));
    add("dots-from-elsewhere", Some(format!("/no-such-folder/..{path}")));
    add("dots-from-open", Some(format!("{}/..{path}", open.trim_end_matches('/'))));
    add("two-slashes-before-dots", Some(format!("/x//..{path}")));
    add("two-slashes-and-dots-inside", (folder.len() > 1).then(|| format!("{folder}/../{last}")));
    add("host-behind-two-slashes", Some(format!("//site.example{path}")));
    add("dots-last", Some(format!("{bare}/x/..")));
    add("above-the-root", Some(format!("/../../..{path}")));
    add("dots-escaped", Some(format!("/x/%2e%2e{path}")));
    add("dots-escaped-upper", Some(format!("/x/%2E%2E{path}")));
    add("one-dot-escaped", Some(format!("/x/.%2e{path}")));
    add("dot-first-escaped", Some(format!("/%2e{path}")));
    add("dots-and-escaped-slash", Some(format!("/x/..%2f{}", path.trim_start_matches('/'))));
    add("dots-and-parameter", Some(format!("/x/..;{path}")));
    add("dots-and-backslash", Some(format!("/x/..\\{}", path.trim_start_matches('/'))));
    add("backslash-first", Some(format!("/\\{}", path.trim_start_matches('/'))));
    add("backslash-inside", (folder.len() > 1).then(|| format!("{}\\{last}", folder.trim_end_matches('/'))));
    add("backslash-escaped", (folder.len() > 1).then(|| format!("{}%5C{last}", folder.trim_end_matches('/'))));
    add("upper-case", Some(path.to_ascii_uppercase()));
    add("capital", first_letter(path, &|byte| char::from(byte.to_ascii_uppercase()).to_string()));
    add("last-in-capitals", Some(format!("{folder}{}", last.to_ascii_uppercase())));
    add("parameter", Some(format!("{bare};x=1")));
    add("parameter-inside", (folder.len() > 1).then(|| format!("{};x/{last}", folder.trim_end_matches('/'))));
    add("parameter-like-a-style", Some(format!("{bare};.css")));
    add("style-below", Some(format!("{bare}/x.css")));
    for (id, mark) in [
        ("soft-hyphen-inside", "%C2%AD"),
        ("no-width-inside", "%E2%80%8B"),
        ("no-joiner-inside", "%E2%80%8C"),
        ("joiner-inside", "%E2%80%8D"),
        ("byte-order-mark-inside", "%EF%BB%BF"),
    ] {
        add(id, behind_first_letter(path, mark).filter(|_| plain));
    }
    add("null", Some(format!("{bare}%00")));
    add("null-and-ending", Some(format!("{bare}%00.png")));
    add("space-last", Some(format!("{bare}%20")));
    add("tab-last", Some(format!("{bare}%09")));
    add("line-end-last", Some(format!("{bare}%0a")));
    add("point-last", Some(format!("{bare}.")));
    add("colon-last", Some(format!("{bare}:")));
    add("tilde-last", Some(format!("{bare}~")));
    add("question-escaped", Some(format!("{bare}%3Fx")));
    add("fragment-escaped", Some(format!("{bare}%23x")));
    add("too-long-slash", (folder.len() > 1).then(|| format!("{}%c0%af{last}", folder.trim_end_matches('/'))));
    add("too-long-dots", Some(format!("/x/%c0%ae%c0%ae{path}")));
    add(
        "wide-letter",
        first_letter(path, &|byte| match byte {
            b'a'..=b'z' => format!("%EF%BD%{:02X}", byte.wrapping_sub(b'a').wrapping_add(0x81)),
            _ => char::from(byte).to_string(),
        })
        .filter(|_| plain),
    );
    // What some server reads in another way than the one behind it.
    add("letter-escaped-in-16-bits", first_letter(path, &|byte| format!("%u00{byte:02x}")).filter(|_| plain));
    add(
        "dot-escaped-in-16-bits",
        (plain && last.contains('.')).then(|| format!("{folder}{}", last.replace('.', "%u002e"))),
    );
    add("percent-last", Some(format!("{bare}%")));
    add("no-escape-last", Some(format!("{bare}%zz")));
    add("no-escape-inside", (folder.len() > 1).then(|| format!("{}%zz/{last}", folder.trim_end_matches('/'))));
    add("two-percents", first_letter(path, &|byte| format!("%%{byte:02X}")).filter(|_| plain));
    add("fragment", Some(format!("{bare}#x")));
    add("no-slash-first", path.strip_prefix('/').filter(|rest| !rest.is_empty()).map(str::to_owned));
    add("long", Some(format!("{folder}{}{last}", "./".repeat(LONG))));
    add("long-elsewhere", Some(format!("/{}/..{path}", "x".repeat(LONG.saturating_mul(2)))));
    add("plus", (last.contains("%20")).then(|| format!("{folder}{}", last.replace("%20", "+"))));
    all
}

/// The same path, asked for otherwise: method, part, coding, and fields that some servers go by.
fn otherwise_asked(target: &str, open: &str, role: &str) -> Vec<Spelling> {
    let with = |id, headers: &[(&str, &str)]| Spelling::with(id, target, headers);
    // What a server is free to refuse.
    let odd = |id, headers: &[(&str, &str)]| Spelling { is_exact: true, ..Spelling::with(id, target, headers) };
    let has_query = target.contains('?');
    let mut all = vec![
        Spelling { method: "HEAD", ..Spelling::plain("head", target) },
        Spelling { is_exact: true, version: Version::Old, ..Spelling::plain("http-1-0", target) },
        with("range", &[("Range", "bytes=0-")]),
        with("range-of-the-end", &[("Range", "bytes=-400")]),
        with("ranges", &[("Range", "bytes=0-99,100-")]),
        with("accepts-codings", &[("Accept-Encoding", "gzip, br")]),
        with("accepts-gzip", &[("Accept-Encoding", "gzip")]),
        with("accepts-brotli", &[("Accept-Encoding", "br")]),
        with("if-none-match-any", &[("If-None-Match", "*")]),
        with("if-none-match", &[("If-None-Match", "\"x\"")]),
        with("if-match", &[("If-Match", "*")]),
        with("if-match-another", &[("If-Match", "\"x\"")]),
        with("if-modified-since", &[("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")]),
        with("if-modified-since-later", &[("If-Modified-Since", "Thu, 31 Dec 2099 00:00:00 GMT")]),
        with("if-unmodified-since", &[("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")]),
        with("accepts-json", &[("Accept", "application/json")]),
        with("from-this-machine", &[("X-Forwarded-For", "127.0.0.1"), ("X-Real-IP", "127.0.0.1")]),
        with("forwarded", &[("Forwarded", "for=127.0.0.1;host=localhost;proto=https")]),
        with("forwarded-host", &[("X-Forwarded-Host", "localhost")]),
        with("forwarded-scheme", &[("X-Forwarded-Proto", "https")]),
        with("method-override", &[("X-HTTP-Method-Override", "POST")]),
        with("claims-a-user", &[("X-Remote-User", role), ("X-Forwarded-User", role), ("X-User", role)]),
        with("claims-a-role", &[("X-Role", role), ("X-Roles", role), ("X-User-Roles", role)]),
        with("claims-a-group", &[("X-Forwarded-Groups", role), ("Remote-Groups", role), ("Remote-User", role)]),
        with("subrequest", &[("X-Middleware-Subrequest", "middleware:middleware:middleware:middleware:middleware")]),
        with("prefetch", &[("Purpose", "prefetch"), ("Sec-Purpose", "prefetch")]),
        with("script", &[("X-Requested-With", "XMLHttpRequest")]),
        with("debug", &[("X-Debug", "1"), ("X-NF-Debug", "1")]),
        with("crawler", &[("From", "googlebot(at)googlebot.com")]),
        with("referer", &[("Referer", target)]),
        with("no-cache", &[("Cache-Control", "no-cache"), ("Pragma", "no-cache")]),
        with("connection-closes", &[("Connection", "close")]),
        odd("connection-names-cookie", &[("Connection", "close, Cookie")]),
        odd("carries-a-body", &[("Content-Length", "0")]),
        odd("expectation", &[("Expect", "100-continue")]),
        odd(
            "upgrade",
            &[
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ],
        ),
        odd(
            "upgrade-to-http-2",
            &[("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABkAAQAAP__")],
        ),
        // QUERY-2: whether a rule that asks for parameters stands for requests with others too is not agreed upon.
        Spelling {
            is_exact: has_query,
            ..Spelling::plain("query", format!("{target}{}x=1", if has_query { "&" } else { "?" }))
        },
        Spelling {
            is_exact: has_query,
            ..Spelling::plain("empty-query", format!("{target}{}", if has_query { "&" } else { "?" }))
        },
        with("open-original-url", &[("X-Original-URL", open), ("X-Rewrite-URL", open)]),
        // What cannot be read as a path, no rule is for.
        with("original-url-no-path", &[("X-Original-URL", "/%"), ("X-Rewrite-URL", "/%")]),
        with(
            "original-uri-no-path",
            &[("X-Original-URI", "/%"), ("X-Forwarded-Uri", "/%"), ("X-Forwarded-Path", "/%")],
        ),
        with("open-original-uri", &[("X-Original-URI", open), ("X-Forwarded-Uri", open), ("X-Forwarded-Path", open)]),
        Spelling::with("original-url", open, &[("X-Original-URL", target), ("X-Rewrite-URL", target)]),
        Spelling::with(
            "original-uri",
            open,
            &[("X-Original-URI", target), ("X-Forwarded-Uri", target), ("X-Forwarded-Path", target)],
        ),
    ];
    if let Some((_, query)) = target.split_once('?') {
        all.push(Spelling::with("query-elsewhere", open, &[("X-Query", query)]));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_of_a_page() {
        let around = Around { origin: "https://site.example", open: "/login", folder: "the site" };
        let all = of("/members/home", Some("/members/home.html"), "member", around);
        let text = |id: &str| {
            let found = all.iter().find(|spelling| spelling.id == id);
            found.map(|spelling| String::from_utf8_lossy(&spelling.target).into_owned())
        };
        for (id, target) in [
            ("one-segment-less", "/members/"),
            ("one-segment-more", "/members/home/example"),
            ("slash-at-the-end", "/members/home/"),
            ("html", "/members/home.html"),
            ("index-html", "/members/home/index.html"),
            ("page-brotli", "/members/home.html.br"),
            ("first-letter-escaped", "/%6Dembers/home"),
            ("two-slashes-inside", "/members//home"),
            ("dot-inside", "/members/./home"),
            ("dots-from-open", "/login/../members/home"),
            ("capital", "/Members/home"),
            ("two-slashes-before-dots", "/x//../members/home"),
            ("two-slashes-and-dots-inside", "/members//../home"),
            ("host-behind-two-slashes", "//site.example/members/home"),
            ("no-width-inside", "/m%E2%80%8Bembers/home"),
            ("wide-letter", "/%EF%BD%8Dembers/home"),
            ("whole-url", "https://site.example/members/home"),
            ("original-url", "/login"),
            ("open-original-url", "/members/home"),
            ("letter-escaped-in-16-bits", "/%u006dembers/home"),
            ("no-slash-first", "members/home"),
            ("fragment", "/members/home#x"),
            ("below-its-folder", "/the%20site/members/home.html"),
            ("below-public", "/public/members/home.html"),
        ] {
            assert_eq!(text(id).as_deref(), Some(target), "{id}");
        }
        assert_eq!(text("no-slash-at-the-end"), None, "it is the target itself");
        for (id, trick) in [
            ("html", Trick::Path),
            ("capital", Trick::Path),
            ("head", Trick::Way),
            ("if-match", Trick::Way),
            ("http-1-0", Trick::Way),
            ("claims-a-role", Trick::Field),
            ("original-url", Trick::Field),
        ] {
            let spelling = all.iter().find(|spelling| spelling.id == id).unwrap();
            assert_eq!(spelling.trick(b"/members/home"), trick, "{id}");
        }
        let root = of("/", None, "member", Around { origin: "http://h", open: "/", folder: "" });
        assert!(root.iter().all(|spelling| !spelling.target.is_empty()), "{root:?}");
    }
}
