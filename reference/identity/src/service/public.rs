//! What needs no bearer token: `/health`, `/settings`, `/signup`, `/verify`, `/recover`.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Action, Answer, Service, actor, checked_email, has_bounds, note, requested_audience};
use crate::body::{self, Recover, SignUp, Verify, filled};
use crate::hooks::{Changes, Event};
use crate::mail::Subject;
use crate::refusal::{NO_SIGN_UPS, Refusal};
use crate::secrets::{self, digest};
use crate::settings::PROVIDERS;
use crate::store::Fault;
use crate::user::{MailKind, User};
use crate::{Call, Moment, Reply};

/// How long a mailed token is good.
const MAIL_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long an invitation is good.
const INVITE_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

const TAKEN: &str = "A user with this email address has already been registered";

pub(super) fn health() -> Reply {
    let document = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "name": "GoTrue",
        "description": "rolegate's identity service, which speaks GoTrue's API",
    });
    Reply::json(StatusCode::OK, &document)
}

impl Service {
    pub(super) fn public_settings(&self) -> Reply {
        let mut external: Map<String, Value> = PROVIDERS
            .iter()
            .map(|name| ((*name).to_owned(), self.settings.providers.iter().any(|on| on == name).into()))
            .collect();
        external.insert("email".to_owned(), self.settings.email.into());
        external.insert("saml".to_owned(), false.into());
        let document = json!({
            "external": external,
            "external_labels": self.settings.external_labels,
            "disable_signup": self.settings.disable_signup,
            "autoconfirm": self.settings.autoconfirm,
        });
        Reply::json(StatusCode::OK, &document)
    }

    pub(super) fn sign_up(&self, call: &Call) -> Answer {
        self.has_passwords()?;
        if self.settings.disable_signup {
            return Err(Refusal::Message(StatusCode::FORBIDDEN, NO_SIGN_UPS.to_owned()));
        }
        let asked: SignUp =
            body::json(&call.body).map_err(|why| Refusal::bad(format!("Could not read Signup params: {why}")))?;
        let password = filled(asked.password.as_ref())
            .ok_or_else(|| Refusal::unprocessable("Signup requires a valid password"))?;
        let email = checked_email(filled(asked.email.as_ref()))?;
        let aud = requested_audience(call, None);
        let said = |mut user: User| {
            asked.data.iter().for_each(|data| user.merge_user_metadata(data));
            user
        };
        let found = self.store.read()?.user_by_email(&aud, email)?;
        let is_new = found.is_none();
        // Hashed in any case, so that the time does not tell who has an account.
        let hash = self.hash(password)?;
        let is_taken = found.as_ref().is_some_and(|user| user.confirmed_at.is_some());
        if is_taken && !self.settings.hide_users {
            return Err(Refusal::bad(TAKEN));
        }
        let mut fresh = said(User::new(secrets::id()?, &aud, email, "email", call.now));
        fresh.password = Some(hash);
        // The function would tell too, by whom it is not asked about.
        if is_new || self.settings.hide_users {
            self.ask(Event::Validate, &fresh, call.now)?.apply(&mut fresh, call.now);
        }
        let told = self.settings.hide_users.then(|| self.as_if_new(&fresh, call.now));
        if is_taken {
            return self.taken(told);
        }
        let confirms = self.settings.autoconfirm && !found.as_ref().is_some_and(|user| self.is_awaited(user));
        let changes = if confirms {
            self.ask(Event::Signup, &found.map_or_else(|| fresh.clone(), said), call.now)?
        } else {
            Changes::default()
        };
        let mut transaction = self.store.write()?;
        let mut user = match transaction.user_by_email(&aud, email)? {
            // The first password stays: whoever signs up for somebody else's address does not choose theirs.
            Some(user) if user.confirmed_at.is_none() && !is_new => said(user),
            None if is_new => fresh,
            // Somebody was quicker.
            _ => {
                drop(transaction);
                return self.taken(told);
            }
        };
        has_bounds(&user)?;
        if confirms {
            changes.apply(&mut user, call.now);
            user.confirmed_at = Some(call.now);
            user.mail_tokens.set(MailKind::Confirmation, None);
        } else if self.is_awaited(&user) {
            self.send(call, &mut user, Subject::Invite)?;
        } else if is_due_in(user.confirmation_sent_at, self.settings.mail_interval(), call.now).is_none() {
            self.send(call, &mut user, Subject::Confirmation)?;
        }
        user.updated_at = call.now;
        transaction.put_user(&user)?;
        if confirms {
            note(&mut *transaction, call.now, actor(&user), Action::UserSignedUp, None)?;
        }
        transaction.commit()?;
        Ok(Reply::json(StatusCode::OK, &told.unwrap_or(user).shown()))
    }

    /// Whether a user has an invitation out, who then gets it once more. GoTrue mails a link that asks for a password, to which
    /// the widget has no form, and the invitation is good no longer.
    fn is_awaited(&self, user: &User) -> bool {
        user.invited_at.is_some() && user.password.is_none() && !self.settings.strict
    }

    /// What a sign-up is told where nobody is to learn who has an account: whatever is there already, it is the first.
    fn as_if_new(&self, fresh: &User, now: Moment) -> User {
        let mut told = fresh.clone();
        *(if self.settings.autoconfirm { &mut told.confirmed_at } else { &mut told.confirmation_sent_at }) = Some(now);
        told
    }

    /// The answer to a sign-up for an address that has an account: GoTrue says so, or nobody can tell.
    fn taken(&self, told: Option<User>) -> Answer {
        let told = told.ok_or_else(|| Refusal::bad(TAKEN))?;
        self.changes_nothing()?;
        Ok(Reply::json(StatusCode::OK, &told.shown()))
    }

    /// Waits for the disk as a change does, so that the time does not tell that there was none.
    fn changes_nothing(&self) -> Result<(), Fault> {
        let mut transaction = self.store.write()?;
        transaction.put_note("nothing", &secrets::random::<16>().unwrap_or_default())?;
        transaction.commit()
    }

    pub(super) fn verify(&self, call: &Call) -> Answer {
        let asked: Verify =
            body::json(&call.body).map_err(|why| Refusal::bad(format!("Could not read verification params: {why}")))?;
        let token = filled(asked.token.as_ref()).filter(|token| !token.trim().is_empty());
        let token = token.ok_or_else(|| Refusal::unprocessable("Verify requires a token"))?;
        let token = digest(token);
        let kind = match asked.r#type.as_deref() {
            Some("signup") => MailKind::Confirmation,
            Some("recovery") => MailKind::Recovery,
            _ => return Err(Refusal::unprocessable("Verify requires a verification type")),
        };
        let no_user = || Refusal::Message(StatusCode::NOT_FOUND, "User not found".to_owned());
        let found = self.store.read()?.user_by_mail_token(kind, &token)?.ok_or_else(no_user)?;
        if has_expired(&found, kind, call.now) {
            return Err(Refusal::unprocessable(match kind {
                MailKind::Recovery => "Recovery token expired",
                _ => "Confirmation token expired",
            }));
        }
        let is_invited = found.invited_at.is_some();
        let hash = if kind == MailKind::Confirmation && found.password.is_none() && is_invited {
            let password = filled(asked.password.as_ref())
                .ok_or_else(|| Refusal::unprocessable("Invited users must specify a password"))?;
            Some(self.hash(password)?)
        } else {
            None
        };
        let changes = match found.confirmed_at {
            None => self.ask(Event::Signup, &found, call.now)?,
            Some(_) => Changes::default(),
        };
        let mut transaction = self.store.write()?;
        // A token is good once, also if it comes twice at the same time.
        let stored = transaction.user_by_mail_token(kind, &token)?.filter(|stored| stored.id == found.id);
        let mut user = stored.ok_or_else(no_user)?;
        user.password = user.password.or(hash);
        let confirms = user.confirmed_at.is_none();
        if confirms {
            changes.apply(&mut user, call.now);
            user.confirmed_at = Some(call.now);
            user.mail_tokens.set(MailKind::Confirmation, None);
        }
        user.mail_tokens.set(kind, None);
        user.updated_at = call.now;
        user.last_sign_in_at = Some(call.now);
        transaction.put_user(&user)?;
        if confirms {
            let action = if is_invited { Action::InviteAccepted } else { Action::UserSignedUp };
            note(&mut *transaction, call.now, actor(&user), action, None)?;
        }
        note(&mut *transaction, call.now, actor(&user), Action::Login, None)?;
        let issued = self.issue(&mut *transaction, &user, call.now)?;
        transaction.commit()?;
        Ok(self.token_reply(call, &issued))
    }

    pub(super) fn recover(&self, call: &Call) -> Answer {
        self.has_passwords()?;
        let asked: Recover =
            body::json(&call.body).map_err(|why| Refusal::bad(format!("Could not read verification params: {why}")))?;
        let email = filled(asked.email.as_ref())
            .ok_or_else(|| Refusal::unprocessable("Password recovery requires an email"))?;
        let aud = requested_audience(call, None);
        let done = Ok(Reply::json(StatusCode::OK, &json!({})));
        let mut transaction = self.store.write()?;
        let found = transaction.user_by_email(&aud, email)?;
        let wait =
            found.as_ref().and_then(|user| is_due_in(user.recovery_sent_at, self.settings.mail_interval(), call.now));
        if self.settings.hide_users && (found.is_none() || wait.is_some()) {
            drop(transaction);
            self.changes_nothing()?;
            return done;
        }
        let Some(mut user) = found else { return done };
        if let Some(wait) = wait {
            return Err(Refusal::Later(wait, "Rate limit exceeded, try again later"));
        }
        self.send(call, &mut user, Subject::Recovery)?;
        transaction.put_user(&user)?;
        note(&mut *transaction, call.now, actor(&user), Action::RecoveryRequested, None)?;
        transaction.commit()?;
        done
    }
}

/// How long it is until the time for another mail; `None` where it has come.
fn is_due_in(last: Option<Moment>, interval: Duration, now: Moment) -> Option<Duration> {
    interval.checked_sub(now.apart(last?)).filter(|wait| !wait.is_zero())
}

/// Whether the token that a user has out is too old.
pub(super) fn has_expired(user: &User, kind: MailKind, now: Moment) -> bool {
    let (sent, life) = match kind {
        // GoTrue forgets to look at the time of an invitation.
        MailKind::Confirmation => match user.confirmation_sent_at.max(user.invited_at) {
            sent if sent == user.invited_at => (sent, INVITE_LIFE),
            sent => (sent, MAIL_LIFE),
        },
        MailKind::Recovery => (user.recovery_sent_at, MAIL_LIFE),
        MailKind::EmailChange => (user.email_change_sent_at, MAIL_LIFE),
    };
    sent.is_none_or(|sent| now.apart(sent) >= life)
}

/// The user whose invitation has this token, if it is still good.
pub(super) fn invited(service: &Service, token: &str, now: Moment) -> Result<Option<User>, Fault> {
    let found = service.store.read()?.user_by_mail_token(MailKind::Confirmation, &digest(token))?;
    Ok(found.filter(|user| user.invited_at.is_some() && !has_expired(user, MailKind::Confirmation, now)))
}
