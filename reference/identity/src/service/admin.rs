//! The admin API: invitations, users, the audit log.

use std::ops::ControlFlow;

use http::StatusCode;
use http::header::{HeaderName, LINK};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Action, Answer, PREFIX, Service, checked_email, note, requested_audience};
use crate::body::{self, ByAdmin, Form, Invite, filled};
use crate::hooks::Event;
use crate::mail::Subject;
use crate::refusal::{Refusal, TAKEN};
use crate::secrets;
use crate::store::{AuditEntry, Order};
use crate::tokens::bearer;
use crate::user::{MailKind, User};
use crate::{Call, Reply};

/// The longest page of a list.
const MAX_PAGE: u64 = 1000;

impl Service {
    pub(super) fn invite(&self, call: &Call) -> Answer {
        let admin = self.admin(call)?;
        let asked: Invite =
            body::json(&call.body).map_err(|why| Refusal::bad(format!("Could not read Invite params: {why}")))?;
        let email = checked_email(filled(asked.email.as_ref()))?;
        let aud = self.admin_audience(call);
        let said = |mut user: User| {
            asked.data.iter().for_each(|data| user.merge_user_metadata(data));
            user
        };
        let mut fresh = said(User::new(secrets::id()?, &aud, email, "email", call.now));
        let is_new = self.store.read()?.user_by_email(&aud, email)?.is_none();
        if is_new {
            self.ask(Event::Validate, &fresh, call.now)?.apply(&mut fresh, call.now);
        }
        let mut transaction = self.store.write()?;
        let mut user = match transaction.user_by_email(&aud, email)? {
            Some(user) if user.confirmed_at.is_some() => return Err(Refusal::unprocessable(TAKEN)),
            // Whoever chose the password has not shown that the address is theirs; who is invited chooses another.
            Some(user) => User { password: None, ..said(user) },
            None if is_new => fresh,
            None => return Err(no_user()),
        };
        self.send(call, &mut user, Subject::Invite)?;
        user.updated_at = call.now;
        transaction.put_user(&user)?;
        let traits = json!({ "user_id": user.id.to_string(), "user_email": user.email });
        note(&mut *transaction, call.now, admin.actor(), Action::UserInvited, Some(traits))?;
        transaction.commit()?;
        Ok(Reply::json(StatusCode::OK, &user.shown()))
    }

    pub(super) fn list_users(&self, call: &Call) -> Answer {
        self.admin(call)?;
        let aud = self.admin_audience(call);
        let query = Form::read(&call.query);
        let page = Page::read(&query)?;
        let order = match query.filled("sort").map(|sort| sort.trim().to_lowercase()).as_deref() {
            None | Some("created_at" | "created_at desc") => Order::Descending,
            Some("created_at asc") => Order::Ascending,
            Some(_) => {
                return Err(Refusal::bad("Bad Sort Parameters: write `created_at asc` or `created_at desc`"));
            }
        };
        let filter = query.filled("filter").map(str::to_lowercase);
        let (mut users, mut seen) = (Vec::new(), 0_u64);
        let state = self.store.read()?;
        // Where nothing is filtered the number is known, and the rest need not be gone through.
        let is_whole = filter.is_none();
        state.users(order, &mut |user| {
            if user.aud == aud && filter.as_deref().is_none_or(|text| matches(&user, text)) {
                if page.holds(seen) {
                    users.push(serde_json::to_value(user.shown()).unwrap_or_default());
                }
                seen = seen.saturating_add(1);
            }
            if is_whole && seen >= page.end() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let total = if is_whole { state.user_count(&aud)? } else { seen };
        let reply = Reply::json(StatusCode::OK, &json!({ "users": users, "aud": aud }));
        Ok(page.links(reply, call, &query, total))
    }

    pub(super) fn create_user(&self, call: &Call) -> Answer {
        let admin = self.admin(call)?;
        self.has_passwords()?;
        let asked: ByAdmin = body::json(&call.body).map_err(unreadable)?;
        let email = checked_email(filled(asked.email.as_ref()))?;
        let aud = filled(asked.aud.as_ref()).map_or_else(|| self.admin_audience(call), str::to_owned);
        let mut user = User::new(secrets::id()?, &aud, email, "email", call.now);
        user.password = filled(asked.password.as_ref()).map(|password| self.hash(password)).transpose()?;
        user.user_metadata = asked.user_metadata;
        if let Some(role) = asked.role {
            user.role = role;
        }
        if asked.confirm == Some(true) {
            user.confirmed_at = Some(call.now);
        }
        let mut transaction = self.store.write()?;
        self.is_free(&*transaction, &aud, email, user.id)?;
        transaction.put_user(&user)?;
        let traits = json!({ "user_id": user.id.to_string(), "user_email": user.email });
        note(&mut *transaction, call.now, admin.actor(), Action::UserSignedUp, Some(traits))?;
        transaction.commit()?;
        Ok(Reply::json(StatusCode::OK, &user.shown()))
    }

    pub(super) fn admin_user(&self, call: &Call, id: &str) -> Answer {
        self.admin(call)?;
        let user = self.store.read()?.user(user_id(id)?)?.ok_or_else(no_user)?;
        Ok(Reply::json(StatusCode::OK, &user.shown()))
    }

    pub(super) fn admin_change(&self, call: &Call, id: &str) -> Answer {
        let admin = self.admin(call)?;
        let id = user_id(id)?;
        let asked: ByAdmin = body::json(&call.body).map_err(unreadable)?;
        let hash = filled(asked.password.as_ref()).map(|password| self.hash(password)).transpose()?;
        let mut transaction = self.store.write()?;
        let mut user = transaction.user(id)?.ok_or_else(no_user)?;
        if let Some(role) = asked.role {
            user.role = role;
        }
        if asked.confirm == Some(true) && user.confirmed_at.is_none() {
            user.confirmed_at = Some(call.now);
            user.mail_tokens.set(MailKind::Confirmation, None);
        }
        if hash.is_some() {
            user.password = hash;
        }
        if let Some(email) = filled(asked.email.as_ref()).filter(|email| *email != user.email) {
            checked_email(Some(email))?;
            // GoTrue forgets to look, and then has two users with one address.
            self.is_free(&*transaction, &user.aud, email, id)?;
            user.move_to(email.to_owned());
        }
        if let Some(data) = &asked.app_metadata {
            user.merge_app_metadata(data, call.now);
        }
        if let Some(data) = &asked.user_metadata {
            user.merge_user_metadata(data);
        }
        user.updated_at = call.now;
        transaction.put_user(&user)?;
        let traits = json!({ "user_id": user.id.to_string(), "user_email": user.email });
        note(&mut *transaction, call.now, admin.actor(), Action::UserModified, Some(traits))?;
        transaction.commit()?;
        self.tell(Event::UserModified, &user, call.now);
        Ok(Reply::json(StatusCode::OK, &user.shown()))
    }

    pub(super) fn admin_remove(&self, call: &Call, id: &str) -> Answer {
        let admin = self.admin(call)?;
        let id = user_id(id)?;
        let mut transaction = self.store.write()?;
        let user = transaction.user(id)?.ok_or_else(no_user)?;
        transaction.remove_user(id)?;
        let traits = json!({ "user_id": user.id.to_string(), "user_email": user.email });
        note(&mut *transaction, call.now, admin.actor(), Action::UserDeleted, Some(traits))?;
        transaction.commit()?;
        self.tell(Event::UserDeleted, &user, call.now);
        Ok(Reply::json(StatusCode::OK, &json!({})))
    }

    pub(super) fn audit_log(&self, call: &Call) -> Answer {
        self.admin(call)?;
        let query = Form::read(&call.query);
        let page = Page::read(&query)?;
        let scope = match query.filled("query").map(|text| text.split_once(':').unwrap_or((text, ""))) {
            None => None,
            Some((scope @ ("author" | "action" | "type"), text)) => Some((scope, text.to_lowercase())),
            Some((scope, _)) => {
                return Err(Refusal::bad(format!(
                    "Invalid query scope: {scope}; write `author:`, `action:` or `type:`"
                )));
            }
        };
        let (mut entries, mut seen) = (Vec::new(), 0_u64);
        self.store.read()?.audit(&mut |entry| {
            if scope.as_ref().is_none_or(|(scope, text)| entry_matches(&entry, scope, text)) {
                if page.holds(seen) {
                    entries.push(entry);
                }
                seen = seen.saturating_add(1);
            }
            ControlFlow::Continue(())
        })?;
        Ok(page.links(Reply::json(StatusCode::OK, &entries), call, &query, seen))
    }

    fn admin_audience(&self, call: &Call) -> String {
        let claims = bearer(call).and_then(|token| self.tokens.read(token, call.now).ok());
        requested_audience(call, claims.as_ref())
    }
}

/// A page of a list.
struct Page {
    number: u64,
    size: u64,
}

impl Page {
    fn read(query: &Form) -> Result<Page, Refusal> {
        let number = |name: &str, default: u64| match query.filled(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|_| Refusal::bad(format!("Bad Pagination Parameters: `{name}` has to be a number from 1"))),
        };
        let (page, size) = (number("page", 1)?, number("per_page", 50)?);
        Ok(Page { number: page.max(1), size: size.clamp(1, MAX_PAGE) })
    }

    fn start(&self) -> u64 {
        (self.number - 1).saturating_mul(self.size)
    }

    fn end(&self) -> u64 {
        self.start().saturating_add(self.size)
    }

    fn holds(&self, index: u64) -> bool {
        (self.start()..self.end()).contains(&index)
    }

    /// Adds `Link` (RFC 8288) and the number of all.
    fn links(&self, reply: Reply, call: &Call, query: &Form, total: u64) -> Reply {
        let last = total.div_ceil(self.size).max(1);
        let mut links = Vec::new();
        let mut link = |page: u64, relation: &str| {
            let kept = ["sort", "filter", "query"].iter().filter_map(|name| {
                let value = utf8_percent_encode(query.filled(name)?, NON_ALPHANUMERIC);
                Some(format!("&{name}={value}"))
            });
            let kept: String = kept.collect();
            let (origin, path, size) = (&call.origin, &call.path, self.size);
            links.push(format!("<{origin}{PREFIX}{path}?page={page}&per_page={size}{kept}>; rel=\"{relation}\""));
        };
        if self.number < last {
            link(self.number.saturating_add(1), "next");
        }
        if self.number > 1 {
            link(last.min(self.number - 1), "prev");
        }
        link(last, "last");
        reply.with(LINK, &links.join(", ")).with(HeaderName::from_static("x-total-count"), &total.to_string())
    }
}

/// Whether a text stands in a user's address or full name, in any case.
fn matches(user: &User, text: &str) -> bool {
    let name = user.user_metadata.as_ref().and_then(|data| data.get("full_name")).and_then(Value::as_str);
    user.email.to_lowercase().contains(text) || name.is_some_and(|name| name.to_lowercase().contains(text))
}

fn entry_matches(entry: &AuditEntry, scope: &str, text: &str) -> bool {
    let has = |payload: &Map<String, Value>, name: &str| {
        payload.get(name).and_then(Value::as_str).is_some_and(|value| value.to_lowercase().contains(text))
    };
    let names: &[&str] = match scope {
        "author" => &["actor_email", "actor_name"],
        "action" => &["action"],
        _ => &["log_type"],
    };
    names.iter().any(|name| has(&entry.payload, name))
}

fn user_id(text: &str) -> Result<Uuid, Refusal> {
    Uuid::try_parse(text).map_err(|_| Refusal::bad("user_id must be an UUID"))
}

fn no_user() -> Refusal {
    Refusal::Message(StatusCode::NOT_FOUND, "User not found".to_owned())
}

fn unreadable(why: String) -> Refusal {
    Refusal::bad(format!("Could not decode admin user params: {why}"))
}
