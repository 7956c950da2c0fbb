//! What was sent and what came back, fit to be shown: secrets replaced, and no more kept than a person or a tool will read.

use crate::verdict::{Fault, Leak, Mismatch, Verdict};
use crate::wire::{Answer, Exchange, Response, Sent, Target, printable, redact};

/// No more octets than this are kept of a body or of the octets on the wire; a gate may answer with megabytes.
const KEPT: usize = 64 << 10;
/// A shorter token, signature or secret may stand anywhere by chance.
const TELLING: usize = 16;

/// The exchange behind a finding.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Where it was sent.
    pub target: Target,
    /// The exchange, with secrets replaced and long octets cut.
    pub exchange: Exchange,
    /// A command line that asks the same again.
    pub again: String,
    /// How long the body of the answer was.
    pub body_length: usize,
    /// How many octets came on the connection.
    pub wire_length: usize,
}

/// Replaces secrets: what looks like a token, the very token that was sent, and the secret of the suite, wherever they stand.
#[derive(Clone, Debug)]
pub struct Redactor {
    show_secrets: bool,
    /// Octets and what stands in their place, the longest first.
    known: Vec<(Vec<u8>, &'static [u8])>,
}

impl Evidence {
    /// Keeps what can be shown of an exchange.
    #[must_use]
    pub fn new(exchange: &Exchange, target: &Target, redactor: &Redactor) -> Self {
        let mut sent = redactor.sent(&exchange.sent);
        // From the request as it is now, whole: nothing is left to be taken out.
        let again = sent.reproduce(target, true);
        sent.body = cut(sent.body);
        sent.raw = sent.raw.map(cut);
        Self {
            again,
            target: target.clone(),
            body_length: exchange.answer.response().map_or(0, |response| response.body.len()),
            wire_length: exchange.answer.octets().len(),
            exchange: Exchange { sent, answer: redactor.answer(&exchange.answer), ..*exchange },
        }
    }
}

impl Redactor {
    /// A redactor that knows what looks like a token, and nothing else.
    #[must_use]
    pub fn new(show_secrets: bool) -> Self {
        Self { show_secrets, known: Vec::new() }
    }

    /// A redactor that also knows the secret of the suite and the tokens of the request.
    #[must_use]
    pub fn knowing(secret: &str, exchange: Option<&Exchange>, show_secrets: bool) -> Self {
        let mut known = vec![(secret.as_bytes().to_vec(), &b"<secret>"[..])];
        for token in exchange.map(|exchange| tokens(&exchange.sent.octets())).unwrap_or_default() {
            let signature = token.rsplit(|octet| *octet == b'.').next().unwrap_or_default().to_vec();
            known.extend([(token, &b"<token>"[..]), (signature, &b"<signature>"[..])]);
        }
        known.retain(|(octets, _)| !show_secrets && octets.len() >= TELLING);
        known.sort_by_key(|(octets, _)| std::cmp::Reverse(octets.len()));
        Self { show_secrets, known }
    }

    /// Octets without secrets.
    #[must_use]
    pub fn octets(&self, octets: &[u8]) -> Vec<u8> {
        let mut octets = redact(octets, self.show_secrets);
        for (known, by) in &self.known {
            octets = replaced(&octets, known, by);
        }
        octets
    }

    /// A text without secrets.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.octets(text.as_bytes())).into_owned()
    }

    /// A verdict whose texts quote no secret.
    #[must_use]
    pub fn verdict(&self, verdict: &Verdict) -> Verdict {
        match verdict {
            Verdict::Pass => Verdict::Pass,
            Verdict::Error(Fault::Harness(why)) => Verdict::Error(Fault::Harness(self.text(why))),
            Verdict::Error(Fault::Unreachable(why)) => Verdict::Error(Fault::Unreachable(self.text(why))),
            Verdict::Fail(mismatches) => Verdict::Fail(
                mismatches
                    .iter()
                    .map(|one| Mismatch {
                        what: self.text(&one.what),
                        expected: self.text(&one.expected),
                        actual: self.text(&one.actual),
                    })
                    .collect(),
            ),
            Verdict::Leak(leaks) => Verdict::Leak(
                leaks.iter().map(|leak| Leak { file: self.text(&leak.file), place: leak.place.clone() }).collect(),
            ),
            Verdict::Observed(label) => Verdict::Observed(self.text(label)),
            Verdict::Unproven(why) => Verdict::Unproven(self.text(why)),
            Verdict::Unsupported { feature, reason } => {
                Verdict::Unsupported { feature: feature.clone(), reason: self.text(reason) }
            }
        }
    }

    fn sent(&self, sent: &Sent) -> Sent {
        Sent {
            method: self.text(&sent.method),
            target: self.octets(&sent.target),
            host: self.octets(&sent.host),
            headers: self.headers(&sent.headers),
            body: self.octets(&sent.body),
            raw: sent.raw.as_deref().map(|raw| self.octets(raw)),
            ..*sent
        }
    }

    fn answer(&self, answer: &Answer) -> Answer {
        match answer {
            Answer::Closed(octets) => Answer::Closed(cut(self.octets(octets))),
            Answer::TimedOut(octets) => Answer::TimedOut(cut(self.octets(octets))),
            Answer::Response(response) => Answer::Response(Box::new(Response {
                headers: self.headers(&response.headers),
                body: cut(self.octets(&response.body)),
                wire: cut(self.octets(&response.wire)),
                ..**response
            })),
        }
    }

    fn headers(&self, headers: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
        headers.iter().map(|(name, value)| (self.text(name), self.octets(value))).collect()
    }
}

/// Octets as lines that can be shown: a line feed ends one, everything else that is not plain text is escaped.
#[must_use]
pub fn block(octets: &[u8]) -> String {
    let lines = octets.split(|octet| *octet == b'\n');
    let shown: Vec<String> = lines.map(|line| visible(&printable(line.strip_suffix(b"\r").unwrap_or(line)))).collect();
    shown.join("\n")
}

/// A text in which nothing hides: what XML forbids, and what reorders the text around it or has no width, is escaped.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hides = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
        if hides || (c.is_control() && !matches!(c, '\n' | '\t')) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// At most `limit` characters of a text, and how many more there were.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((at, _)) => {
            let (kept, rest) = text.split_at(at);
            format!("{kept}… ({} more characters)", rest.chars().count())
        }
    }
}

fn cut(mut octets: Vec<u8>) -> Vec<u8> {
    octets.truncate(KEPT);
    octets
}

/// The values of the token cookie.
fn tokens(octets: &[u8]) -> Vec<Vec<u8>> {
    const NAME: &[u8] = b"nf_jwt=";
    memchr::memmem::find_iter(octets, NAME)
        .filter_map(|at| octets.get(at.checked_add(NAME.len())?..))
        .filter_map(|rest| rest.split(|octet| matches!(octet, b';' | b'\r' | b'\n' | b' ' | b'"' | b'&')).next())
        .map(<[u8]>::to_vec)
        .collect()
}

fn replaced(octets: &[u8], known: &[u8], by: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len());
    let mut from = 0;
    for at in memchr::memmem::find_iter(octets, known) {
        out.extend_from_slice(octets.get(from..at).unwrap_or_default());
        out.extend_from_slice(by);
        from = at.saturating_add(known.len());
    }
    out.extend_from_slice(octets.get(from..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::wire::Client;

    #[test]
    fn a_token_that_comes_back_is_replaced_too() {
        let sent = Sent {
            method: "GET".to_owned(),
            target: b"/".to_vec(),
            host: b"gate.example".to_vec(),
            headers: vec![("Cookie".to_owned(), b"a=b; nf_jwt=IHsiYWxnIjoiSFMyNTYifQ.e30.c2ln; c=d".to_vec())],
            body: Vec::new(),
            raw: None,
            responses: 1,
            byte_exact: false,
            linger: Duration::ZERO,
        };
        let body = b"you sent IHsiYWxnIjoiSFMyNTYifQ.e30.c2ln, and I know by-heart-by-heart".to_vec();
        let answer = Answer::Response(Box::new(Response { body: body.clone(), wire: body, ..Response::default() }));
        let exchange =
            Exchange { sent, client: Client::Plain, answer, started: SystemTime::UNIX_EPOCH, elapsed: Duration::ZERO };
        let target = Target { https: false, host: "gate.example".to_owned(), port: 80, connect_to: None };
        for (show_secrets, says) in [
            (false, "you sent <token>, and I know <secret>"),
            (true, "you sent IHsiYWxnIjoiSFMyNTYifQ.e30.c2ln, and I know by-heart-by-heart"),
        ] {
            let evidence = Evidence::new(
                &exchange,
                &target,
                &Redactor::knowing("by-heart-by-heart", Some(&exchange), show_secrets),
            );
            assert_eq!(block(&evidence.exchange.answer.response().unwrap().body), says);
            assert_eq!(block(evidence.exchange.answer.octets()), says);
            assert_eq!(evidence.again.contains("IHsi"), show_secrets, "{}", evidence.again);
            assert!(evidence.again.ends_with("; c=d' 'http://gate.example/'"), "{}", evidence.again);
        }
    }

    #[test]
    fn nothing_hides() {
        for (octets, shown) in [
            (&b"a\r\nb\n"[..], "a\nb\n"),
            (b"\x00\x1b[31m\xff", "\\u{0}\\u{1b}[31m\\xff"),
            ("\u{202e}gnp\u{fffe}\u{ffff}".as_bytes(), "\\u{202e}gnp\\u{fffe}\\u{ffff}"),
            ("naïve 日本".as_bytes(), "naïve 日本"),
        ] {
            assert_eq!(block(octets), shown);
        }
        assert_eq!(shortened("abcdef", 4), "abcd… (2 more characters)");
        assert_eq!(shortened("abcd", 4), "abcd");
    }
}
