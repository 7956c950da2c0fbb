//! What a signed-in user does: look at the account, change it, log out.

use http::StatusCode;
use http::header::HeaderName;
use serde_json::Value;

use super::{Action, Admin, Answer, Service, actor, checked_email, has_bounds, note};
use crate::body::{self, Account, filled};
use crate::mail::Subject;
use crate::refusal::{Refusal, TAKEN};
use crate::secrets;
use crate::tokens::subject;
use crate::user::MailKind;
use crate::{Call, Reply, cookie};

/// What a browser shall forget of this origin (W3C Clear Site Data §3.1).
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

impl Service {
    pub(super) fn show_user(&self, call: &Call) -> Answer {
        Ok(Reply::json(StatusCode::OK, &self.bearer_user(call)?.shown()))
    }

    pub(super) fn change_user(&self, call: &Call) -> Answer {
        let id = self.bearer_user(call)?.id;
        let asked: Account =
            body::json(&call.body).map_err(|why| Refusal::bad(format!("Could not read User Update params: {why}")))?;
        // GoTrue says so too where what is asked for is nothing new.
        if asked.app_metadata.is_some() && !matches!(self.admin(call), Ok(Admin::User(_))) {
            return Err(Refusal::Unauthorized("Updating app_metadata requires admin privileges".to_owned()));
        }
        let hash = filled(asked.password.as_ref()).map(|password| self.hash(password)).transpose()?;
        let mut transaction = self.store.write()?;
        let mut user = transaction.user(id)?.ok_or(Refusal::NoUser)?;
        if hash.is_some() {
            user.password = hash;
        }
        if let Some(data) = &asked.data {
            user.merge_user_metadata(data);
            has_bounds(&user)?;
        }
        if let Some(data) = &asked.app_metadata {
            user.merge_app_metadata(data, call.now);
        }
        if let Some(token) = filled(asked.email_change_token.as_ref()) {
            let is_out = |out: secrets::TokenDigest| secrets::same(&out, &secrets::digest(token));
            let new = user.new_email.take_if(|_| user.mail_tokens.of(MailKind::EmailChange).is_some_and(is_out));
            let Some(new) = new else {
                return Err(Refusal::Message(
                    StatusCode::UNAUTHORIZED,
                    "Email Change Token didn't match token on file".to_owned(),
                ));
            };
            if super::public::has_expired(&user, MailKind::EmailChange, call.now) {
                return Err(Refusal::unprocessable("Email change token expired"));
            }
            self.is_free(&*transaction, &user.aud, &new, id)?;
            user.move_to(new);
        } else if let Some(email) = filled(asked.email.as_ref())
            && email != user.email
        {
            checked_email(Some(email))?;
            user.new_email = Some(email.to_owned());
            match self.is_free(&*transaction, &user.aud, email, id) {
                Ok(()) => self.send(call, &mut user, Subject::EmailChange)?,
                // Nobody gets a mail, so that nobody learns who has an account.
                Err(Refusal::Message(..)) if self.settings.hide_users => {
                    user.mail_tokens.set(MailKind::EmailChange, None);
                    user.email_change_sent_at = Some(call.now);
                }
                Err(refusal) => return Err(refusal),
            }
        }
        user.updated_at = call.now;
        transaction.put_user(&user)?;
        note(&mut *transaction, call.now, actor(&user), Action::UserModified, None)?;
        transaction.commit()?;
        Ok(Reply::json(StatusCode::OK, &user.shown()))
    }

    /// Whether an address is nobody else's.
    pub(super) fn is_free(
        &self,
        state: &dyn crate::store::Writing,
        aud: &str,
        email: &str,
        id: uuid::Uuid,
    ) -> Result<(), Refusal> {
        match state.user_by_email(aud, email)? {
            Some(other) if other.id != id => Err(Refusal::unprocessable(TAKEN)),
            _ => Ok(()),
        }
    }

    pub(super) fn log_out(&self, call: &Call) -> Answer {
        let claims = self.claims(call)?;
        let id = subject(&claims).and_then(|sub| uuid::Uuid::try_parse(sub).ok());
        let mut transaction = self.store.write()?;
        if let Some(user) = id.map_or(Ok(None), |id| transaction.user(id))? {
            // On every device.
            for (token, _) in transaction.refreshes_of(user.id)? {
                transaction.remove_refresh(&token)?;
            }
            let email = claims.get("email").and_then(Value::as_str).unwrap_or_default().to_owned();
            note(&mut *transaction, call.now, (user.id.to_string(), email, None), Action::Logout, None)?;
        }
        transaction.commit()?;
        let reply = cookie::clear(Reply::empty(StatusCode::NO_CONTENT), call.now);
        // A page that was open stays in the browser, which shows it again to who goes back, without asking the gate.
        Ok(if self.settings.strict { reply } else { reply.with(CLEAR_SITE_DATA, "\"cache\"") })
    }
}
