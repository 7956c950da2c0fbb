//! A case becomes bytes: placeholders filled in, tokens minted, the prefix of a bundle put in front.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::corpus::expectation::Alternative;
use crate::corpus::request::{Form, Request, TokenRef};
use crate::corpus::template::{Fill, Piece, Template};
use crate::corpus::{Case, Suite};
use crate::mint::Mint;
use crate::wire::{AFTERMATH, CLOSING, Sent, Target};

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The gate.
    pub target: &'a Target,
    /// The path prefix of the suite.
    pub prefix: &'a str,
    /// The URL of a listener that must see no connection.
    pub listener: &'a str,
}

/// A case becomes bytes.
///
/// # Errors
/// A sentence that says which part of the case cannot be said.
pub fn compose(suite: &Suite, case: &Case, at: &Place<'_>, now: i64) -> Result<Sent, String> {
    let Place { target, prefix, listener } = *at;
    let mint = Mint { recipes: &suite.recipes, settings: &suite.settings, now, listener };
    let places = Places { suite, mint, host: target.host_value(), prefix };
    let request = &case.request;
    let mut sent = Sent {
        method: request.method.clone(),
        target: Vec::new(),
        host: places.host.clone().into_bytes(),
        headers: Vec::new(),
        body: Vec::new(),
        raw: None,
        responses: 1,
        byte_exact: request.is_byte_exact(),
        linger: if case.expected.alternatives().any(asks_for_the_end) { CLOSING } else { AFTERMATH },
    };
    match &request.form {
        Form::Path(path) => {
            sent.target = prefix.as_bytes().to_vec();
            sent.target.extend(path.render(&places)?);
        }
        Form::Target(text) => {
            if starts_with_one_slash(text) {
                sent.target = prefix.as_bytes().to_vec();
            }
            sent.target.extend(text.render(&places)?);
        }
        Form::Raw { bytes, responses } => {
            sent.raw = Some(bytes.render(&places)?);
            sent.responses = *responses;
            return Ok(sent);
        }
    }
    if let Some(host) = &request.host {
        sent.host = host.render(&places)?;
    }
    let token = match &request.token {
        None => None,
        Some(TokenRef::Named(name)) => Some(places.token(name)?),
        Some(TokenRef::Inline(recipe)) => Some(places.mint.mint(recipe)?),
    };
    if let Some(token) = token {
        sent.headers.push(request.carrier.field(&token));
    }
    for line in &request.cookies {
        sent.headers.push(("Cookie".to_owned(), line.render(&places)?));
    }
    for (name, value) in &request.headers {
        sent.headers.push((name.clone(), value.render(&places)?));
    }
    if let Some(body) = &request.body {
        sent.body = body.render(&places)?;
    }
    // What an ordinary client would refuse or repair goes over the byte-exact wire.
    let odd_value = |value: &[u8]| {
        value.iter().any(|byte| *byte < 0x20 && *byte != b'\t' || *byte == 0x7f)
            || value.starts_with(b" ")
            || value.ends_with(b" ")
    };
    let framing = |name: &str| {
        ["content-length", "transfer-encoding", "connection", "host", "te", "upgrade", "expect"]
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own))
    };
    sent.byte_exact |= sent.headers.iter().any(|(name, value)| odd_value(value) || framing(name) || !is_token(name))
        || odd_value(&sent.host)
        || !is_token(&sent.method);
    sent.byte_exact |= sent.method == "CONNECT" || request.host.is_some();
    Ok(sent)
}

/// Whether an alternative, or what is said of it, asks whether the connection ends.
fn asks_for_the_end(one: &Alternative) -> bool {
    one.then_closed || one.also.values().any(asks_for_the_end)
}

/// Whether a text is a token of RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Placeholders of a request.
struct Places<'a> {
    suite: &'a Suite,
    mint: Mint<'a>,
    host: String,
    prefix: &'a str,
}

impl Places<'_> {
    /// The token behind a recipe name: one that was given, or else one that is made.
    fn token(&self, name: &str) -> Result<Vec<u8>, String> {
        let given = self.suite.own.as_ref().and_then(|own| own.tokens.token(name));
        given.unwrap_or_else(|| self.mint.named(name))
    }
}

impl Fill for Places<'_> {
    type Error = String;

    fn fill(&self, piece: &Piece, out: &mut Vec<u8>) -> Result<(), String> {
        match piece {
            Piece::Token(name) => out.extend(self.token(name)?),
            Piece::Now(offset) => out.extend(self.mint.now.saturating_add(*offset).to_string().bytes()),
            Piece::Host => out.extend(self.host.bytes()),
            Piece::Prefix => out.extend(self.prefix.bytes()),
            Piece::Secret => out.extend(self.mint.settings.secret.bytes()),
            Piece::Listener => out.extend(self.mint.listener.bytes()),
            Piece::Jwk(_) | Piece::Pem(_) => return Err("`$(jwk:…)` and `$(pem:…)` belong into a recipe".to_owned()),
            Piece::Claims | Piece::Header => return Err("`$(claims)` and `$(header)` belong into a recipe".to_owned()),
            Piece::Bytes(bytes) => out.extend(bytes),
            Piece::Text(text) => out.extend(text.bytes()),
        }
        Ok(())
    }
}

/// Whether a request can be asked of a suite under a path prefix.
pub(super) fn moves(request: &Request) -> bool {
    let has_prefix = |text: &Template| text.pieces().contains(&Piece::Prefix);
    match &request.form {
        Form::Path(_) => true,
        Form::Raw { bytes, .. } => has_prefix(bytes),
        Form::Target(target) => has_prefix(target) || starts_with_one_slash(target),
    }
}

fn starts_with_one_slash(target: &Template) -> bool {
    match target.pieces().first() {
        Some(Piece::Text(text)) => text.starts_with('/') && !text.starts_with("//") && !text.starts_with("/\\"),
        _ => false,
    }
}

/// The seconds since the epoch by this machine's clock.
pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .unwrap_or_default()
}
