//! `rolegate token`: what is in a token, whether it is valid, and a new one to try a gate with.

use std::env;
use std::io::{self, Read};
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use rolegate::mint;
use rolegate::token::verify;
use rolegate::{RolePath, Secret};
use rolegate_check::inspect::{Inspection, date};
use rolegate_server::clock;
use serde_json::{Map, Value};

use super::{DEFAULT_SECRET_ENV, Exit, Failure, TokenArgs, say};

/// Look into a token, verify one, make one
#[derive(Args, Debug)]
pub(super) struct Token {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Show what stands in a token, in words, without checking its signature
    Inspect(Inspect),
    /// Say whether the gate takes a token, and if not, why and what to do
    Verify(Verify),
    /// Make an HS256 token for some roles, to try a gate with
    New(New),
}

/// Show what stands in a token
#[derive(Args, Debug)]
struct Inspect {
    /// The token, or `-` to read it from standard input
    #[arg(default_value = "-")]
    token: String,
    /// Where in the token the roles stand: names with dots between, or a JSON Pointer
    #[arg(long, value_name = "PATH", default_value = "app_metadata.authorization.roles")]
    role_path: RolePath,
}

/// Say whether the gate takes a token
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 the token is valid; 1 it is not, or the secret or keys are refused; 2 wrong usage, \
    or a file or URL that cannot be had."
)]
struct Verify {
    /// The token, or `-` to read it from standard input
    #[arg(default_value = "-")]
    token: String,
    #[command(flatten)]
    tokens: TokenArgs,
}

/// Make a token
#[derive(Args, Debug)]
#[command(
    group = ArgGroup::new("end").args(["expires", "no_exp"]),
    after_help = "The secret comes from the environment or standard input, never from the command line:\n  \
    JWT_SECRET=… rolegate token new --role admin\n  \
    pass show site/jwt | rolegate token new --role admin --secret-stdin"
)]
struct New {
    /// A role of the visitor; can be given several times
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// How long the token is valid: a number with s, m, h or d
    #[arg(long, value_name = "SPAN", default_value = "1h", value_parser = span)]
    expires: Duration,
    /// Leave `exp` out; a gate takes such a token only with --accept-missing-exp
    #[arg(long)]
    no_exp: bool,
    /// A further claim; the value is JSON, or else text. Can be given several times
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = claim)]
    claims: Vec<(String, Value)>,
    /// Where in the token the roles go: names with dots between, or a JSON Pointer
    #[arg(long, value_name = "PATH", default_value = "app_metadata.authorization.roles")]
    role_path: RolePath,
    /// The environment variable that holds the secret
    #[arg(long, value_name = "NAME", default_value = DEFAULT_SECRET_ENV)]
    secret_env: String,
    /// Read the secret from standard input; one line end at its end does not count
    #[arg(long, conflicts_with = "secret_env")]
    secret_stdin: bool,
    /// Print the cookie as a server sets it and as curl sends it, not the bare token
    #[arg(long)]
    cookie: bool,
}

impl Token {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        match self.command {
            TokenCommand::Inspect(command) => command.run(),
            TokenCommand::Verify(command) => command.run(),
            TokenCommand::New(command) => command.run(),
        }
    }
}

impl Inspect {
    fn run(self) -> Result<Exit, Failure> {
        let token = token(self.token)?;
        say(Inspection::new(&token, &self.role_path, clock::now()).text().trim_end())?;
        Ok(Exit::Done)
    }
}

impl Verify {
    fn run(self) -> Result<Exit, Failure> {
        let (keys, settings) = self.tokens.open_once()?;
        let token = token(self.token)?;
        let now = clock::now();
        // TOKEN-11 allows the reason here: the terminal of whoever has the keys is a trusted channel.
        let claims = match verify(token.trim().as_bytes(), &keys.current(), &settings, now) {
            Ok(claims) => claims,
            Err(error) => {
                say(&format!("not valid: {error}\nhelp: {}", error.advice()))?;
                return Ok(Exit::Refused);
            }
        };
        let roles = claims.roles(&settings.role_path);
        let roles: Vec<String> = roles.iter().map(|role| format!("`{}`", role.escape_debug())).collect();
        let until = claims.member("exp").and_then(Value::as_f64).and_then(|exp| date(exp, now));
        say(&format!(
            "valid: {}; {}",
            match roles.as_slice() {
                [] => format!("no role at `{}`, so only `Role=*` opens", settings.role_path),
                [role] => format!("role {role}"),
                roles => format!("roles {}", roles.join(", ")),
            },
            until.map_or_else(|| "without an end".to_owned(), |until| format!("until {until}"))
        ))?;
        Ok(Exit::Done)
    }
}

impl New {
    fn run(self) -> Result<Exit, Failure> {
        let secret = self.secret()?;
        if let Some(warning) = secret.warning() {
            anstream::eprintln!("WARNING: {warning}");
        }
        let mut claims: Map<String, Value> = self.claims.iter().cloned().collect();
        let now = clock::now().seconds();
        let life = i64::try_from(self.expires.as_secs()).unwrap_or(i64::MAX);
        if !self.no_exp {
            claims.entry("exp").or_insert_with(|| Value::from(now.saturating_add(life)));
        }
        let roles: Vec<&str> = self.roles.iter().map(String::as_str).collect();
        self.role_path.set(&mut claims, &roles).map_err(|name| {
            Failure::refused(format!(
                "the roles go to `{}`, and the claim `{}` on the way is no object\nhelp: leave that --claim out",
                self.role_path,
                name.escape_debug()
            ))
        })?;
        let token = mint(&secret, &claims);
        if self.cookie {
            let age = if self.no_exp { String::new() } else { format!("; Max-Age={life}") };
            say(&format!("Set-Cookie: nf_jwt={token}; Path=/; HttpOnly; SameSite=Lax{age}"))?;
            say(&format!("curl --cookie 'nf_jwt={token}' http://127.0.0.1:8888/"))?;
        } else {
            say(&token)?;
        }
        Ok(Exit::Done)
    }

    fn secret(&self) -> Result<Secret, Failure> {
        let bytes = if self.secret_stdin {
            let mut bytes = Vec::new();
            io::stdin()
                .lock()
                .read_to_end(&mut bytes)
                .map_err(|error| Failure::cannot_run(format!("cannot read the secret: {error}")))?;
            let end = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
            end.strip_suffix(b"\r").unwrap_or(end).to_vec()
        } else {
            let name = &self.secret_env;
            let secret = env::var_os(name).ok_or_else(|| {
                Failure::refused(format!(
                    "there is no secret to sign with: `{name}` is not set\n\
                     help: set it to the secret of the gate, name another variable with --secret-env, or pipe it in with --secret-stdin"
                ))
            })?;
            secret.as_encoded_bytes().to_vec()
        };
        Secret::new(&bytes)
            .map_err(|error| Failure::refused(format!("{error}\nhelp: sign with the secret that the gate is given")))
    }
}

/// The token of an argument, or of standard input.
fn token(argument: String) -> Result<String, Failure> {
    if argument != "-" {
        return Ok(argument);
    }
    let mut text = String::new();
    // A token is short; whoever pipes in more has something else.
    let read = io::stdin().lock().take(64 * 1024).read_to_string(&mut text);
    read.map_err(|error| Failure::cannot_run(format!("cannot read a token from standard input: {error}")))?;
    Ok(text)
}

fn span(text: &str) -> Result<Duration, String> {
    let help = || {
        format!(
            "`{}` is no span of time; write a number with s, m, h or d, such as `90s`, `15m`, `1h` or `7d`",
            text.escape_debug()
        )
    };
    let (number, unit) = match text.char_indices().last() {
        Some((at, 's')) => (text.get(..at), 1),
        Some((at, 'm')) => (text.get(..at), 60),
        Some((at, 'h')) => (text.get(..at), 3_600),
        Some((at, 'd')) => (text.get(..at), 86_400),
        _ => (None, 0),
    };
    let number: u64 = number.and_then(|number| number.parse().ok()).ok_or_else(help)?;
    number.checked_mul(unit).map(Duration::from_secs).ok_or_else(help)
}

fn claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
        format!("`{}` has no name and `=`; write `name=value`, such as `sub=visitor-1`", text.escape_debug())
    })?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("1h", 3600), ("7d", 604_800), ("0s", 0)] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "h", "1", "1w", "-1h", "1.5h", "99999999999999999999d", "1 h"] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn claims() {
        for (text, name, value) in [
            ("sub=visitor", "sub", Value::from("visitor")),
            ("n=1", "n", Value::from(1)),
            ("a=[\"x\"]", "a", Value::from(vec!["x"])),
            ("a=b=c", "a", Value::from("b=c")),
            ("a=", "a", Value::from("")),
        ] {
            assert_eq!(claim(text), Ok((name.to_owned(), value)));
        }
        assert!(claim("=x").is_err() && claim("x").is_err());
    }
}
