//! `rolegate identity user …`: the users of a service, whether it runs or not.

use std::fs;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rolegate::claims::roles_in;
use rolegate_identity::operator::operator_call;
use rolegate_identity::tokens::SecretTokens;
use rolegate_identity::user::folded;
use rolegate_identity::{Handler as _, Moment, Service, import, secrets};
use serde_json::{Value, json};

use super::running::{Word, word};
use super::{FOLDER, Failure, open_service, read_settings};
use crate::{Exit, say, visible};

/// So many users are asked for at a time: what each may say of themselves fits into an answer as often.
const PAGE: usize = 500;

/// The identity service: its users
#[derive(Args, Debug)]
pub(crate) struct Identity {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Add, invite, change, list and remove users
    User(User),
}

#[derive(Args, Debug)]
#[command(
    after_help = "The users are those in the folder of `rolegate serve SITE --identity DIR`, whether it runs or not."
)]
struct User {
    #[command(subcommand)]
    action: Action,
    /// The folder of the service
    #[arg(long = "identity", value_name = "DIR", default_value = FOLDER, global = true)]
    folder: PathBuf,
    /// The address of the site, for links in mails [default: where it runs, or `http://site.localhost:8888`]
    #[arg(long, value_name = "URL", global = true)]
    site: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a confirmed user; the password comes from standard input, or is made and printed
    Add {
        /// The e-mail address
        email: String,
        /// A role for the gate; several with commas between
        #[arg(long = "role", value_name = "ROLE", value_delimiter = ',', value_parser = role)]
        roles: Vec<String>,
        /// Read the password from standard input, up to the end of its first line
        #[arg(long)]
        password_stdin: bool,
    },
    /// Write a mail with an invitation; the link lies in the mailbox
    Invite {
        /// The e-mail address
        email: String,
        /// A role for the gate; several with commas between
        #[arg(long = "role", value_name = "ROLE", value_delimiter = ',', value_parser = role)]
        roles: Vec<String>,
    },
    /// Set the roles of a user for the gate, in `app_metadata.roles`; without any, take all away
    Role {
        /// The e-mail address
        email: String,
        /// The roles, all of them; with spaces or commas between
        #[arg(value_delimiter = ',', value_parser = role)]
        roles: Vec<String>,
    },
    /// Take the address of a user for confirmed
    Confirm {
        /// The e-mail address
        email: String,
    },
    /// List users: address, roles, state
    List {
        /// Only those with this text in their address or name
        #[arg(long, default_value = "")]
        filter: String,
    },
    /// Remove a user; a token that is out stays good until it runs out
    Remove {
        /// The e-mail address
        email: String,
    },
    /// Take in users of a GoTrue export: a JSON list with `email`, `encrypted_password` (bcrypt), `confirmed_at`,
    /// `app_metadata`, `user_metadata`. The service must not run
    Import {
        /// The file
        file: PathBuf,
    },
}

/// The service itself, or one that runs elsewhere and has the store open.
enum Via {
    Here(Box<Service>, String),
    There(Word),
}

impl Identity {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let What::User(User { action, folder, site }) = self.what;
        if !folder.is_dir() {
            return Err(Failure::cannot_run(format!(
                "there is no folder `{}`\nhelp: start `rolegate serve SITE --identity {0}` once, or name its folder",
                folder.display()
            )));
        }
        let via = Via::open(&folder, site)?;
        match action {
            Action::Add { email, roles, password_stdin } => via.add(&email, &roles, password_stdin)?,
            Action::Invite { email, roles } => {
                let made = via.ask(Method::POST, "/invite", "", Some(json!({ "email": email })))?;
                via.set_roles(&made, &roles)?;
                say(&format!("invited {}; the link lies in `{}`", visible(&email), folder.join("mail").display()))?;
            }
            Action::Role { email, roles } => {
                let user = via.find(&email)?;
                let set = json!({ "app_metadata": { "roles": roles } });
                via.ask(Method::PUT, &path_of(&user), "", Some(set))?;
                say(&format!("{}: {}", visible(&email), shown(&roles)))?;
                say(
                    "a token from before is good until it runs out: refresh(true) in the page, or a new log-in, brings the new roles",
                )?;
            }
            Action::Confirm { email } => {
                let user = via.find(&email)?;
                via.ask(Method::PUT, &path_of(&user), "", Some(json!({ "confirm": true })))?;
                say(&format!("confirmed {}", visible(&email)))?;
            }
            Action::List { filter } => via.list(&filter)?,
            Action::Remove { email } => {
                let user = via.find(&email)?;
                via.ask(Method::DELETE, &path_of(&user), "", None)?;
                say(&format!("removed {}; a token that is out stays good until it runs out", visible(&email)))?;
            }
            Action::Import { file } => via.import(&file)?,
        }
        Ok(Exit::Done)
    }
}

impl Via {
    fn open(folder: &Path, site: Option<String>) -> Result<Via, Failure> {
        // A service that runs has the store open, and this cannot.
        if let Some(mut word) = word(folder).filter(|word| word.ask("GET", "/health", "").is_ok()) {
            if word.scheme != "http" {
                return Err(Failure::cannot_run(
                    "the service runs over TLS, and this command does not speak it\nhelp: use the operator's page, or stop the service",
                ));
            }
            if let Some(site) = site {
                if !site.starts_with("http://") {
                    return Err(Failure::refused(format!(
                        "the service runs without TLS, so links of its mails cannot lead to `{}`\n\
                         help: write --site http://NAME.localhost:PORT",
                        visible(&site)
                    )));
                }
                word.site = site.trim_end_matches('/').to_owned();
            }
            return Ok(Via::There(word));
        }
        let site = site.unwrap_or_else(|| "http://site.localhost:8888".to_owned());
        let site = site.trim_end_matches('/').to_owned();
        // Nothing that is done here is signed with it.
        let unused = secrets::random::<32>().map_err(|error| Failure::cannot_run(error.to_string()))?;
        let tokens = SecretTokens::new(&unused).map_err(|error| Failure::cannot_run(error.to_string()))?;
        let service = open_service(folder, read_settings(folder)?, Arc::new(tokens))?;
        Ok(Via::Here(Box::new(service), site))
    }

    fn ask(&self, method: Method, path: &str, query: &str, document: Option<Value>) -> Result<Value, Failure> {
        let (status, body) = match self {
            Via::Here(service, site) => {
                let call = operator_call(service, site, Moment::now(), method, path, query, document);
                let reply = service.answer(&call);
                (reply.status.as_u16(), reply.body.to_vec())
            }
            Via::There(word) => {
                let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
                let document = document.map(|document| document.to_string()).unwrap_or_default();
                word.ask(method.as_str(), &target, &document)
                    .map_err(|error| Failure::cannot_run(format!("the service does not answer: {error}")))?
            }
        };
        let answer = serde_json::from_slice(&body);
        if (200..300).contains(&status) {
            return answer
                .map_err(|error| Failure::cannot_run(format!("the answer of the service cannot be read: {error}")));
        }
        let answer: Value = answer.unwrap_or_default();
        let why = answer.get("msg").and_then(Value::as_str).unwrap_or("the service refuses");
        Err(Failure::refused(format!("{} ({status})", visible(why))))
    }

    fn add(&self, email: &str, roles: &[String], from_stdin: bool) -> Result<(), Failure> {
        let password = if from_stdin {
            let mut text = String::new();
            std::io::stdin()
                .take(4096)
                .read_to_string(&mut text)
                .map_err(|error| Failure::cannot_run(format!("cannot read standard input: {error}")))?;
            text.lines().next().unwrap_or_default().to_owned()
        } else {
            secrets::token().map_err(|error| Failure::cannot_run(error.to_string()))?
        };
        let document = json!({ "email": email, "password": password, "confirm": true });
        let made = self.ask(Method::POST, "/admin/users", "", Some(document))?;
        self.set_roles(&made, roles)?;
        if from_stdin {
            say(&format!("added {}: {}", visible(email), shown(roles)))
        } else {
            say(&format!("added {}: {}; password {password}", visible(email), shown(roles)))
        }
    }

    fn set_roles(&self, user: &Value, roles: &[String]) -> Result<(), Failure> {
        if roles.is_empty() {
            return Ok(());
        }
        let set = json!({ "app_metadata": { "roles": roles } });
        self.ask(Method::PUT, &path_of(user), "", Some(set)).map(drop)
    }

    fn find(&self, email: &str) -> Result<Value, Failure> {
        let is_it = |user: &Value| {
            user.get("email").and_then(Value::as_str).is_some_and(|other| folded(other) == folded(email))
        };
        let mut found = None;
        self.each(email, |user| {
            if is_it(user) {
                found = Some(user.clone());
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        found.ok_or_else(|| {
            Failure::refused(format!(
                "there is no user `{}`\nhelp: `rolegate identity user list` shows all",
                visible(email)
            ))
        })
    }

    fn list(&self, filter: &str) -> Result<(), Failure> {
        self.each(filter, |user| {
            let roles = roles_in(user.pointer("/app_metadata/roles"));
            let roles: Vec<String> = roles.map(str::to_owned).collect();
            let state = if user.get("confirmed_at").is_some() { "confirmed" } else { "not confirmed" };
            let email = user.get("email").and_then(Value::as_str).unwrap_or_default();
            say(&format!("{}\t{}\t{state}", visible(email), visible(&shown(&roles))))?;
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Goes through the users with this text in their address or name, of whom there can be more than a page holds: the
    /// oldest first.
    fn each(
        &self,
        filter: &str,
        mut visit: impl FnMut(&Value) -> Result<ControlFlow<()>, Failure>,
    ) -> Result<(), Failure> {
        let filter = utf8_percent_encode(filter, NON_ALPHANUMERIC);
        for page in 1_u32.. {
            let query = format!("per_page={PAGE}&page={page}&sort=created_at%20asc&filter={filter}");
            let found = self.ask(Method::GET, "/admin/users", &query, None)?;
            let users = found.get("users").and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
            for user in users {
                if visit(user)?.is_break() {
                    return Ok(());
                }
            }
            if users.len() < PAGE {
                break;
            }
        }
        Ok(())
    }

    fn import(&self, file: &Path) -> Result<(), Failure> {
        let Via::Here(service, _) = self else {
            return Err(Failure::cannot_run("the service runs\nhelp: stop it, and import then"));
        };
        let text = fs::read(file)
            .map_err(|error| Failure::cannot_run(format!("cannot read `{}`: {error}", file.display())))?;
        let count = import::import(&**service.store(), &text, Moment::now())
            .map_err(|why| Failure::refused(format!("`{}`: {why}; nothing is taken in", file.display())))?;
        say(&format!("took in {count} users; their passwords are hashed anew at the next log-in"))
    }
}

fn role(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("a role has a name; to take all roles away, name none".to_owned()),
        name => Ok(name.to_owned()),
    }
}

fn path_of(user: &Value) -> String {
    format!("/admin/users/{}", user.get("id").and_then(Value::as_str).unwrap_or_default())
}

fn shown(roles: &[String]) -> String {
    if roles.is_empty() { "no roles".to_owned() } else { roles.join(", ") }
}
