//! `rolegate explain`: what the gate answers to a request, and why, without a socket.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;

use clap::Args;
use rolegate::{
    Country, Explanation, Request, RuleSet, Scheme, TokenSettings, Visitor, decide, identify, token, visitor_in_words,
};
use rolegate_server::config::open_to_look;
use rolegate_server::{DirSite, KeyRing, clock};
use serde::Deserialize;

use super::{DEFAULT_SECRET_ENV, Exit, Failure, RuleArgs, TokenArgs, rendered, say, warn};

/// Say what the gate answers to a request, rule by rule
#[derive(Args, Debug)]
#[command(after_help = "With --requests each input line is a JSON object with `path` and perhaps `method`, `query`, \
    `scheme`, `host`, `roles`, `token`, `country`, `headers`; each gives one line out, in order:\n  \
    {\"path\":\"/members/home\",\"roles\":[\"admin\"]}\n\
    Exit status: 0 everything explained; 1 the rules, the secret or an input line are refused; 2 wrong usage, or an \
    unreadable folder or file.")]
pub(super) struct Explain {
    /// The root of the project, with its `netlify.toml`, or the folder that is published, with its `_redirects`
    dir: PathBuf,
    /// The request target as a client sends it, such as `/members/home?tab=1`, or a whole URL for scheme and host too
    #[arg(required_unless_present = "requests", conflicts_with = "requests")]
    path: Option<String>,
    /// A role of the visitor, as if from a valid token; can be given several times
    #[arg(long = "role", value_name = "ROLE", conflicts_with_all = ["token", "requests"])]
    roles: Vec<String>,
    /// The visitor's token, verified with the secret
    #[arg(long, conflicts_with = "requests")]
    token: Option<String>,
    /// The method of the request; the decision does not depend on it
    #[arg(long, default_value = "GET", conflicts_with = "requests")]
    method: String,
    /// The host that the request is for
    #[arg(long, conflicts_with = "requests")]
    host: Option<String>,
    /// The visitor's country, by its code of two letters, as if from the source that `serve` is told
    #[arg(long, value_name = "CODE", conflicts_with = "requests", value_parser = country)]
    country: Option<Country>,
    /// The visitor's language, such as `de` or `en-GB`: the value of Accept-Language
    #[arg(long, value_name = "TAG", conflicts_with = "requests")]
    language: Option<String>,
    /// A cookie of the visitor; can be given several times. The cookie `nf_jwt` is the visitor's token
    #[arg(long = "cookie", value_name = "NAME=VALUE", conflicts_with = "requests", value_parser = cookie)]
    cookies: Vec<String>,
    /// Read requests as JSON lines from a file, or from standard input with `-`
    #[arg(long, value_name = "FILE", requires = "json")]
    requests: Option<PathBuf>,
    /// Write JSON, one line for a request
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    tokens: TokenArgs,
}

/// One request to explain; a line of `--requests`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    path: String,
    method: Option<String>,
    query: Option<String>,
    scheme: Option<SchemeName>,
    host: Option<String>,
    roles: Option<Vec<String>>,
    token: Option<String>,
    country: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, HeaderLines>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SchemeName {
    Http,
    Https,
}

/// The value of a header, or of each of its lines.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum HeaderLines {
    One(String),
    Several(Vec<String>),
}

/// All that a decision needs besides the request.
struct Judge {
    rules: RuleSet,
    site: DirSite,
    keys: KeyRing,
    settings: TokenSettings,
}

impl Explain {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let (site, rules, source) = open_to_look(&self.dir, self.rules.config.as_deref())?;
        warn(&source.layout.notes);
        // LAYOUT-3
        if let Some(note) = source.layout.refusal() {
            return Err(Failure::refused(format!("no gate starts with this folder: {}", note.message)));
        }
        // RULES-9: there is nothing to explain where no gate starts.
        if let Some(problem) = source.refusal() {
            return Err(Failure::refused(format!("no gate starts with this file\n{}", rendered(&source, problem))));
        }
        let (keys, settings) = self.tokens.open_once()?;
        let judge = Judge { rules, site, keys, settings };
        match &self.requests {
            None => self.one(&judge),
            Some(file) if file.as_os_str() == "-" => many(&judge, io::stdin().lock()),
            Some(file) => {
                let lines = File::open(file)
                    .map_err(|error| Failure::cannot_run(format!("cannot read `{}`: {error}", file.display())))?;
                many(&judge, lines)
            }
        }
    }

    fn one(self, judge: &Judge) -> Result<Exit, Failure> {
        let sent = self.path.unwrap_or_default();
        let (scheme, host, path) = match read_url(&sent) {
            Some(_) if self.host.is_some() => {
                return Err(Failure::cannot_run("the URL names a host already; leave out --host".to_owned()));
            }
            Some((scheme, host, target)) => (Some(scheme), Some(host.to_owned()), target),
            // `*` is a request target too (RFC 9112 §3.2.4).
            None if !sent.starts_with('/') && sent != "*" => {
                return Err(Failure::cannot_run(format!(
                    "`{}` is no path\nhelp: write it with the slash that it starts with, such as `/members/home`, or write \
                     a whole URL",
                    sent.escape_debug()
                )));
            }
            None => (None, self.host, sent),
        };
        let mut headers = BTreeMap::new();
        if let Some(language) = self.language {
            headers.insert("Accept-Language".to_owned(), HeaderLines::One(language));
        }
        if !self.cookies.is_empty() {
            headers.insert("Cookie".to_owned(), HeaderLines::Several(self.cookies));
        }
        let question = Question {
            path,
            method: Some(self.method),
            query: None,
            scheme,
            host,
            roles: (!self.roles.is_empty()).then_some(self.roles),
            token: self.token,
            country: self.country.map(|country| country.code().to_owned()),
            headers,
        };
        let (visitor, explanation) = judge.explain(&question).map_err(Failure::refused)?;
        if self.json {
            say(&json(&explanation))?;
        } else {
            let method = question.method.as_deref().unwrap_or_default();
            say(&format!("{method} {} by {}", question.path.escape_debug(), visitor_in_words(&visitor)))?;
            say(explanation.text().trim_end())?;
        }
        Ok(Exit::Done)
    }
}

/// One line out for every line in, in order.
fn many(judge: &Judge, input: impl Read) -> Result<Exit, Failure> {
    let mut input = BufReader::new(input);
    let mut output = io::BufWriter::new(io::stdout().lock());
    let mut exit = Exit::Done;
    let mut line = Vec::new();
    for number in 1_usize.. {
        line.clear();
        let read = input
            .read_until(b'\n', &mut line)
            .map_err(|error| Failure::cannot_run(format!("cannot read the requests: {error}")))?;
        if read == 0 {
            break;
        }
        let answer = match question(line.trim_ascii_end()).and_then(|question| judge.explain(&question)) {
            Ok((_, explanation)) => json(&explanation),
            Err(error) => {
                exit = Exit::Refused;
                serde_json::json!({ "error": format!("line {number}: {error}") }).to_string()
            }
        };
        let written = writeln!(output, "{answer}")
            // Whoever asks line by line gets each answer before the next question.
            .and_then(|()| if input.buffer().is_empty() { output.flush() } else { Ok(()) });
        match written {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(exit),
            Err(error) => return Err(Failure::cannot_run(format!("cannot write: {error}"))),
        }
    }
    match output.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::cannot_run(format!("cannot write: {error}")))
        }
        _ => Ok(exit),
    }
}

const EXAMPLE: &str = r#"write a JSON object such as {"path":"/members/home","roles":["admin"]}"#;

fn question(line: &[u8]) -> Result<Question, String> {
    // serde would read a JSON array by position.
    if !line.trim_ascii_start().starts_with(b"{") {
        return Err(format!("this is no request; {EXAMPLE}"));
    }
    serde_json::from_slice(line).map_err(|error| {
        let message = error.to_string();
        let position = format!(" at line {} column {}", error.line(), error.column());
        let message = message.strip_suffix(&position).unwrap_or(&message);
        format!("{message} (column {}); {EXAMPLE}", error.column())
    })
}

impl Judge {
    fn explain(&self, question: &Question) -> Result<(Visitor, Explanation), String> {
        let mut target = question.path.clone();
        if let Some(query) = &question.query {
            if target.contains('?') {
                return Err("the path has a query already; write it in `path` or in `query`, not in both".to_owned());
            }
            target.push('?');
            target.push_str(query);
        }
        let country = question.country.as_deref().map(country).transpose()?;
        let headers: Vec<(&str, &[u8])> = question
            .headers
            .iter()
            .flat_map(|(name, lines)| {
                let lines = match lines {
                    HeaderLines::One(line) => std::slice::from_ref(line),
                    HeaderLines::Several(lines) => lines.as_slice(),
                };
                lines.iter().map(move |line| (name.as_str(), line.as_bytes()))
            })
            .collect();
        let request = Request {
            method: question.method.as_deref().unwrap_or("GET"),
            target: target.as_bytes(),
            host: question.host.as_deref(),
            scheme: match question.scheme {
                Some(SchemeName::Https) => Scheme::Https,
                Some(SchemeName::Http) | None => Scheme::Http,
            },
            headers: &headers,
            country: country.as_ref().map(Country::code),
        };
        let visitor = self.visitor(question, &request)?;
        let decision = decide(self.rules.rules(), &request, &visitor, &self.site);
        let explanation = Explanation::new(&self.rules, &decision, &request, &visitor);
        Ok((visitor, explanation))
    }

    fn visitor(&self, question: &Question, request: &Request<'_>) -> Result<Visitor, String> {
        match (&question.roles, &question.token) {
            (Some(_), Some(_)) => Err("write `roles` or `token`, not both".to_owned()),
            (Some(roles), None) => Ok(Visitor::with_roles(roles.iter().map(String::as_str))),
            (None, Some(sent)) => {
                let keys = self.keys.current();
                if keys.is_empty() {
                    return Err(format!(
                        "a token is verified with the secret, and `{DEFAULT_SECRET_ENV}` is not set; set it, or name a public \
                         key with --public-key or --jwks"
                    ));
                }
                Ok(match token::verify(sent.as_bytes(), &keys, &self.settings, clock::now()) {
                    Ok(claims) => Visitor::with_roles(claims.roles(&self.settings.role_path).iter()),
                    Err(error) => Visitor::Rejected(error),
                })
            }
            (None, None) => Ok(identify(request.cookie_lines(), &self.keys.current(), &self.settings, clock::now())),
        }
    }
}

/// Scheme, host and request target of a URL; `None` where the text is none.
fn read_url(text: &str) -> Option<(SchemeName, &str, String)> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" => SchemeName::Http,
        "https" => SchemeName::Https,
        _ => return None,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, target) = rest.split_at_checked(end)?;
    // A browser keeps the fragment to itself.
    let target = target.split('#').next().unwrap_or_default();
    let slash = if target.starts_with('/') { "" } else { "/" };
    Some((scheme, host, format!("{slash}{target}")))
}

fn country(text: &str) -> Result<Country, String> {
    Country::parse(text.as_bytes())
        .ok_or_else(|| format!("`{}` is no country; write its code of two letters, such as `de`", text.escape_debug()))
}

fn cookie(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, _)) if !name.trim().is_empty() => Ok(text.to_owned()),
        _ => Err("write name and value, such as `beta=1`".to_owned()),
    }
}

fn json(explanation: &Explanation) -> String {
    serde_json::to_string(explanation)
        .unwrap_or_else(|error| serde_json::json!({ "error": error.to_string() }).to_string())
}
