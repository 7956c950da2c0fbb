//! How servers read the path of a request target, as pure functions.
//!
//! Each is a server with a configuration. It gives the path that it serves by or passes on, percent-encoded, or nothing where
//! it refuses the target. They are written for what they may do wrong together, and share no code with the gate.

/// The path that a server makes of a target.
type Reader = fn(&[u8]) -> Option<Vec<u8>>;

pub(super) const READERS: &[(&str, Reader)] = &[
    ("HAProxy, or anybody who passes on what came", |target| Some(path(target)?.to_vec())),
    ("HAProxy that merges slashes, then resolves dots", |target| resolve(&merge(path(target)?), ROOT)),
    ("HAProxy that resolves dots, then merges slashes", |target| Some(merge(&resolve(path(target)?, ROOT)?))),
    ("HAProxy that decodes what needs no escape first", |target| {
        resolve(&merge(&decode_some(path(target)?, is_unreserved)), ROOT)
    }),
    ("HAProxy with escapes in upper case", |target| Some(upper_case(path(target)?))),
    ("nginx", |target| Some(encode(&resolve(&merge(&decode(until(path(target)?, b"#"))?), REFUSED)?))),
    ("nginx without merge_slashes", |target| Some(encode(&resolve(&decode(until(path(target)?, b"#"))?, REFUSED)?))),
    ("Caddy", decoded_then_clean),
    ("Traefik", |target| Some(clean(path(target)?))),
    ("Traefik that refuses encoded characters", |target| {
        let path = path(target)?;
        let lower = path.to_ascii_lowercase();
        let refused = ["%2f", "%5c", "%00", "%3b", "%25", "%3f", "%23"];
        let is_refused = lower.windows(3).any(|escape| refused.iter().any(|refused| refused.as_bytes() == escape));
        (!is_refused).then(|| clean(path))
    }),
    ("Envoy", |target| envoy(target, false, true)),
    ("Envoy without merge_slashes", |target| envoy(target, false, false)),
    ("Envoy that unescapes slashes", |target| envoy(target, true, true)),
    ("Envoy that unescapes slashes, without merge_slashes", |target| envoy(target, true, false)),
    ("Apache", |target| apache(target, true, EncodedSlashes::Off, false)),
    ("Apache without MergeSlashes", |target| apache(target, false, EncodedSlashes::Off, false)),
    ("Apache with AllowEncodedSlashes", |target| apache(target, true, EncodedSlashes::On, false)),
    ("Apache with AllowEncodedSlashes, without MergeSlashes", |target| {
        apache(target, false, EncodedSlashes::On, false)
    }),
    ("Apache that keeps encoded slashes", |target| apache(target, true, EncodedSlashes::NoDecode, false)),
    ("Apache before servlets", |target| apache(target, true, EncodedSlashes::Off, true)),
    ("Node, by the URL parser", |target| {
        let turned = turn(path(target)?);
        // Two slashes begin a host.
        let behind_host = match turned.strip_prefix(b"//") {
            Some(rest) => rest.iter().position(|byte| *byte == b'/').and_then(|at| rest.get(at..)).unwrap_or(b"/"),
            None => &turned,
        };
        resolve(&decode_some(behind_host, |byte| byte == b'.'), ROOT)
    }),
    ("Node, by the text before `?`", decoded_then_clean),
    ("Node, by that text as it came", |target| Some(clean(path(target)?))),
    ("Tomcat", |target| Some(encode(&clean(&turn(&decode(&without_parameters(path(target)?))?))))),
    ("Jetty", |target| Some(encode(&clean(&without_parameters(&decode(path(target)?)?))))),
    ("a server on Windows", |target| {
        let turned = turn(&decode(path(target)?)?);
        let bare = turned.split(|byte| *byte == b'/').map(without_tail).collect::<Vec<_>>();
        Some(encode(&clean(&bare.join(&b'/'))))
    }),
    ("a server that decodes twice", |target| Some(encode(&clean(&lenient(&decode(path(target)?)?))))),
    ("a server that resolves dots, then decodes", |target| Some(encode(&decode(&clean(path(target)?))?))),
    ("a server that reads the decoded path as a target", |target| {
        let decoded = decode(path(target)?)?;
        Some(encode(&clean(until(&decoded, b"?#"))))
    }),
    ("a server that trims", |target| {
        let decoded = decode(path(target)?)?;
        let bare = decoded.split(|byte| *byte == b'/').map(<[u8]>::trim_ascii).collect::<Vec<_>>();
        Some(encode(&clean(&bare.join(&b'/'))))
    }),
    ("a server that reads Latin-1", |target| {
        let text: String = path(target)?.iter().copied().map(char::from).collect();
        Some(encode(&clean(&decode(text.as_bytes())?)))
    }),
    ("a server with overlong UTF-8", |target| Some(encode(&clean(&shortest(&decode(path(target)?)?))))),
    ("a server in C, for which NUL ends a name", |target| Some(encode(&clean(until(&lenient(path(target)?), b"\0"))))),
    ("a server that reads delimiters by compatibility", |target| {
        let read = compatible(&decode(path(target)?)?);
        let cut =
            turn(&read).split(|byte| *byte == b'/').map(|segment| until(segment, b";?#").to_vec()).collect::<Vec<_>>();
        Some(encode(&clean(&cut.join(&b'/'))))
    }),
    ("a file system that drops what nobody sees", |target| {
        let decoded = decode(path(target)?)?;
        let text = String::from_utf8_lossy(&decoded);
        let unseen = |c: char| matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}');
        Some(encode(&clean(text.replace(unseen, "").as_bytes())))
    }),
    ("a server with escapes of 16 bits", |target| {
        Some(encode(&clean(&lenient(&wide(&lenient(&wide(path(target)?)))))))
    }),
];

fn decoded_then_clean(target: &[u8]) -> Option<Vec<u8>> {
    Some(encode(&clean(&decode(path(target)?)?)))
}

/// The name under which a file is looked for, as a file system reads it: empty for the root.
pub(super) fn name(path: &[u8]) -> Option<Vec<u8>> {
    let name = clean(&decode(path)?);
    Some(name.strip_suffix(b"/").unwrap_or(&name).to_vec())
}

/// The path of a target, which may be in absolute form.
fn path(target: &[u8]) -> Option<&[u8]> {
    let target = until(target, b"?");
    if target.starts_with(b"/") {
        return Some(target);
    }
    let scheme = target.windows(3).position(|window| window == b"://")?;
    let behind_scheme = target.get(scheme + 3..)?;
    let host = behind_scheme.iter().position(|byte| *byte == b'/');
    Some(host.and_then(|at| behind_scheme.get(at..)).unwrap_or(b"/"))
}

/// What comes before the first of these.
pub(super) fn until<'a>(bytes: &'a [u8], marks: &[u8]) -> &'a [u8] {
    bytes.split(|byte| marks.contains(byte)).next().unwrap_or_default()
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Every escape of a byte that is wanted becomes that byte; what is no escape stays.
fn decode_some(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = bytes;
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let value = value.filter(|value| behind.first() != Some(&b'+') && wanted(*value));
        decoded.push(value.unwrap_or(*first));
        rest = value.and_then(|_| behind.get(2..)).unwrap_or(behind);
    }
    decoded
}

pub(super) fn lenient(bytes: &[u8]) -> Vec<u8> {
    decode_some(bytes, |_| true)
}

/// As [`lenient`], where a `%` that begins no escape, or one of NUL, is refused.
fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut escapes = bytes.split(|byte| *byte == b'%').skip(1);
    let are_escapes = escapes.all(|rest| rest.len() >= 2 && rest.iter().take(2).all(u8::is_ascii_hexdigit));
    Some(lenient(bytes)).filter(|decoded| are_escapes && !decoded.contains(&0))
}

fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for byte in bytes {
        match byte {
            b'/' => encoded.push(b'/'),
            byte if is_unreserved(*byte) => encoded.push(*byte),
            byte => encoded.extend(format!("%{byte:02X}").into_bytes()),
        }
    }
    encoded
}

fn upper_case(bytes: &[u8]) -> Vec<u8> {
    let mut before = [0, 0];
    let mut changed = Vec::new();
    for byte in bytes {
        let in_escape = before.contains(&b'%');
        changed.push(if in_escape { byte.to_ascii_uppercase() } else { *byte });
        before = [before.last().copied().unwrap_or_default(), *byte];
    }
    changed
}

/// Neighbouring slashes become one.
fn merge(bytes: &[u8]) -> Vec<u8> {
    let mut merged = bytes.to_vec();
    merged.dedup_by(|next, before| *next == b'/' && *before == b'/');
    merged
}

/// Backslashes become slashes.
fn turn(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect()
}

/// `..` above the root leads to the root.
const ROOT: bool = true;
/// `..` above the root is an error.
const REFUSED: bool = false;

/// Resolves dot segments (RFC 3986 §5.2.4): an empty segment is one that `..` takes away.
fn resolve(path: &[u8], above: bool) -> Option<Vec<u8>> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut open = false;
    for segment in path.strip_prefix(b"/").unwrap_or(path).split(|byte| *byte == b'/') {
        open = matches!(segment, b"." | b"..");
        match segment {
            b"." => {}
            b".." => {
                if kept.pop().is_none() && above == REFUSED {
                    return None;
                }
            }
            segment => kept.push(segment),
        }
    }
    if open {
        kept.push(b"");
    }
    Some([b"/", kept.join(&b'/').as_slice()].concat())
}

/// Slashes are merged, and then dots are resolved.
fn clean(path: &[u8]) -> Vec<u8> {
    resolve(&merge(path), ROOT).unwrap_or_default()
}

/// Full-width delimiters become those of ASCII, and segments of nothing but dots those dots.
fn compatible(path: &[u8]) -> Vec<u8> {
    let text: String = String::from_utf8_lossy(path)
        .chars()
        .map(|c| match c {
            '\u{ff0f}' => '/',
            '\u{ff3c}' => '\\',
            '\u{ff1b}' | '\u{37e}' => ';',
            '\u{ff1f}' => '?',
            '\u{ff03}' => '#',
            c => c,
        })
        .collect();
    let dots = |segment: &str| {
        let is_dots = segment.chars().all(|c| matches!(c, '.' | '\u{2024}'..='\u{2026}' | '\u{ff0e}'));
        let plain = segment.replace(['\u{2024}', '\u{ff0e}'], ".").replace('\u{2025}', "..").replace('\u{2026}', "...");
        if is_dots { plain } else { segment.to_owned() }
    };
    text.split('/').map(dots).collect::<Vec<_>>().join("/").into_bytes()
}

fn without_parameters(path: &[u8]) -> Vec<u8> {
    path.split(|byte| *byte == b'/').map(|segment| until(segment, b";")).collect::<Vec<_>>().join(&b'/')
}

/// A name without the dots and spaces at its end; one of nothing else is as it was.
fn without_tail(segment: &[u8]) -> &[u8] {
    let end = segment.iter().rposition(|byte| !b". ".contains(byte));
    end.and_then(|end| segment.get(..=end)).unwrap_or(segment)
}

/// Two bytes of overlong UTF-8 become the ASCII character that they are too long for.
fn shortest(bytes: &[u8]) -> Vec<u8> {
    let mut short: Vec<u8> = Vec::new();
    for byte in bytes {
        match short.last_mut() {
            Some(lead @ (0xc0 | 0xc1)) if byte & 0xc0 == 0x80 => *lead = (*lead & 1) << 6 | (byte & 0x3f),
            _ => short.push(*byte),
        }
    }
    short
}

/// `%u` and four digits become a character.
pub(super) fn wide(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes).replace("%U", "%u");
    let mut pieces = text.split("%u");
    let mut read = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let code = piece.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        match code {
            Some(c) => {
                read.push(c);
                read.push_str(piece.get(4..).unwrap_or_default());
            }
            None => {
                read.push_str("%u");
                read.push_str(piece);
            }
        }
    }
    read.into_bytes()
}

/// What the path normalisation does with `\`, escaped dots and dots, in that order.
fn envoy(target: &[u8], unescapes_slashes: bool, merges: bool) -> Option<Vec<u8>> {
    let came = until(path(target)?, b"#");
    let unescaped = if unescapes_slashes { decode_some(came, |byte| b"/\\".contains(&byte)) } else { came.to_vec() };
    let resolved = resolve(&decode_some(&turn(&unescaped), |byte| byte == b'.'), ROOT)?;
    Some(if merges { merge(&resolved) } else { resolved })
}

#[derive(Clone, Copy, PartialEq)]
enum EncodedSlashes {
    Off,
    On,
    NoDecode,
}

/// Characters that need no escape are decoded, slashes merged, dots resolved; then the rest is decoded.
fn apache(target: &[u8], merges: bool, slashes: EncodedSlashes, servlets: bool) -> Option<Vec<u8>> {
    let normalized = |path: &[u8]| {
        let path = if servlets { without_parameters(path) } else { path.to_vec() };
        resolve(&if merges { merge(&path) } else { path }, REFUSED)
    };
    let first = normalized(&decode_some(until(path(target)?, b"#"), is_unreserved))?;
    let has_encoded_slash = first.to_ascii_lowercase().windows(3).any(|escape| escape == b"%2f");
    match slashes {
        EncodedSlashes::Off if has_encoded_slash => None,
        EncodedSlashes::Off => Some(encode(&decode(&first)?)),
        EncodedSlashes::On => Some(encode(&normalized(&decode(&first)?)?)),
        EncodedSlashes::NoDecode => decode(&first).map(|_| encode(&decode_some(&first, |byte| byte != b'/'))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: &str, target: &str) -> Option<String> {
        let (_, read) = READERS.iter().find(|(name, _)| *name == reader).unwrap();
        read(target.as_bytes()).map(|path| String::from_utf8(path).unwrap())
    }

    #[test]
    fn each_in_its_own_way() {
        for (reader, target, path) in [
            ("nginx", "/public//../secret.html", Some("/secret.html")),
            ("nginx", "/x%2F..%2fsecret.html", Some("/secret.html")),
            ("nginx", "/../a", None),
            ("nginx", "/a#b", Some("/a")),
            ("nginx without merge_slashes", "/public//../secret.html", Some("/public/secret.html")),
            ("Caddy", "/public//../secret.html", Some("/secret.html")),
            ("Caddy", "/../a%2f..%2Fb", Some("/b")),
            ("Caddy", "http://h/a?b", Some("/a")),
            ("Caddy", "/%zz", None),
            ("Traefik", "/a//../%2e%2e/b", Some("/%2e%2e/b")),
            ("Traefik that refuses encoded characters", "/a%2Fb", None),
            ("Envoy", "/a//../b", Some("/a/b")),
            ("Envoy", "/a\\..\\%2e./b", Some("/b")),
            ("Envoy", "/a%2f..%2fb", Some("/a%2f..%2fb")),
            ("Envoy that unescapes slashes", "/a%2f..%5cb", Some("/b")),
            ("Apache", "/x//%2e%2e/a%20b", Some("/a%20b")),
            ("Apache", "/a%2fb", None),
            ("Apache with AllowEncodedSlashes", "/a%2f..%2fb", Some("/b")),
            ("Apache that keeps encoded slashes", "/a%2f..%2fb%2e", Some("/a%252f..%252fb.")),
            ("Apache without MergeSlashes", "/x//../a", Some("/x/a")),
            ("Apache before servlets", "/..;x/a", None),
            ("Apache before servlets", "/b/..;x/a", Some("/a")),
            ("HAProxy that resolves dots, then merges slashes", "/x//../a", Some("/x/a")),
            ("HAProxy that merges slashes, then resolves dots", "/x//../a", Some("/a")),
            ("Node, by the URL parser", "//host/members", Some("/members")),
            ("Node, by the URL parser", "/a\\..\\b/%2e%2E/c", Some("/c")),
            ("Tomcat", "/a/..;x/b", Some("/b")),
            ("Jetty", "/a/..%3Bx/b", Some("/b")),
            ("a server on Windows", "/members./home%20", Some("/members/home")),
            ("a server that decodes twice", "/%252e%252e/a", Some("/a")),
            ("a server that reads the decoded path as a target", "/a%3Fb", Some("/a")),
            ("a server with overlong UTF-8", "/x/%c0%ae%c0%ae/a", Some("/a")),
            ("a server in C, for which NUL ends a name", "/a%00b", Some("/a")),
            ("a server with escapes of 16 bits", "/x%u002f..%u002fa", Some("/a")),
            ("a server that reads delimiters by compatibility", "/x%EF%BC%8F%E2%80%A5/a%EF%BC%9By", Some("/a")),
            ("a file system that drops what nobody sees", "/x/..%E2%80%8B/%EF%BB%BFa", Some("/a")),
        ] {
            assert_eq!(read(reader, target).as_deref(), path, "{reader}: {target}");
        }
    }
}
