//! `POST /token`: a password or a refresh token becomes an access token.

use std::time::Duration;

use super::{Action, Answer, Service, actor, note, requested_audience};
use crate::body::Form;
use crate::hooks::Event;
use crate::password::{Checked, MAX_PASSWORD};
use crate::refusal::Refusal;
use crate::secrets;
use crate::store::{Fault, Refresh, Writing};
use crate::{Call, Moment};

/// How long a refresh token is good, from its own making.
const REFRESH_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// One in so many refreshes clears up after its user, who may have refreshed often.
const CLEARS: u8 = 16;
/// How long used refresh tokens are kept at least, beyond their grace.
const KEPT: Duration = Duration::from_secs(60 * 60);

const NO_USER: &str = "No user found with that email, or password invalid.";
const NOT_CONFIRMED: &str = "Email not confirmed";
const INVALID: &str = "Invalid Refresh Token";

impl Service {
    pub(super) fn token(&self, call: &Call) -> Answer {
        self.has_passwords()?;
        let limited = |wait| Refusal::Later(wait, "Rate limit exceeded");
        if let Some(wait) = self.attempts.wait(call.client, call.now) {
            return Err(limited(wait));
        }
        let form = Form::of(call);
        let mut under_way = None;
        let answer = match form.field("grant_type") {
            Some("password") => {
                under_way = Some(self.attempts.begin(call.client, call.now).map_err(limited)?);
                self.password_grant(call, &form)
            }
            Some("refresh_token") => self.refresh_grant(call, &form),
            _ => Err(Refusal::Grant { error: "unsupported_grant_type", description: "", clears: false }),
        };
        // Who has the right password is not kept out by own success, unless as GoTrue does it.
        if answer.is_err() || self.settings.strict {
            self.attempts.take(call.client, call.now);
        }
        // Not before it has counted.
        drop(under_way);
        answer
    }

    fn password_grant(&self, call: &Call, form: &Form) -> Answer {
        let aud = requested_audience(call, None);
        let (email, password) =
            (form.field("username").unwrap_or_default(), form.field("password").unwrap_or_default());
        if password.len() > MAX_PASSWORD {
            return Err(Refusal::grant(NO_USER));
        }
        let found = self.store.read()?.user_by_email(&aud, email)?;
        let is_unconfirmed = found.as_ref().is_some_and(|user| user.confirmed_at.is_none());
        // GoTrue tells before it looks at the password.
        if is_unconfirmed && !self.settings.hide_users {
            return Err(Refusal::grant(NOT_CONFIRMED));
        }
        let checked = self.passwords.check(password, found.as_ref().and_then(|user| user.password.as_deref()))?;
        let Some(user) = found.filter(|_| checked != Checked::Wrong) else {
            return Err(Refusal::grant(NO_USER));
        };
        if is_unconfirmed {
            return Err(Refusal::grant(NOT_CONFIRMED));
        }
        let renewed = if checked == Checked::RightAndOld { Some(self.hash(password)?) } else { None };
        let changes = self.ask(Event::Login, &user, call.now)?;
        let mut transaction = self.store.write()?;
        // It may have changed while the hash and the function were waited for.
        let Some(mut stored) = transaction.user(user.id)?.filter(|stored| stored.password == user.password) else {
            return Err(Refusal::grant(NO_USER));
        };
        changes.apply(&mut stored, call.now);
        if renewed.is_some() {
            stored.password = renewed;
        }
        stored.last_sign_in_at = Some(call.now);
        transaction.put_user(&stored)?;
        note(&mut *transaction, call.now, actor(&stored), Action::Login, None)?;
        let issued = self.issue(&mut *transaction, &stored, call.now)?;
        transaction.commit()?;
        Ok(self.token_reply(call, &issued))
    }

    fn refresh_grant(&self, call: &Call, form: &Form) -> Answer {
        let Some(sent) = form.filled("refresh_token") else {
            return Err(Refusal::Grant {
                error: "invalid_request",
                description: "refresh_token required",
                clears: false,
            });
        };
        let digest = secrets::digest(sent);
        // What is no token of ours costs no transaction.
        let row = self.store.read()?.refresh(&digest)?;
        if row.is_none() {
            return Err(self.unknown_refresh());
        }
        let successor = secrets::successor(&self.own.refresh_key, sent)
            .ok_or_else(|| Refusal::Inner("no successor of a refresh token".to_owned()))?;
        let mut transaction = self.store.write()?;
        let Some(row) = transaction.refresh(&digest)? else { return Err(self.unknown_refresh()) };
        let Some(user) = transaction.user(row.user)? else { return Err(Refusal::ended(INVALID)) };
        if let Some(revoked) = row.revoked_at {
            return match self.in_grace(&*transaction, revoked, &successor, call.now)? {
                // Two tabs that refresh at once: the second gets what the first got, and not before it is on the disk.
                true => {
                    transaction.commit()?;
                    Ok(self.token_reply(call, &self.issued(&user, successor, call.now)))
                }
                false => Err(Refusal::ended(INVALID)),
            };
        }
        if call.now.apart(row.created_at) >= REFRESH_LIFE {
            return Err(Refusal::ended("Refresh token expired"));
        }
        transaction.put_refresh(&digest, &Refresh { revoked_at: Some(call.now), ..row })?;
        self.put_refresh(&mut *transaction, &user, &successor, call.now)?;
        if digest.first().is_none_or(|byte| byte % CLEARS == 0) {
            self.forget_used(&mut *transaction, &user.id, call.now)?;
        }
        note(&mut *transaction, call.now, actor(&user), Action::TokenRefreshed, None)?;
        transaction.commit()?;
        Ok(self.token_reply(call, &self.issued(&user, successor, call.now)))
    }

    /// Whether a token that was used at `revoked` still gives its successor, which has to be there: a log-out in between
    /// has removed it.
    fn in_grace(&self, state: &dyn Writing, revoked: Moment, successor: &str, now: Moment) -> Result<bool, Fault> {
        let grace = self.settings.grace();
        Ok(!grace.is_zero() && now.apart(revoked) < grace && state.refresh(&secrets::digest(successor))?.is_some())
    }

    /// GoTrue leaves the cookie where a token is unknown. A store that was thrown away would leave it for a day.
    fn unknown_refresh(&self) -> Refusal {
        if self.settings.strict { Refusal::grant(INVALID) } else { Refusal::ended(INVALID) }
    }

    /// Used tokens are no good any more, and need not be kept for ever.
    fn forget_used(&self, transaction: &mut dyn Writing, user: &uuid::Uuid, now: Moment) -> Result<(), Fault> {
        for (token, row) in transaction.refreshes_of(*user)? {
            let is_spent = row.revoked_at.is_some_and(|revoked| now.since(revoked) > KEPT + self.settings.grace());
            if is_spent || now.since(row.created_at) > REFRESH_LIFE {
                transaction.remove_refresh(&token)?;
            }
        }
        Ok(())
    }
}
