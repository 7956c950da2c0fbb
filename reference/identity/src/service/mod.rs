//! The routes of GoTrue's public API, below `/.netlify/identity`.
//!
//! A route reads what was asked, decides in one transaction of the store, and answers. Passwords are hashed and event
//! functions asked before the transaction begins, so that none is held open while something slow is waited for.

mod account;
mod admin;
mod audit;
mod external;
mod grant;
mod issue;
mod public;

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::body::MAX_BODY;
use crate::cookie;
use crate::cors;
use crate::hooks::{self, Caller, Changes, Event, Target};
use crate::limits::Attempts;
use crate::mail::{Mail, Mailbox, Subject};
use crate::password::{MAX_PASSWORD, PasswordFault, Passwords};
use crate::refusal::{self, NO_BEARER, Refusal};
use crate::secrets::{self, NoRandomness};
use crate::settings::Settings;
use crate::store::{Fault, Store};
use crate::tokens::{NOBODYS, bearer, subject};
use crate::user::{MailKind, User, is_email};
use crate::{Call, Handler, Moment, Reply, Tokens};
use audit::{Action, actor, note};

/// Where the service stands.
pub const PREFIX: &str = "/.netlify/identity";

/// What a service is made of.
#[derive(Debug)]
pub struct Parts {
    /// What is kept.
    pub store: Arc<dyn Store>,
    /// Signs and reads access tokens.
    pub tokens: Arc<dyn Tokens>,
    /// Where mails go.
    pub mailbox: Arc<dyn Mailbox>,
    /// How event functions are asked.
    pub caller: Arc<dyn Caller>,
    /// How the service behaves.
    pub settings: Settings,
}

/// Why there is no service.
#[derive(Debug, thiserror::Error)]
pub enum StartFault {
    /// The settings cannot be meant.
    #[error("{0}")]
    Settings(String),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] Fault),
    /// There is no randomness.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// Passwords cannot be hashed.
    #[error(transparent)]
    Passwords(#[from] PasswordFault),
}

/// The identity service of one site.
#[derive(Debug)]
pub struct Service {
    store: Arc<dyn Store>,
    tokens: Arc<dyn Tokens>,
    mailbox: Arc<dyn Mailbox>,
    caller: Arc<dyn Caller>,
    settings: Settings,
    passwords: Passwords,
    attempts: Attempts,
    own: Own,
}

/// What the service keeps for itself.
struct Own {
    /// What refresh tokens follow from.
    refresh_key: Vec<u8>,
    /// Who it is, for event functions.
    instance: Uuid,
    /// The bearer token of the operator, for as long as this service runs.
    operator: String,
}

impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Own").field("instance", &self.instance).finish_non_exhaustive()
    }
}

/// What a route comes to.
type Answer = Result<Reply, Refusal>;

/// Whoever uses the admin API.
enum Admin {
    /// The operator, a program with the secret, or an event function.
    System,
    /// A user whose `role` is `admin`.
    User(Box<User>),
}

impl Handler for Service {
    fn prefix(&self) -> &str {
        PREFIX
    }

    fn body_limit(&self, _: &Method, _: &str) -> usize {
        MAX_BODY
    }

    fn answer(&self, call: &Call) -> Reply {
        let reply = match self.allows_origin(call) {
            true if call.method == Method::OPTIONS => Reply::empty(StatusCode::NO_CONTENT),
            true => self.route(call).unwrap_or_else(|refusal| refusal.reply(call.now)),
            false => Reply::error(StatusCode::FORBIDDEN, "This origin may not use the service"),
        };
        cors::told(&self.settings.cors_origins, "GET, POST, PUT, DELETE", reply, call)
    }
}

impl Service {
    /// Puts a service together.
    ///
    /// # Errors
    /// Where a part of it does not work.
    pub fn new(parts: Parts) -> Result<Service, StartFault> {
        let Parts { store, tokens, mailbox, caller, settings } = parts;
        settings.check().map_err(StartFault::Settings)?;
        let own = Own::read(&*store)?;
        let passwords = Passwords::start(settings.password_cost)?;
        let attempts = Attempts::new(settings.token_attempts);
        Ok(Service { store, tokens, mailbox, caller, settings, passwords, attempts, own })
    }

    /// The bearer token with which the operator may use the admin API of this process.
    pub fn operator_token(&self) -> &str {
        &self.own.operator
    }

    /// What is kept.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// How the service behaves.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where mails go.
    pub fn mailbox(&self) -> &Arc<dyn Mailbox> {
        &self.mailbox
    }

    /// The way that a signed-in user or a visitor takes through [`Handler::answer`].
    fn route(&self, call: &Call) -> Answer {
        let get = call.method == Method::GET || call.method == Method::HEAD;
        let (post, put, delete) =
            (call.method == Method::POST, call.method == Method::PUT, call.method == Method::DELETE);
        let segments: Vec<&str> = call.path.split('/').skip(1).collect();
        match segments.as_slice() {
            ["health"] if get => Ok(public::health()),
            ["settings"] if get => Ok(self.public_settings()),
            ["signup"] if post => self.sign_up(call),
            ["verify"] if post => self.verify(call),
            ["recover"] if post => self.recover(call),
            ["token"] if post => self.token(call),
            ["user"] if get => self.show_user(call),
            ["user"] if put => self.change_user(call),
            ["logout"] if post => self.log_out(call),
            ["invite"] if post => self.invite(call),
            ["authorize"] if get => self.authorize(call),
            ["stand-in"] if get => self.stand_in_page(call),
            ["stand-in"] if post => self.stand_in(call),
            ["callback"] if get => self.callback(call),
            ["admin", "users"] if get => self.list_users(call),
            ["admin", "users"] if post => self.create_user(call),
            ["admin", "users", id] if get => self.admin_user(call, id),
            ["admin", "users", id] if put => self.admin_change(call, id),
            ["admin", "users", id] if delete => self.admin_remove(call, id),
            ["admin", "audit"] if get => self.audit_log(call),
            segments => Ok(methods(segments).map_or_else(
                || Reply {
                    body: "404 page not found\n".into(),
                    ..Reply::empty(StatusCode::NOT_FOUND).with(CONTENT_TYPE, "text/plain; charset=utf-8")
                },
                Reply::not_allowed,
            )),
        }
    }

    /// Whether the page that asks may: no page of a stranger's makes users here, or guesses passwords.
    fn allows_origin(&self, call: &Call) -> bool {
        let is_read = call.method == Method::GET || call.method == Method::HEAD;
        is_read || cookie::is_same_origin(call) || cors::foreign_origin(&self.settings.cors_origins, call).is_some()
    }

    /// The claims of the bearer token. The cookie is never looked at: no page of a stranger's acts for a visitor.
    fn claims(&self, call: &Call) -> Result<Map<String, Value>, Refusal> {
        let token = bearer(call).ok_or_else(|| Refusal::Unauthorized(NO_BEARER.to_owned()))?;
        let claims =
            self.tokens.read(token, call.now).map_err(|why| Refusal::Unauthorized(format!("Invalid token: {why}")))?;
        if subject(&claims).is_none() {
            return Err(Refusal::Unauthorized(NOBODYS.to_owned()));
        }
        Ok(claims)
    }

    /// The user of the bearer token, as the store has it now.
    fn bearer_user(&self, call: &Call) -> Result<User, Refusal> {
        let claims = self.claims(call)?;
        let aud = requested_audience(call, Some(&claims));
        if aud != claims.get("aud").and_then(Value::as_str).unwrap_or_default() {
            return Err(Refusal::bad("Token audience doesn't match request audience"));
        }
        let id = subject(&claims).and_then(|sub| Uuid::try_parse(sub).ok()).ok_or(Refusal::NoUser)?;
        self.store.read()?.user(id)?.filter(|user| user.aud == aud).ok_or(Refusal::NoUser)
    }

    /// Whoever may use the admin API. The gate's roles are not asked.
    fn admin(&self, call: &Call) -> Result<Admin, Refusal> {
        let token = bearer(call).ok_or_else(|| Refusal::Unauthorized(NO_BEARER.to_owned()))?;
        if secrets::same(token.as_bytes(), self.own.operator.as_bytes()) {
            return Ok(Admin::System);
        }
        let claims = self.claims(call)?;
        match subject(&claims) {
            Some("0") => Ok(Admin::System),
            Some(sub) if Uuid::try_parse(sub).is_ok_and(|id| id.is_nil()) => Ok(Admin::System),
            _ => match self.bearer_user(call) {
                Ok(user) if user.role == "admin" => Ok(Admin::User(Box::new(user))),
                Err(refusal @ Refusal::Inner(_)) => Err(refusal),
                _ => Err(Refusal::Unauthorized("User not allowed".to_owned())),
            },
        }
    }

    /// The routes of accounts with a password are shut where there are none; `/token` wholly, as GoTrue has it.
    fn has_passwords(&self) -> Result<(), Refusal> {
        if self.settings.email { Ok(()) } else { Err(Refusal::bad("Unsupported email provider")) }
    }

    /// The hash of a password, if it can be one.
    fn hash(&self, password: &str) -> Result<String, Refusal> {
        if password.len() > MAX_PASSWORD {
            return Err(Refusal::unprocessable(format!("A password has at most {MAX_PASSWORD} bytes")));
        }
        Ok(self.passwords.hash(password)?)
    }

    /// Asks the function of an event, if there is one; the changes that it answers with. They are made in the transaction,
    /// to the user as the store has it then: what an admin did while the function was asked stays.
    fn ask(&self, event: Event, user: &User, now: Moment) -> Result<Changes, Refusal> {
        let Some(url) = self.settings.hooks.of(event) else { return Ok(Changes::default()) };
        let target = Target::read(url).map_err(Refusal::Inner)?;
        let instance = self.own.instance.to_string();
        let document = json!({ "event": event.name(), "instance_id": instance, "user": user.shown() }).to_string();
        let signed = json!({
            "iat": now.seconds(),
            "sub": instance,
            "iss": "gotrue",
            "sha256": secrets::hex_digest(document.as_bytes()),
        });
        let signature = self.tokens.sign(signed.as_object().unwrap_or(&Map::new()));
        let kind = format!("identity_{}", event.name());
        let fields = [("X-Netlify-Event", kind.as_str()), ("X-Webhook-Signature", signature.as_str())];
        hooks::ask(&*self.caller, &target, &fields, document.as_bytes())
            .map_err(|fault| refusal::of_hook(event.name(), fault))
    }

    /// Tells the function of an event what has been done; nothing depends on its answer, and a failure is in the log.
    fn tell(&self, event: Event, user: &User, now: Moment) {
        let _in_the_log = self.ask(event, user, now);
    }

    /// Puts a mail into the mailbox, with a fresh token that `user` then has out. The user still has to be stored; a mail
    /// whose token is not stored opens nothing.
    fn send(&self, call: &Call, user: &mut User, subject: Subject) -> Result<(), Refusal> {
        let kind = match subject {
            Subject::Confirmation | Subject::Invite => MailKind::Confirmation,
            Subject::Recovery => MailKind::Recovery,
            Subject::EmailChange => MailKind::EmailChange,
        };
        let to = match (&user.new_email, subject) {
            (Some(new), Subject::EmailChange) => new.clone(),
            _ => user.email.clone(),
        };
        let token = secrets::token()?;
        let sent = Some(call.now);
        match subject {
            Subject::Confirmation => user.confirmation_sent_at = sent,
            Subject::Invite => user.invited_at = sent,
            Subject::Recovery => user.recovery_sent_at = sent,
            Subject::EmailChange => user.email_change_sent_at = sent,
        }
        user.mail_tokens.set(kind, Some(secrets::digest(&token)));
        let mail = Mail::new(&to, subject, &call.home, &self.settings.mail_path, &token);
        self.mailbox.deliver(&mail, call.now).map_err(|error| Refusal::Inner(format!("cannot deliver a mail: {error}")))
    }
}

impl Own {
    /// Reads what was kept, or makes it.
    fn read(store: &dyn Store) -> Result<Own, StartFault> {
        let mut transaction = store.write()?;
        let refresh_key = match transaction.note("refresh key")? {
            Some(key) => key,
            None => {
                let key = secrets::random::<32>()?.to_vec();
                transaction.put_note("refresh key", &key)?;
                key
            }
        };
        let instance = match transaction.note("instance")?.and_then(|bytes| Uuid::from_slice(&bytes).ok()) {
            Some(instance) => instance,
            None => {
                let instance = secrets::id()?;
                transaction.put_note("instance", instance.as_bytes())?;
                instance
            }
        };
        transaction.commit()?;
        Ok(Own { refresh_key, instance, operator: secrets::token()? })
    }
}

/// The methods of what is at a path, for `Allow`; `None` where nothing is.
fn methods(segments: &[&str]) -> Option<&'static str> {
    match segments {
        ["health" | "settings" | "authorize" | "callback"] | ["admin", "audit"] => Some("GET, HEAD, OPTIONS"),
        ["signup" | "verify" | "recover" | "token" | "logout" | "invite"] => Some("POST, OPTIONS"),
        ["stand-in"] | ["admin", "users"] => Some("GET, HEAD, POST, OPTIONS"),
        ["user"] => Some("GET, HEAD, PUT, OPTIONS"),
        ["admin", "users", _] => Some("GET, HEAD, PUT, DELETE, OPTIONS"),
        _ => None,
    }
}

/// The audience that a request is for: that of its field, then that of its token, then the empty one.
fn requested_audience(call: &Call, claims: Option<&Map<String, Value>>) -> String {
    let of_token = claims.and_then(|claims| claims.get("aud")).and_then(Value::as_str);
    call.header("x-jwt-aud").filter(|aud| !aud.is_empty()).or(of_token).unwrap_or_default().to_owned()
}

/// What users say of themselves adds up over many calls, and is kept, so all of it has the bound of one body.
fn has_bounds(user: &User) -> Result<(), Refusal> {
    let said = user.user_metadata.as_ref().and_then(|data| serde_json::to_string(data).ok());
    if said.is_some_and(|said| said.len() > MAX_BODY) {
        return Err(Refusal::unprocessable(format!("The metadata of a user has at most {MAX_BODY} bytes")));
    }
    Ok(())
}

/// An address that can have an account.
fn checked_email(email: Option<&str>) -> Result<&str, Refusal> {
    let email = email.ok_or_else(|| Refusal::unprocessable("An email address is required"))?;
    if is_email(email) {
        Ok(email)
    } else {
        Err(Refusal::unprocessable("Unable to validate email address: invalid format"))
    }
}
