//! `rolegate explain`: what the gate answers to a request, and why, without a socket.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;

use clap::Args;
use rolegate::config::open_site;
use rolegate::{
    DirSite, Explanation, Key, Request, RuleSet, Scheme, Source, Time, TokenSettings, Visitor, decide_by_walk,
    identify, token,
};
use serde::Deserialize;

use super::{Exit, Failure, TokenArgs, say};

/// Say what the gate answers to a request, rule by rule
#[derive(Args, Debug)]
#[command(after_help = "With --requests each input line is a JSON object with `path` and perhaps `method`, `query`, \
    `host`, `roles`, `token`, `headers`; each gives one line out, in order:\n  \
    {\"path\":\"/members/home\",\"roles\":[\"admin\"]}\n\
    Exit status: 0 everything explained; 1 the rules, the secret or an input line are refused; 2 wrong usage, or an \
    unreadable folder or file.")]
pub(super) struct Explain {
    /// The folder that holds the site and its `_redirects`
    dir: PathBuf,
    /// The request target as a client sends it, such as `/members/home?tab=1`
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
    /// Read requests as JSON lines from a file, or from standard input with `-`
    #[arg(long, value_name = "FILE", requires = "json")]
    requests: Option<PathBuf>,
    /// Write JSON, one line for a request
    #[arg(long)]
    json: bool,
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
    host: Option<String>,
    roles: Option<Vec<String>>,
    token: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, HeaderLines>,
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
    key: Option<Key>,
    settings: TokenSettings,
    variable: String,
}

impl Explain {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let site = open_site(&self.dir)?;
        let (rules, source) = Source::read(&self.dir)?;
        // RULES-9: there is nothing to explain where no gate starts.
        if let Some(problem) = source.problems.iter().find(|problem| problem.refuses_to_start) {
            return Err(Failure::refused(format!("no gate starts with this file\n{}", source.render(problem))));
        }
        let judge = Judge {
            rules,
            site,
            key: self.tokens.key()?.read()?,
            settings: self.tokens.settings(),
            variable: self.tokens.variable().to_owned(),
        };
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
        let question = Question {
            path: self.path.unwrap_or_default(),
            method: Some(self.method),
            host: self.host,
            roles: (!self.roles.is_empty()).then_some(self.roles),
            token: self.token,
            ..Question::default()
        };
        let (visitor, explanation) = judge.explain(&question).map_err(Failure::refused)?;
        if self.json {
            say(&json(&explanation))?;
        } else {
            let method = question.method.as_deref().unwrap_or_default();
            say(&format!("{method} {} by {}", question.path.escape_debug(), in_words(&visitor)))?;
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
            scheme: Scheme::Http,
            headers: &headers,
            country: None,
        };
        let visitor = self.visitor(question, &request)?;
        let decision = decide_by_walk(&self.rules, &request, &visitor, &self.site);
        Ok((visitor, Explanation::new(&self.rules, &decision)))
    }

    fn visitor(&self, question: &Question, request: &Request<'_>) -> Result<Visitor, String> {
        match (&question.roles, &question.token) {
            (Some(_), Some(_)) => Err("write `roles` or `token`, not both".to_owned()),
            (Some(roles), None) => Ok(Visitor::with_roles(roles.iter().map(String::as_str))),
            (None, Some(sent)) => {
                let key = self.key.as_ref().ok_or_else(|| {
                    format!("a token is verified with the secret, and `{}` is not set", self.variable)
                })?;
                Ok(match token::verify(sent.as_bytes(), key, &self.settings, Time::now()) {
                    Ok(claims) => Visitor::with_roles(claims.roles(&self.settings.role_path).iter()),
                    Err(error) => Visitor::Rejected(error),
                })
            }
            (None, None) => Ok(identify(request.cookie_lines(), self.key.as_ref(), &self.settings, Time::now())),
        }
    }
}

/// TOKEN-11 allows it here: the terminal of whoever has the secret is a trusted channel.
fn in_words(visitor: &Visitor) -> String {
    match (visitor, visitor.roles()) {
        (Visitor::Rejected(error), _) => format!("an anonymous visitor (token rejected: {error})"),
        (_, Some(roles)) => {
            let roles: Vec<String> = roles.iter().map(|role| format!("`{}`", role.escape_debug())).collect();
            match roles.as_slice() {
                [] => "a visitor with a valid token and no role".to_owned(),
                roles => {
                    format!("a visitor with {} {}", if roles.len() == 1 { "role" } else { "roles" }, roles.join(", "))
                }
            }
        }
        (_, None) => "an anonymous visitor".to_owned(),
    }
}

fn json(explanation: &Explanation) -> String {
    serde_json::to_string(explanation)
        .unwrap_or_else(|error| serde_json::json!({ "error": error.to_string() }).to_string())
}
