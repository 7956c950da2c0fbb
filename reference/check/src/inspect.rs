//! A token in words, for whoever holds it. Nothing is verified here.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rolegate::claims::{Claims, RolePath};
use rolegate::token::{MAX_TOKEN, Part, Time, json};
use serde_json::{Map, Value};

/// RFC 6265 §6.1: the least that a browser keeps of one cookie, and what the usual ones keep at most.
const MAX_COOKIE: usize = 4096;

/// What stands in a token, as far as it can be read.
#[derive(Clone, Debug)]
pub struct Inspection {
    header: Result<Map<String, Value>, Unread>,
    claims: Result<Map<String, Value>, Unread>,
    role_path: RolePath,
    now: Time,
    notes: Vec<String>,
}

/// Why a part cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Unread {
    Missing,
    Base64,
    Json(json::Flaw),
}

impl Inspection {
    /// Reads a token. Also what is around it where people copy it from, such as `nf_jwt=`, which is then noted.
    pub fn new(text: &str, role_path: &RolePath, now: Time) -> Inspection {
        let mut notes = Vec::new();
        let token = bare(text, &mut notes);
        let parts: Vec<&str> = token.split('.').collect();
        match parts.len() {
            3 => {}
            5 => notes.push("it has five parts, so it is encrypted (JWE); a gate reads signed tokens only".to_owned()),
            1 if token.is_empty() => notes.push("there is no token".to_owned()),
            count => notes
                .push(format!("it has {count} {}, and a token has three", if count == 1 { "part" } else { "parts" })),
        }
        let read = |place: usize| {
            let bytes = parts.get(place).filter(|part| !part.is_empty()).ok_or(Unread::Missing)?;
            let bytes = URL_SAFE_NO_PAD.decode(bytes).map_err(|_| Unread::Base64)?;
            json::object(&bytes).map_err(Unread::Json)
        };
        let mut inspection = Inspection { header: read(0), claims: read(1), role_path: role_path.clone(), now, notes };
        inspection.note_header();
        inspection.note_claims();
        inspection.note_size(token, parts.get(2).copied());
        inspection
    }

    fn note(&mut self, sentence: impl Into<String>) {
        self.notes.push(sentence.into());
    }

    fn note_header(&mut self) {
        let Ok(header) = self.header.clone() else { return };
        match header.get("alg") {
            Some(Value::String(alg)) if alg == "HS256" => {}
            Some(Value::String(alg)) if alg.eq_ignore_ascii_case("none") => {
                self.note("`alg` is `none`: it is not signed at all, and every gate has to reject it");
            }
            Some(Value::String(alg)) if alg.parse::<rolegate::Algorithm>().is_ok() => {
                self.note(format!("`{alg}` needs a public key: give the gate --public-key or --jwks"));
            }
            Some(other) => self.note(format!("`alg` is {}, which this gate does not take", shown(other))),
            None => self.note("there is no `alg`, so no gate can verify it"),
        }
        match header.get("typ") {
            Some(Value::String(typ))
                if typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("application/jwt") => {}
            Some(other) => {
                self.note(format!("`typ` is {}, not `JWT`; it is another kind of token than a login", shown(other)))
            }
            None => self.note("there is no `typ`; this gate takes such a token only with --accept-missing-typ"),
        }
        if header.contains_key("crit") {
            self.note("`crit` asks for extensions; this gate understands none and rejects it");
        }
        for name in ["jwk", "jku", "x5u", "x5c"] {
            if header.contains_key(name) {
                self.note(format!("`{name}` brings a key along; a gate that took it would take every token"));
            }
        }
    }

    fn note_claims(&mut self) {
        let Ok(claims) = self.claims.clone() else { return };
        match claims.get("exp") {
            None => self.note(
                "there is no `exp`: it would be valid for ever, so a gate takes it only with --accept-missing-exp",
            ),
            Some(Value::Number(exp)) => {
                if exp.as_f64().is_some_and(|exp| exp > 1e11) {
                    self.note("`exp` looks like milliseconds; it counts seconds, so this token is valid for thousands of years");
                }
            }
            Some(other) => self.note(format!("`exp` is {}, and has to be a number of seconds", shown(other))),
        }
        if let Some(nbf) = claims.get("nbf").filter(|nbf| !nbf.is_number()) {
            self.note(format!("`nbf` is {}, and has to be a number of seconds", shown(nbf)));
        }
        let elsewhere: Vec<String> =
            places(&claims).into_iter().filter(|place| place.parse().as_ref() != Ok(&self.role_path)).collect();
        let roles = Claims::new(claims).roles(&self.role_path);
        if roles.iter().next().is_none() {
            self.note(format!("there is no role at `{}`, so it opens only rules with `Role=*`", self.role_path));
            for place in elsewhere {
                self.note(format!(
                    "something that looks like roles stands at `{place}`; a gate reads it with --role-path '{place}'"
                ));
            }
        }
    }

    fn note_size(&mut self, token: &str, signature: Option<&str>) {
        if signature == Some("") {
            self.note("the signature is empty");
        } else if signature.is_some_and(|signature| URL_SAFE_NO_PAD.decode(signature).is_err()) {
            self.note("the signature is no base64url, so something was added or cut off");
        }
        if token.len() > MAX_TOKEN {
            self.note(format!("it has {} bytes; this gate reads no token over {MAX_TOKEN}", token.len()));
        } else if token.len() + "nf_jwt=".len() > MAX_COOKIE {
            self.note(format!("it has {} bytes, and browsers keep no cookie over {MAX_COOKIE}", token.len()));
        }
    }

    /// The text for a person. Nothing in it is a control character, whatever the token holds.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (title, part, members) in [("header", Part::Header, &self.header), ("claims", Part::Payload, &self.claims)]
        {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{title}");
            match members {
                Ok(members) => self.members(&mut text, members),
                Err(why) => {
                    let _ = writeln!(text, "  {}", unread(why, part));
                }
            }
            text.push('\n');
        }
        if let Ok(claims) = &self.claims {
            let roles = Claims::new(claims.clone()).roles(&self.role_path);
            let roles: Vec<String> = roles.iter().map(|role| format!("`{}`", role.escape_debug())).collect();
            let roles = if roles.is_empty() { "none".to_owned() } else { roles.join(", ") };
            let _ = writeln!(text, "roles at `{}`\n  {roles}\n", self.role_path);
        }
        for note in &self.notes {
            let _ = writeln!(text, "note: {note}");
        }
        text.push_str("note: the signature has not been checked; `rolegate token verify` does\n");
        text
    }

    fn members(&self, text: &mut String, members: &Map<String, Value>) {
        let width = members.keys().map(|name| name.escape_debug().count()).max().unwrap_or(0);
        for (name, value) in members {
            let name = name.escape_debug().to_string();
            let _ = write!(text, "  {name:width$}  {}", shown(value));
            if matches!(name.as_str(), "exp" | "nbf" | "iat" | "auth_time")
                && let Some(when) = value.as_f64().and_then(|seconds| date(seconds, self.now))
            {
                let _ = write!(text, "  {when}");
                if name == "exp" && value.as_f64().is_some_and(|exp| exp <= seconds(self.now)) {
                    text.push_str(": expired");
                }
                if name == "nbf" && value.as_f64().is_some_and(|nbf| nbf > seconds(self.now)) {
                    text.push_str(": not valid yet");
                }
            }
            text.push('\n');
        }
        if members.is_empty() {
            text.push_str("  nothing\n");
        }
    }
}

/// The token without what people copy along with it.
fn bare<'a>(text: &'a str, notes: &mut Vec<String>) -> &'a str {
    let mut token = text.trim();
    for around in ["Cookie:", "Authorization:", "Bearer ", "nf_jwt="] {
        if let Some(rest) = token.strip_prefix(around) {
            notes.push(format!("`{}` before it is no part of the token", around.trim()));
            token = rest.trim_start();
        }
    }
    if let Some(inner) = token.strip_prefix('"').and_then(|token| token.strip_suffix('"')) {
        notes.push("the quotes around it are no part of the token".to_owned());
        token = inner;
    }
    token
}

fn unread(why: &Unread, part: Part) -> String {
    match why {
        Unread::Missing => format!("there is no {part}"),
        Unread::Base64 => format!("the {part} is no base64url"),
        Unread::Json(json::Flaw::DuplicateName) => {
            format!("the {part} holds a member name twice, so readers differ about it")
        }
        Unread::Json(json::Flaw::NotJson) => format!("the {part} is no JSON"),
        Unread::Json(json::Flaw::NotObject) => format!("the {part} is no JSON object"),
    }
}

/// A value as JSON, in one line. JSON text escapes what is below U+0020; the rest that could move a terminal is escaped here.
fn shown(value: &Value) -> String {
    let is_harmful = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    value
        .to_string()
        .chars()
        .map(|c| if is_harmful(c) { c.escape_unicode().to_string() } else { c.to_string() })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "for a sentence, to the second, far below 2^53")]
fn seconds(now: Time) -> f64 {
    now.seconds() as f64
}

/// `Wed, 25 Nov 2026 22:00:00 GMT (3 h ago)`; none for a time outside the years that a date can be written for.
pub fn date(at: f64, now: Time) -> Option<String> {
    const YEAR_9999: f64 = 253_402_300_799.0;
    if !(0.0..YEAR_9999).contains(&at) {
        return None;
    }
    let date: SystemTime = UNIX_EPOCH.checked_add(Duration::from_secs_f64(at.floor()))?;
    let away = at.floor() - seconds(now);
    let distance = distance(away.abs());
    let distance = if away < 0.0 { format!("{distance} ago") } else { format!("in {distance}") };
    Some(format!("{} ({distance})", httpdate::fmt_http_date(date)))
}

/// A span of time in the largest unit that it fills twice, rounded down.
fn distance(span: f64) -> String {
    let units = [(86_400.0 * 365.0, "years"), (86_400.0, "days"), (3_600.0, "h"), (60.0, "min")];
    let unit = units.into_iter().find(|(unit, _)| span >= 2.0 * unit).unwrap_or((1.0, "s"));
    format!("{} {}", (span / unit.0).floor(), unit.1)
}

/// Where something stands that looks like roles: a member whose name has `role` or `group` in it and that holds text or texts.
fn places(claims: &Map<String, Value>) -> Vec<String> {
    fn walk(members: &Map<String, Value>, above: &[&str], found: &mut Vec<String>) {
        for (name, value) in members {
            let path = [above, &[name.as_str()]].concat();
            let is_texts = value.is_string()
                || value.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(Value::is_string));
            let lower = name.to_ascii_lowercase();
            match value {
                Value::Object(inner) if above.len() < 8 => walk(inner, &path, found),
                _ if is_texts && (lower.contains("role") || lower.contains("group")) => {
                    found.extend(RolePath::of(&path).map(|path| path.to_string()));
                }
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    walk(claims, &[], &mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let now = Time::from_seconds(1_700_000_000);
        for (at, expected) in [
            (1_700_000_000.0, Some("Tue, 14 Nov 2023 22:13:20 GMT (in 0 s)")),
            (1_699_989_200.5, Some("Tue, 14 Nov 2023 19:13:20 GMT (3 h ago)")),
            (1_700_003_600.0, Some("Tue, 14 Nov 2023 23:13:20 GMT (in 60 min)")),
            (1_700_259_200.0, Some("Fri, 17 Nov 2023 22:13:20 GMT (in 3 days)")),
            (0.0, Some("Thu, 01 Jan 1970 00:00:00 GMT (53 years ago)")),
            (-1.0, None),
            (1e300, None),
            (f64::NAN, None),
        ] {
            assert_eq!(date(at, now).as_deref(), expected, "{at}");
        }
    }
}
