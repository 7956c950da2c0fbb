//! Real tokens: from a file, or from a command that makes one whenever the last one has run out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use gatecheck::corpus::{Settings, TOKEN_COOKIE};
use gatecheck::own::Tokens;

use crate::model::{Inside, Who, look_into, who_sends};
use crate::visitors::holder_recipe;

/// How long a token of a command is used before another one is made.
const KEPT: Duration = Duration::from_secs(120);

/// Where a token comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TokenFrom {
    /// What stands in a file.
    File(PathBuf),
    /// What a command prints.
    Command(String),
}

/// Tokens by role.
#[derive(Debug, Default)]
pub struct Given {
    from: BTreeMap<String, TokenFrom>,
    made: Mutex<BTreeMap<String, (Instant, Vec<u8>)>>,
}

impl Given {
    /// Tokens by the role that they hold; `none` is a token without a role.
    #[must_use]
    pub fn of(from: impl IntoIterator<Item = (String, TokenFrom)>) -> Self {
        let from = from.into_iter().map(|(role, from)| (if role == "none" { String::new() } else { role }, from));
        Self { from: from.collect(), made: Mutex::default() }
    }

    /// The roles; the empty name is a token without one.
    #[must_use]
    pub fn roles(&self) -> BTreeSet<String> {
        self.from.keys().cloned().collect()
    }

    fn make(&self, role: &str, from: &TokenFrom) -> Result<Vec<u8>, String> {
        let text = match from {
            TokenFrom::File(path) => {
                std::fs::read(path).map_err(|error| format!("the token of `{role}`: {}: {error}", path.display()))?
            }
            TokenFrom::Command(command) => {
                let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((at, token)) = made.get(role)
                    && at.elapsed() < KEPT
                {
                    return Ok(token.clone());
                }
                let output = std::process::Command::new("sh")
                    .args(["-c", command])
                    .stdin(std::process::Stdio::null())
                    .output()
                    .map_err(|error| format!("the token command of `{role}`: {error}"))?;
                if !output.status.success() {
                    return Err(format!("the token command of `{role}` ended with {}", output.status));
                }
                let token = output.stdout.trim_ascii().to_vec();
                made.insert(role.to_owned(), (Instant::now(), token.clone()));
                token
            }
        };
        let token = text.trim_ascii().to_vec();
        let is_token = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'"');
        if token.is_empty() || !token.iter().all(is_token) {
            return Err(format!(
                "the token of `{role}` is none: write the compact text alone, as it stands in the cookie"
            ));
        }
        Ok(token)
    }

    /// Whether every token can be had, and what of one is not as it was said to be, a sentence each. `settings` are those of the gate, whose secret is looked at
    /// where it is known.
    ///
    /// # Errors
    /// Why one cannot be had, in a sentence.
    pub fn check(&self, settings: &Settings, knows_secret: bool, now: i64) -> Result<Vec<String>, String> {
        let mut doubts = Vec::new();
        for (role, from) in &self.from {
            let token = self.make(role, from)?;
            let name = if role.is_empty() { "none" } else { role };
            let doubt = doubt(role, &token, &settings.role_path, now);
            let refused = || {
                let cookie = [TOKEN_COOKIE.as_bytes(), b"=", &token].concat();
                let who = who_sends(&[("Cookie".to_owned(), cookie)], settings, now);
                (knows_secret && who == Some(Who::Nobody)).then(|| {
                    "it does not count with the secret, the issuer and the audience that were given".to_owned()
                })
            };
            doubts.extend(doubt.or_else(refused).map(|doubt| format!("the token for `{name}`: {doubt}")));
        }
        Ok(doubts)
    }
}

/// What in a token is not as it should be for a holder of this role, or of none.
fn doubt(role: &str, token: &[u8], role_path: &str, now: i64) -> Option<String> {
    let Some(Inside { roles, times: (until, from) }) = look_into(token, role_path) else {
        return Some("it is no JSON Web Token, so that a gate for such tokens lets nobody in with it".to_owned());
    };
    if let Some(until) = until.filter(|until| *until <= now) {
        return Some(format!("it ran out {} ago, so that it opens nothing", ago(now.saturating_sub(until))));
    }
    if let Some(from) = from.filter(|from| *from > now) {
        return Some(format!(
            "it is not valid for another {}, so that it opens nothing",
            ago(from.saturating_sub(now))
        ));
    }
    let named = || roles.iter().map(|role| format!("`{role}`")).collect::<Vec<_>>().join(", ");
    if role.is_empty() {
        let carries = || format!("it holds {} at `{role_path}`, and was given as one without a role", named());
        return (!roles.is_empty()).then(carries);
    }
    if roles.iter().any(|one| one == role) {
        return None;
    }
    let held = if roles.is_empty() { "no role".to_owned() } else { named() };
    Some(format!("it holds {held} at `{role_path}` (--role-path), and not `{role}`"))
}

fn ago(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

impl Tokens for Given {
    fn token(&self, recipe: &str) -> Option<Result<Vec<u8>, String>> {
        let (role, from) = self.from.iter().find(|(role, _)| holder_recipe(role) == recipe)?;
        Some(self.make(role, from))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;

    use super::*;

    #[test]
    fn tokens_of_files_and_commands() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("admin.jwt");
        std::fs::write(&file, "a.b.c\n").unwrap();
        let given = Given::of([
            ("admin".to_owned(), TokenFrom::File(file)),
            ("none".to_owned(), TokenFrom::Command("echo d.e.f".to_owned())),
            ("staff".to_owned(), TokenFrom::Command("exit 3".to_owned())),
            ("guest".to_owned(), TokenFrom::Command("echo no token here".to_owned())),
        ]);
        let token =
            |recipe: &str| given.token(recipe).map(|token| token.map(|token| String::from_utf8(token).unwrap()));
        assert_eq!(token("holder-of-admin"), Some(Ok("a.b.c".to_owned())));
        assert_eq!(token("holder-of-no-role"), Some(Ok("d.e.f".to_owned())));
        assert!(token("holder-of-staff").unwrap().unwrap_err().contains("ended with"));
        assert!(token("holder-of-guest").unwrap().unwrap_err().contains("compact text"));
        assert_eq!(token("holder-of-nobody-else"), None);
        assert!(given.check(&Settings::default(), false, 0).is_err());
    }

    #[test]
    fn a_token_that_is_not_what_it_is_given_as_is_told() {
        let token = |claims: &str| {
            let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
            format!("{}.{}.{}", part(r#"{"alg":"HS256"}"#), part(claims), part("no signature that counts"))
        };
        let roles = |roles: &str, rest: &str| {
            token(&format!(r#"{{"app_metadata":{{"authorization":{{"roles":{roles}}}}}{rest}}}"#))
        };
        for (role, token, says) in [
            ("admin", roles(r#"["admin"]"#, ""), None),
            (
                "admin",
                roles(r#"["staff"]"#, ""),
                Some("it holds `staff` at `app_metadata.authorization.roles` (--role-path), and not `admin`"),
            ),
            ("admin", token(r#"{"roles":["admin"]}"#), Some("it holds no role at")),
            ("admin", roles(r#"["admin"]"#, r#","exp":9999"#), Some("it ran out 1 s ago")),
            ("admin", roles(r#"["admin"]"#, r#","exp":1.5"#), Some("it ran out 2 h ago")),
            ("admin", roles(r#"["admin"]"#, r#","nbf":99999"#), Some("it is not valid for another")),
            ("admin", "opaque".to_owned(), Some("it is no JSON Web Token")),
            ("admin", "a.b.c".to_owned(), Some("it is no JSON Web Token")),
            ("none", roles("[]", ""), None),
            ("none", token("{}"), None),
            ("none", roles(r#"["admin","x"]"#, ""), Some("it holds `admin`, `x` at")),
        ] {
            let given = Given::of([(role.to_owned(), TokenFrom::Command(format!("echo {token}")))]);
            let doubts = given.check(&Settings::default(), false, 10_000).unwrap();
            assert_eq!(doubts.len(), usize::from(says.is_some()), "{doubts:?}");
            let told = doubts.first().map(String::as_str).unwrap_or_default();
            assert!(told.contains(says.unwrap_or_default()), "{role} {token}: {told}");
        }
        // With the secret its signature is looked at.
        let given =
            Given::of([("admin".to_owned(), TokenFrom::Command(format!("echo {}", roles(r#"["admin"]"#, ""))))]);
        let doubts = given.check(&Settings::default(), true, 10_000).unwrap();
        assert!(doubts.concat().contains("does not count with the secret"), "{doubts:?}");
    }
}
