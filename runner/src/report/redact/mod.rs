//! The one redactor. A gate may give back what it was sent: as it is, or as somebody finds it who undoes an escape or an encoding. What is recognisably made of a
//! token or of the secret is replaced.
//!
//! Two passes: what looks like a token and what is known stand in a text as they are; then all readings of the text are searched for
//! runs of what is known. A run of twelve letters and digits of a token is enough, whatever stands between them and in whatever case, so that a token that is cut or
//! changed here and there is found too. Ordinary texts, digests and canaries have none. What would take more work than there is time for is left out whole.
//!
//! Under both hangs a net, for what a gate says that was sent a token (`dense`): an encoding that nobody thought of looks like none of the texts of a page.

mod dense;
mod glance;
mod needle;
mod view;

use std::cell::OnceCell;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

pub use self::glance::Glances;
use self::needle::Needles;
use self::view::{Span, View, around};
use crate::text::visible;
use crate::verdict::Verdict;
use crate::wire::{Answer, Exchange, Response, Sent, redact};

/// A shorter token, signature or secret may stand anywhere by chance.
const TELLING: usize = 16;
/// How many steps from a text a reading may be.
const DEPTH: usize = 4;
/// A longer text is searched in parts of this length.
const PART: usize = 64 << 10;
/// How much two parts have in common, so that nothing lies between them.
const OVERLAP: usize = 4 << 10;
/// About how many bytes of readings are made of one part.
const WORK: usize = 4 << 20;
/// What stands in the place of what was not read to its end.
const UNREAD: &str = "<left out: too long to be looked through>";
/// What lies between two finds that are this near is part of them.
const NEAR: usize = 8;

/// What stands in the place of a secret.
const SECRET: &[u8] = b"<secret>";
/// What stands in the place of a token.
const TOKEN: &[u8] = b"<token>";

/// From where to where in a text, and what stands in its place.
type Find = ((usize, usize), &'static str);

/// Replaces secrets: what looks like a token, the very token that was sent, the secret of the suite, and what is made of them, wherever they stand.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    show_secrets: bool,
    /// Bytes and what stands in their place, the longest first.
    known: Vec<(Vec<u8>, &'static [u8])>,
    /// The same, as it is found in readings; made when it is first needed.
    needles: OnceCell<Needles>,
    /// The bytes of the request: what stands in it too was not made of its token.
    asked: Vec<u8>,
}

impl Redactor {
    /// A redactor that knows what looks like a token, and nothing else.
    #[must_use]
    pub fn new(show_secrets: bool) -> Self {
        Self { show_secrets, ..Self::default() }
    }

    /// A redactor that knows what looks like a token, and these secrets.
    #[must_use]
    pub fn of_secrets<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        Self::default().and(secrets.into_iter().map(|secret| (secret.as_bytes().to_vec(), SECRET)))
    }

    /// A redactor that also knows the secret of the suite and the tokens of the request.
    #[must_use]
    pub fn knowing(secret: &str, exchange: Option<&Exchange>, show_secrets: bool) -> Self {
        let asked = exchange.map(|exchange| exchange.sent.bytes()).unwrap_or_default();
        let mut known = vec![(secret.as_bytes().to_vec(), SECRET)];
        for token in tokens(&asked) {
            let signature = token.rsplit(|byte| *byte == b'.').next().unwrap_or_default().to_vec();
            known.extend([(token, TOKEN), (signature, &b"<signature>"[..])]);
        }
        Self { asked, ..Self::new(show_secrets).and(known) }
    }

    fn and(mut self, known: impl IntoIterator<Item = (Vec<u8>, &'static [u8])>) -> Self {
        if !self.show_secrets {
            self.known.extend(known.into_iter().filter(|(bytes, _)| bytes.len() >= TELLING));
            self.known.sort_by(|(one, _), (other, _)| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
            self.known.dedup();
        }
        self
    }

    /// Bytes without secrets.
    #[must_use]
    pub fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        if self.show_secrets {
            return bytes.to_vec();
        }
        let mut bytes = redact(bytes, false);
        for (known, by) in &self.known {
            bytes = replaced(&bytes, known, by);
        }
        let found = merged(self.find(&bytes), &bytes);
        let mut out = Vec::with_capacity(bytes.len());
        let mut from = 0;
        for ((start, end), by) in found {
            out.extend_from_slice(bytes.get(from..start).unwrap_or_default());
            out.extend_from_slice(by.as_bytes());
            from = end;
        }
        out.extend_from_slice(bytes.get(from..).unwrap_or_default());
        out
    }

    /// A text without secrets, in which nothing hides.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        visible(&String::from_utf8_lossy(&self.bytes(text.as_bytes())))
    }

    /// Bytes of an answer without secrets, and without what the token of the request may have been made into.
    #[must_use]
    pub fn answered(&self, bytes: &[u8]) -> Vec<u8> {
        let bytes = self.bytes(bytes);
        if !self.holds_token() {
            return bytes;
        }
        let is_of_request = |part: &[u8]| memchr::memmem::find(&self.asked, part).is_some();
        let mut out = Vec::with_capacity(bytes.len());
        let mut from = 0;
        for (start, end) in dense::dense(&bytes) {
            let part = bytes.get(start..end).unwrap_or_default();
            if !is_of_request(part) {
                out.extend_from_slice(bytes.get(from..start).unwrap_or_default());
                out.extend_from_slice(dense::told(part).as_bytes());
                from = end;
            }
        }
        out.extend_from_slice(bytes.get(from..).unwrap_or_default());
        out
    }

    /// The same of a text, in which nothing hides.
    #[must_use]
    pub fn quoted(&self, text: &str) -> String {
        visible(&String::from_utf8_lossy(&self.answered(text.as_bytes())))
    }

    fn holds_token(&self) -> bool {
        self.known.iter().any(|(_, by)| *by == TOKEN)
    }

    /// Whether something in these bytes is made of a secret.
    #[must_use]
    pub fn finds(&self, bytes: &[u8]) -> bool {
        !self.show_secrets && self.bytes(bytes) != bytes
    }

    /// A verdict whose texts quote no secret.
    #[must_use]
    pub fn verdict(&self, verdict: &Verdict) -> Verdict {
        let mut verdict = verdict.clone();
        for text in verdict.texts_mut() {
            *text = self.quoted(text);
        }
        verdict
    }

    /// A request without secrets.
    #[must_use]
    pub fn sent(&self, sent: &Sent) -> Sent {
        Sent {
            method: self.text(&sent.method),
            target: self.bytes(&sent.target),
            host: self.bytes(&sent.host),
            headers: self.headers(&sent.headers),
            body: self.bytes(&sent.body),
            raw: sent.raw.as_deref().map(|raw| self.bytes(raw)),
            ..*sent
        }
    }

    /// An answer without secrets.
    #[must_use]
    pub fn answer(&self, answer: &Answer) -> Answer {
        match answer {
            Answer::Closed(bytes) => Answer::Closed(self.answered(bytes)),
            Answer::TimedOut(bytes) => Answer::TimedOut(self.answered(bytes)),
            Answer::TooLong(bytes) => Answer::TooLong(self.answered(bytes)),
            Answer::Response(response) => Answer::Response(Box::new(self.response(response))),
        }
    }

    fn response(&self, response: &Response) -> Response {
        let headers = response.headers.iter().map(|(name, value)| (self.quoted(name), self.answered(value))).collect();
        if response.decoded().is_some_and(|decoded| self.finds(&decoded.bytes)) {
            let body = b"<a coded body with a secret in it>".to_vec();
            let end = memchr::memmem::find(&response.wire, b"\r\n\r\n").map_or(0, |end| end.saturating_add(4));
            let head = self.answered(response.wire.get(..end).unwrap_or_default());
            return Response { headers, wire: [head, body.clone()].concat(), body, ..*response };
        }
        let body = self.answered(&response.body);
        // Where the body stands on the wire as it is, it is looked at once.
        let head = response.wire.strip_suffix(response.body.as_slice()).filter(|head| head.ends_with(b"\r\n\r\n"));
        let wire = match head {
            Some(head) => [self.answered(head), body.clone()].concat(),
            None => self.answered(&response.wire),
        };
        Response { headers, body, wire, ..*response }
    }

    fn headers(&self, headers: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
        headers.iter().map(|(name, value)| (self.text(name), self.bytes(value))).collect()
    }

    /// Where a text has something that is made of what is known, part by part.
    fn find(&self, text: &[u8]) -> Vec<Find> {
        let mut found = Vec::new();
        let mut from = 0_usize;
        // What is shorter than a run holds none, however it is written.
        while let Some(rest) = text.get(from..).filter(|rest| rest.len() >= view::RUN) {
            let part = rest.get(..PART).unwrap_or(rest);
            let place = |at: u32| from.saturating_add(usize::try_from(at).unwrap_or(usize::MAX));
            found.extend(self.find_in(part).into_iter().map(|((start, end), by)| ((place(start), place(end)), by)));
            if part.len() == rest.len() {
                break;
            }
            from = from.saturating_add(PART - OVERLAP);
        }
        found
    }

    fn find_in(&self, text: &[u8]) -> Vec<(Span, &'static str)> {
        let mut found = Vec::new();
        let unread = each_reading(text, |view, step| {
            self.needles().find(view, &mut found);
            if step > 0 {
                found.extend(token_shapes(view));
            }
        });
        found.extend(unread.into_iter().map(|span| (span, UNREAD)));
        found
    }

    fn needles(&self) -> &Needles {
        self.needles.get_or_init(|| {
            let mut needles = Needles::default();
            for (bytes, by) in &self.known {
                if *by == SECRET {
                    // A secret can be made of words; then it takes more of them to tell it from a text.
                    needles.add("<secret>", [bytes.as_slice()], TELLING, |_| true);
                    needles.add("<secret>", [bytes.as_slice()], view::RUN, is_mixed);
                } else {
                    let (parts, raw) = traces(bytes);
                    needles.add("<token>", parts, view::RUN, |_| true);
                    needles.add_raw(&raw);
                }
            }
            needles.ready()
        })
    }
}

/// Every reading of a text, with how many steps it is from it; what of it was not read to its end comes back.
fn each_reading(text: &[u8], mut look: impl FnMut(&View, usize)) -> Vec<Span> {
    let mut unread = Vec::new();
    let mut made = text.len();
    let mut now = vec![View::of(text)];
    unread.extend(still_escaped(text));
    for step in 0..=DEPTH {
        let mut next = Vec::new();
        for view in now {
            look(&view, step);
            if step >= if view.is_reversed() { 2 } else { DEPTH } || !says_something(&view) {
                continue;
            }
            if made >= WORK {
                unread.extend(around(&view.spans));
                continue;
            }
            let of_it = (step == 0).then(|| view.backwards()).into_iter().chain(view.readings(&mut unread));
            let first = next.len();
            next.extend(of_it);
            let bytes = next.iter().skip(first).map(|view: &View| view.bytes.len());
            made = made.saturating_add(bytes.sum());
        }
        now = next;
    }
    unread
}

/// What is still an escape behind as many steps as are gone.
fn still_escaped(text: &[u8]) -> Option<Span> {
    let mut view = View::of(text).unescaped()?;
    for _ in 0..DEPTH {
        view = view.unescaped()?;
    }
    let escapes: Vec<Span> = view.spans.into_iter().filter(|(start, end)| end.saturating_sub(*start) > 1).collect();
    around(&escapes)
}

/// What of a token nothing else looks like: its parts, which are base64url of some length, and the bytes of its signature.
fn traces(token: &[u8]) -> (Vec<&[u8]>, Vec<u8>) {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let telling = |part: &&[u8]| {
        let has = |class: fn(&u8) -> bool| part.iter().any(class);
        part.len() >= TELLING && has(u8::is_ascii_digit) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase)
    };
    let parts: Vec<&[u8]> = token.split(|byte| !is_part(byte)).filter(telling).collect();
    let signature = parts.last().copied().unwrap_or_default();
    // Without the last digits, whose bits may be left over.
    let whole = signature.get(..signature.len() / 4 * 4).unwrap_or_default();
    let raw = BASE64_URL_SAFE_NO_PAD.decode(whole).unwrap_or_default();
    // A text is no signature, and its words may stand anywhere.
    (parts, if raw.is_ascii() { Vec::new() } else { raw })
}

/// Letters among digits: no word.
fn is_mixed(run: &[u8]) -> bool {
    run.iter().any(u8::is_ascii_digit) && run.iter().any(u8::is_ascii_alphabetic)
}

/// Whether there is a run in a reading that somebody could read; what comes out of an encoding that was none is noise.
fn says_something(view: &View) -> bool {
    let mut run = 0_usize;
    let compressed = memchr::memmem::find(&view.bytes, b"\x1f\x8b\x08").is_some() || view.bytes.first() == Some(&0x78);
    compressed
        || view.bytes.iter().any(|byte| {
            run = match byte {
                0x20..=0x7e | b'\t' | b'\r' | b'\n' => run.saturating_add(1),
                // Two bytes a character, as UTF-16 has them.
                0 => run,
                _ => 0,
            };
            run >= view::RUN
        })
}

/// Where a reading has what looks like a token, whoever was given it.
fn token_shapes(view: &View) -> Vec<(Span, &'static str)> {
    const LEAST: usize = 40;
    let mut found = Vec::new();
    for beginning in [&b"eyJ"[..], b"ewog"] {
        for at in memchr::memmem::find_iter(&view.bytes, beginning) {
            let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'-' | b'_' | b'.');
            let rest = view.bytes.get(at..).unwrap_or_default();
            let length = rest.iter().take_while(is_part).count();
            let dots = rest.iter().take(length).filter(|byte| **byte == b'.').count();
            let spans = view.spans.get(at..at.saturating_add(length)).unwrap_or_default();
            let is_token = length >= LEAST && dots >= 2;
            found.extend(around(spans).filter(|_| is_token).map(|span| (span, "<token>")));
        }
    }
    found
}

/// Finds in order, without overlaps, each with the whole word that it is in.
fn merged(mut found: Vec<Find>, text: &[u8]) -> Vec<Find> {
    let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'-' | b'_' | b'+' | b'%' | b'\\');
    found.sort_unstable();
    let mut out: Vec<Find> = Vec::new();
    for ((start, end), by) in found {
        match out.last_mut() {
            Some(((_, last), told)) if start <= last.saturating_add(NEAR) => {
                *last = end.max(*last);
                // What it is says more than that it was not read.
                *told = if *told == UNREAD { by } else { *told };
            }
            _ => {
                let before = text.get(..start).unwrap_or_default().iter().rev().take_while(is_word).count();
                let start = start.saturating_sub(before);
                match out.last_mut() {
                    Some(((_, last), _)) if start <= *last => *last = end.max(*last),
                    _ => out.push(((start, end), by)),
                }
            }
        }
        if let Some(((_, last), _)) = out.last_mut() {
            let behind = text.get(*last..).unwrap_or_default().iter().take_while(is_word).count();
            *last = last.saturating_add(behind);
        }
    }
    out
}

/// The tokens of a request: the values of the token cookie, as they are and unescaped, and what looks like a token wherever it stands.
fn tokens(bytes: &[u8]) -> Vec<Vec<u8>> {
    const NAME: &[u8] = b"nf_jwt=";
    let values = memchr::memmem::find_iter(bytes, NAME)
        .filter_map(|at| bytes.get(at.checked_add(NAME.len())?..))
        .filter_map(|rest| rest.split(|byte| matches!(byte, b';' | b'\r' | b'\n' | b' ' | b'"' | b'&')).next())
        .map(<[u8]>::to_vec);
    let mut found: Vec<Vec<u8>> = values.collect();
    found.extend(found.clone().iter().map(|value| percent_encoding::percent_decode(value).collect()));
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    for word in bytes.split(|byte| !is_part(byte)) {
        let mut parts = word.split(|byte| *byte == b'.');
        let header = parts.next().unwrap_or_default();
        let is_token = word.len() >= 2 * TELLING && parts.count() >= 2;
        if is_token
            && BASE64_URL_SAFE_NO_PAD.decode(header).is_ok_and(|header| header.trim_ascii_start().starts_with(b"{"))
        {
            found.push(word.to_vec());
        }
    }
    found.sort();
    found.dedup();
    found
}

fn replaced(bytes: &[u8], known: &[u8], by: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for at in memchr::memmem::find_iter(bytes, known) {
        out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
        out.extend_from_slice(by);
        from = at.saturating_add(known.len());
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
    out
}

#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;
