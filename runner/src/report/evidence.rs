//! What was sent and what came back, fit to be shown: secrets replaced, and no more kept than a person or a tool will read.

use super::redact::Redactor;
use crate::event::Lengths;
use crate::text::printable;
use crate::wire::{Exchange, Target};

/// No more bytes than this are kept of a body or of the bytes on the wire; a gate may answer with megabytes.
const KEPT: usize = 64 << 10;
/// No more than this is looked at to keep as much.
pub const TOLD: usize = KEPT + (16 << 10);
/// A longer request line is cut where it is told alone.
const LINE: usize = 200;
/// The exchange behind a finding.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Where it was sent.
    pub target: Target,
    /// The exchange, with secrets replaced and long bytes cut.
    pub exchange: Exchange,
    /// A command line that asks the same again.
    pub again: String,
    /// How long the body of the answer was.
    pub body_length: usize,
    /// How many bytes came on the connection.
    pub wire_length: usize,
}

impl Evidence {
    /// The first line of the request.
    #[must_use]
    pub fn request_line(&self) -> String {
        let bytes = self.exchange.sent.bytes();
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        shortened(&printable(line.strip_suffix(b"\r").unwrap_or(line)), LINE)
    }

    /// Keeps what can be shown of an exchange.
    #[must_use]
    pub fn new(exchange: &Exchange, lengths: Lengths, target: &Target, redactor: &Redactor) -> Self {
        let mut sent = redactor.sent(&exchange.sent);
        // From the request as it is now, whole: nothing is left to be taken out.
        let again = sent.reproduce(target, true);
        // Redacted first, so that nothing is cut into what cannot be recognised any more.
        let answer = redactor.answer(&exchange.answer.clone().shortened(TOLD)).shortened(KEPT);
        sent.body = cut(sent.body);
        sent.raw = sent.raw.map(cut);
        Self {
            again,
            target: target.clone(),
            body_length: lengths.body,
            wire_length: lengths.wire,
            exchange: Exchange { sent, answer, ..*exchange },
        }
    }
}

/// Bytes as lines that can be shown: a line feed ends one, everything else that is not plain text is escaped.
#[must_use]
pub fn block(bytes: &[u8]) -> String {
    let lines = bytes.split(|byte| *byte == b'\n');
    let shown: Vec<String> = lines.map(|line| printable(line.strip_suffix(b"\r").unwrap_or(line))).collect();
    shown.join("\n")
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

fn cut(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(KEPT);
    bytes
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::wire::{Answer, Client, Response, Sent, Trust};

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
        let target = Target {
            https: false,
            host: "gate.example".to_owned(),
            port: 80,
            connect_to: None,
            trust: Trust::default(),
        };
        for (show_secrets, says) in [
            (false, "you sent <token>, and I know <secret>"),
            (true, "you sent IHsiYWxnIjoiSFMyNTYifQ.e30.c2ln, and I know by-heart-by-heart"),
        ] {
            let evidence = Evidence::new(
                &exchange,
                Lengths::of(&exchange.answer),
                &target,
                &Redactor::knowing("by-heart-by-heart", Some(&exchange), show_secrets),
            );
            assert_eq!(block(&evidence.exchange.answer.response().unwrap().body), says);
            assert_eq!(block(evidence.exchange.answer.bytes()), says);
            assert_eq!(evidence.again.contains("IHsi"), show_secrets, "{}", evidence.again);
            assert!(evidence.again.ends_with("; c=d' 'http://gate.example/'"), "{}", evidence.again);
        }
    }

    #[test]
    fn nothing_hides() {
        for (bytes, shown) in [
            (&b"a\r\nb\n"[..], "a\nb\n"),
            (b"\x00\x1b[31m\xff", "\\u{0}\\u{1b}[31m\\xff"),
            ("\u{202e}gnp\u{fffe}\u{ffff}".as_bytes(), "\\u{202e}gnp\\u{fffe}\\u{ffff}"),
            ("naïve 日本".as_bytes(), "naïve 日本"),
        ] {
            assert_eq!(block(bytes), shown);
        }
        assert_eq!(shortened("abcdef", 4), "abcd… (2 more characters)");
        assert_eq!(shortened("abcd", 4), "abcd");
    }
}
