//! Real tokens: from a file, or from a command that makes one whenever the last one has run out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use gatecheck::own::Tokens;

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

    /// Whether every token can be had.
    ///
    /// # Errors
    /// Why one cannot, in a sentence.
    pub fn check(&self) -> Result<(), String> {
        self.from.iter().try_for_each(|(role, from)| self.make(role, from).map(|_| ()))
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
        assert!(given.check().is_err());
    }
}
