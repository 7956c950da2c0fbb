//! The operator's page: users, roles, mails, the audit log, and why a given user's page is shut.
//!
//! It has an origin of its own, `http://operator.localhost:PORT`, so that no script of the site can read it or press its
//! buttons, and it is for visitors at this machine alone; whoever mounts it sees to both. What it does, it does through the
//! admin API, as a program of the operator's would.

mod pages;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::body::{Form, MAX_BODY};
use crate::page::guarded;
use crate::refusal::Refusal;
use crate::store::Refresh;
use crate::user::User;
use crate::{Call, Handler, Reply, Service};

/// The name by which the page is asked.
pub const HOST: &str = "operator.localhost";

/// Says what the gate answers.
pub trait Gate: Send + Sync + fmt::Debug {
    /// What a visitor with these roles gets at this path; `None` is a visitor without a valid token.
    fn explain(&self, path: &str, roles: Option<&[String]>) -> Explained;
}

/// What the gate answers to somebody, and why.
#[derive(Clone, Debug, Default)]
pub struct Explained {
    /// The status.
    pub status: u16,
    /// Whether a rule that asks for a role did not let them in.
    pub denied: bool,
    /// Rule by rule, for a person.
    pub text: String,
}

impl Explained {
    /// Whether they get something to see.
    fn is_open(&self) -> bool {
        !self.denied && self.status < 400
    }
}

/// The operator's page.
#[derive(Debug)]
pub struct Operator {
    service: Arc<Service>,
    gate: Arc<dyn Gate>,
    /// The host of the site, without a port; mails lead there.
    host: String,
}

/// What a user's cookie can be now.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cookie {
    /// There is no token that is still good.
    None,
    /// The last token is good until then, with these roles.
    Good { until: crate::Moment, roles: Vec<String> },
}

impl Handler for Operator {
    fn prefix(&self) -> &str {
        ""
    }

    fn body_limit(&self, _: &Method, _: &str) -> usize {
        MAX_BODY
    }

    fn answer(&self, call: &Call) -> Reply {
        guarded(self.route(call).unwrap_or_else(|refusal| {
            let reply = refusal.reply(call.now);
            let why: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            let why = why.get("msg").and_then(Value::as_str).unwrap_or("this cannot be done").to_owned();
            Reply::html(reply.status, pages::failed(&why))
        }))
    }
}

impl Operator {
    /// The page over this service, for a site by this name, such as `site.localhost`.
    pub fn new(service: Arc<Service>, gate: Arc<dyn Gate>, host: String) -> Operator {
        Operator { service, gate, host }
    }

    /// The origin of the site: it is asked at the same port.
    fn site(&self, call: &Call) -> String {
        call.origin.replacen(HOST, &self.host, 1)
    }

    fn route(&self, call: &Call) -> Result<Reply, Refusal> {
        let is_read = call.method == Method::GET || call.method == Method::HEAD;
        let is_sent = call.method == Method::POST;
        // A browser names the page that a form is sent from.
        if !is_read && call.header("origin") != Some(&*call.origin) {
            return Err(Refusal::Message(StatusCode::FORBIDDEN, "the form is not one of this page".to_owned()));
        }
        let segments: Vec<&str> = call.path.split('/').skip(1).collect();
        let form = || Form::body(call);
        match segments.as_slice() {
            [""] if is_read => self.users(call),
            ["mail"] if is_read => self.mail(call),
            ["audit"] if is_read => self.audit(call),
            ["users", id] if is_read => self.user(call, id),
            ["users"] if is_sent => self.add(call, &form()),
            ["users", id, action] if is_sent => self.change(call, id, action, &form()),
            ["" | "mail" | "audit"] | ["users", _] => Ok(Reply::not_allowed("GET, HEAD")),
            ["users"] | ["users", _, _] => Ok(Reply::not_allowed("POST")),
            _ => Err(Refusal::Message(StatusCode::NOT_FOUND, "there is no such page".to_owned())),
        }
    }

    fn users(&self, call: &Call) -> Result<Reply, Refusal> {
        let query = Form::read(&call.query);
        let filter = query.field("filter").unwrap_or_default();
        let page = query.field("page").and_then(|page| page.parse::<u32>().ok()).unwrap_or(1).max(1);
        let encoded = percent_encoding::utf8_percent_encode(filter, percent_encoding::NON_ALPHANUMERIC);
        let list = self.admin(call, Method::GET, "/admin/users", &format!("page={page}&filter={encoded}"), None)?;
        let total = list.headers.get("x-total-count").and_then(|count| count.to_str().ok()).unwrap_or("0").to_owned();
        let document: Value = read(&list)?;
        let users = document.get("users").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(Reply::html(StatusCode::OK, pages::users(&users, filter, page, &total, &self.site(call))))
    }

    fn mail(&self, call: &Call) -> Result<Reply, Refusal> {
        let mails = self.service.mailbox().newest(50).map_err(|error| Refusal::Inner(error.to_string()))?;
        Ok(Reply::html(StatusCode::OK, pages::mail(&mails, &self.site(call))))
    }

    fn audit(&self, call: &Call) -> Result<Reply, Refusal> {
        let list = self.admin(call, Method::GET, "/admin/audit", "per_page=200", None)?;
        let entries: Vec<Value> = read(&list)?;
        Ok(Reply::html(StatusCode::OK, pages::audit(&entries, &self.site(call))))
    }

    fn user(&self, call: &Call, id: &str) -> Result<Reply, Refusal> {
        let no_user = || Refusal::Message(StatusCode::NOT_FOUND, "there is no such user".to_owned());
        let id = Uuid::try_parse(id).map_err(|_| no_user())?;
        let state = self.service.store().read()?;
        let user = state.user(id)?.ok_or_else(no_user)?;
        let cookie = cookie(&state.refreshes_of(id)?, call.now);
        drop(state);
        let query = Form::read(&call.query);
        let asked = query.filled("path").map(|path| {
            let held = match &cookie {
                Cookie::None => None,
                Cookie::Good { roles, .. } => Some(roles.as_slice()),
            };
            let next: Vec<String> = user.roles().into_iter().map(str::to_owned).collect();
            (path, self.gate.explain(path, held), self.gate.explain(path, Some(&next)))
        });
        let reasons = asked.as_ref().map(|(_, now, next)| reasons(&user, &cookie, now, next)).unwrap_or_default();
        Ok(Reply::html(StatusCode::OK, pages::user(&user, &cookie, asked.as_ref(), &reasons, &self.site(call))))
    }

    fn add(&self, call: &Call, form: &Form) -> Result<Reply, Refusal> {
        let email = form.field("email").unwrap_or_default();
        let made = if form.field("how") == Some("invite") {
            self.admin(call, Method::POST, "/invite", "", Some(json!({ "email": email })))?
        } else {
            let password = form.field("password").unwrap_or_default();
            let document = json!({ "email": email, "password": password, "confirm": true });
            self.admin(call, Method::POST, "/admin/users", "", Some(document))?
        };
        let made: Value = read(&made)?;
        Ok(to(&format!("/users/{}", made.get("id").and_then(Value::as_str).unwrap_or_default())))
    }

    fn change(&self, call: &Call, id: &str, action: &str, form: &Form) -> Result<Reply, Refusal> {
        let path = format!("/admin/users/{id}");
        let back = to(&format!("/users/{id}"));
        let changes = match action {
            "roles" => json!({ "app_metadata": { "roles": words(form.field("roles").unwrap_or_default()) } }),
            "confirm" => json!({ "confirm": true }),
            "admin" => json!({ "role": form.field("role").unwrap_or_default() }),
            "remove" => {
                self.admin(call, Method::DELETE, &path, "", None)?;
                return Ok(to("/"));
            }
            _ => return Err(Refusal::Message(StatusCode::NOT_FOUND, "there is no such page".to_owned())),
        };
        self.admin(call, Method::PUT, &path, "", Some(changes))?;
        Ok(back)
    }

    /// Asks the admin API, as the operator.
    fn admin(
        &self,
        call: &Call,
        method: Method,
        path: &str,
        query: &str,
        document: Option<Value>,
    ) -> Result<Reply, Refusal> {
        let home = call.home.replacen(HOST, &self.host, 1);
        let call = operator_call(&self.service, &home, call.now, method, path, query, document);
        let reply = self.service.answer(&call);
        if reply.status.is_success() {
            return Ok(reply);
        }
        let error: Map<String, Value> = serde_json::from_slice(&reply.body).unwrap_or_default();
        let message = error.get("msg").and_then(Value::as_str).unwrap_or("the service fails");
        Err(Refusal::Message(reply.status, message.to_owned()))
    }
}

/// The document of an answer. One that cannot be read is no empty list.
fn read<T: DeserializeOwned>(reply: &Reply) -> Result<T, Refusal> {
    serde_json::from_slice(&reply.body)
        .map_err(|error| Refusal::Inner(format!("an own answer cannot be read: {error}")))
}

/// A call of the operator's to the service itself.
pub fn operator_call(
    service: &Service,
    site: &str,
    now: crate::Moment,
    method: Method,
    path: &str,
    query: &str,
    document: Option<Value>,
) -> Call {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&format!("Bearer {}", service.operator_token())) {
        headers.insert("authorization", value);
    }
    Call {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: document.map_or_else(Bytes::new, |document| document.to_string().into()),
        origin: site.to_owned(),
        home: site.to_owned(),
        client: [127, 0, 0, 1].into(),
        now,
    }
}

/// Roles as a person types them.
pub fn words(text: &str) -> Vec<&str> {
    text.split([',', ' ']).filter(|word| !word.is_empty()).collect()
}

/// The newest token that is still good. A log-out leaves none, although what it has handed out is good until it runs out.
fn cookie(refreshes: &[(crate::secrets::TokenDigest, Refresh)], now: crate::Moment) -> Cookie {
    let newest =
        refreshes.iter().map(|(_, row)| row).filter(|row| row.access_until > now).max_by_key(|row| row.created_at);
    newest.map_or(Cookie::None, |row| Cookie::Good { until: row.access_until, roles: row.roles.clone() })
}

/// Why a page is shut for a user, or that it is not.
fn reasons(user: &User, cookie: &Cookie, now: &Explained, next: &Explained) -> Vec<String> {
    let mut reasons = Vec::new();
    if user.confirmed_at.is_none() {
        reasons.push("The address is not confirmed, so the user cannot log in: open the link of the mail, or confirm the user here.".to_owned());
    }
    match (now.denied, next.denied, cookie) {
        (false, _, _) if now.is_open() => {
            reasons.push(format!("The page is open for the user: the gate answers {}.", now.status))
        }
        (false, _, _) => reasons.push(format!("It is not for want of a role: the gate answers {}, for the reason below.", now.status)),
        (true, false, Cookie::None) => reasons.push(
            "The user has no token that is still good: logged out, never logged in, or expired and not refreshed. The next log-in opens the page.".to_owned(),
        ),
        (true, false, Cookie::Good { until, .. }) => reasons.push(format!(
            "The roles are there, and the cookie is from before: it is good until {}. The next token opens the page: \
             netlifyIdentity.refresh(true) in the page, a new log-in, or the refresh that the clients make when the token runs out.",
            until.in_words()
        )),
        (true, true, _) => reasons.push(format!(
            "None of the user's roles opens the page ({}).",
            match user.roles().as_slice() {
                [] => "there are none in app_metadata.roles".to_owned(),
                roles => roles.join(", "),
            }
        )),
    }
    if user.role == "admin" && now.denied {
        reasons.push(
            "The user's role is admin: that is the admin of the API. The gate looks at app_metadata.roles alone."
                .to_owned(),
        );
    }
    reasons
}

fn to(path: &str) -> Reply {
    Reply { status: StatusCode::SEE_OTHER, ..Reply::found(path) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Moment;

    #[test]
    fn a_page_that_nobody_gets_is_not_called_open() {
        let mut user = User::new(Uuid::nil(), "", "a@b", "email", Moment::from_seconds(1));
        user.confirmed_at = Some(Moment::from_seconds(1));
        for (status, denied, starts) in [
            (200, false, "The page is open for the user: the gate answers 200."),
            (302, false, "The page is open for the user: the gate answers 302."),
            (404, false, "It is not for want of a role: the gate answers 404,"),
            (400, false, "It is not for want of a role: the gate answers 400,"),
            (404, true, "None of the user's roles opens the page"),
        ] {
            let explained = Explained { status, denied, text: String::new() };
            let said = reasons(&user, &Cookie::None, &explained, &explained);
            assert!(said[0].starts_with(starts), "{said:?}");
            assert_eq!(explained.is_open(), status < 400, "{status}");
        }
    }
}
