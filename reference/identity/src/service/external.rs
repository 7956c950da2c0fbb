//! External log-in, with a page that stands in for the provider.
//!
//! `/authorize` sends the browser to the provider, the provider sends it to `/callback`, and from there it goes back to the
//! site with tokens in the fragment. Here the provider is a page of this service, on which a person says who they are; so
//! everything around it can be tried without internet and without secrets. It believes whatever it is told.

use http::StatusCode;
use maud::{DOCTYPE, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::issue::Issued;
use super::{Action, Answer, PREFIX, Service, actor, checked_email, note};
use crate::body::Form;
use crate::hooks::Event;
use crate::mail::Subject;
use crate::refusal::{NO_SIGN_UPS, Refusal};
use crate::secrets;
use crate::user::{MailKind, User, folded};
use crate::{Call, Moment, Reply};

/// How long a person may take at the provider, in seconds.
const PATIENCE: u64 = 300;

/// What the provider says of the person.
struct Person {
    email: String,
    name: String,
    is_verified: bool,
}

impl Service {
    pub(super) fn authorize(&self, call: &Call) -> Answer {
        let query = Form::read(&call.query);
        let provider = query.field("provider").unwrap_or_default().to_lowercase();
        if !self.settings.providers.contains(&provider) {
            return Err(Refusal::bad(format!("Unsupported provider: Provider {provider} could not be found")));
        }
        let invite = query.filled("invite_token");
        if let Some(token) = invite
            && super::public::invited(self, token, call.now)?.is_none()
        {
            return Err(Refusal::Message(StatusCode::NOT_FOUND, "User not found".to_owned()));
        }
        let mut claims = self.signed_for(call.now, "state");
        claims.insert("provider".to_owned(), provider.into());
        claims.insert("referrer".to_owned(), self.way_back(call).into());
        claims.extend(invite.map(|token| ("invite_token".to_owned(), token.into())));
        let state = self.tokens.sign(&claims);
        Ok(Reply::found(&format!("{}{PREFIX}/stand-in?state={state}", call.origin)))
    }

    /// The page on which a person says who they are.
    pub(super) fn stand_in_page(&self, call: &Call) -> Answer {
        let query = Form::read(&call.query);
        let state = query.field("state").unwrap_or_default();
        let claims = self.state(state, call.now)?;
        let provider = text(&claims, "provider");
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { "Sign in with " (provider) " (stand-in)" }
                    style { (maud::PreEscaped(crate::page::STYLE)) }
                }
                body {
                    main.narrow {
                        h1 { "Sign in with " (provider) }
                        p { "This page stands in for " (provider) " on this machine. Nothing leaves it, and what you say here is believed." }
                        form method="post" action={ (PREFIX) "/stand-in" } {
                            input type="hidden" name="state" value=(state);
                            label { "E-mail address" input type="email" name="email" required value="user@example.com"; }
                            label { "Full name" input name="name" value="A User"; }
                            label.check { input type="checkbox" name="verified" value="yes" checked; " The provider has verified the address" }
                            div.row {
                                button name="answer" value="allow" { "Sign in" }
                                button.plain name="answer" value="deny" formnovalidate { "Deny" }
                            }
                        }
                    }
                }
            }
        };
        Ok(crate::page::guarded(Reply::html(StatusCode::OK, page.into_string())))
    }

    /// What the person said, on the way back.
    pub(super) fn stand_in(&self, call: &Call) -> Answer {
        let form = Form::body(call);
        let state = form.field("state").unwrap_or_default();
        self.state(state, call.now)?;
        let back = format!("{}{PREFIX}/callback?state={state}", call.origin);
        if form.field("answer") != Some("allow") {
            return Ok(see_other(&format!("{back}&error=access_denied&error_description=403")));
        }
        let mut claims = self.signed_for(call.now, "code");
        for name in ["email", "name", "verified"] {
            claims.insert(name.to_owned(), form.field(name).unwrap_or_default().into());
        }
        Ok(see_other(&format!("{back}&code={}", self.tokens.sign(&claims))))
    }

    pub(super) fn callback(&self, call: &Call) -> Answer {
        let query = Form::read(&call.query);
        let state = self.state(query.field("state").unwrap_or_default(), call.now)?;
        let back = match text(&state, "referrer") {
            "" => format!("{}/", call.origin),
            referrer => referrer.to_owned(),
        };
        if let Some(error) = query.filled("error") {
            return Ok(failed(&back, error, query.field("error_description").unwrap_or_default()));
        }
        match self.enter(call, &query, &state) {
            Ok(Some(issued)) => Ok(Reply::found(&format!("{back}#{}", issued.fragment()))),
            // A mail is on its way.
            Ok(None) => Ok(Reply::found(&back)),
            Err(refusal @ Refusal::Inner(_)) => {
                let reply = failed(&back, refusal.in_fragment().0, refusal.in_fragment().1);
                // For the log.
                drop(refusal.reply(call.now));
                Ok(reply)
            }
            Err(refusal) => {
                let (error, description) = refusal.in_fragment();
                Ok(failed(&back, error, description))
            }
        }
    }

    /// The tokens of the person that a code stands for; `None` where the address has to be confirmed first.
    fn enter(&self, call: &Call, query: &Form, state: &Map<String, Value>) -> Result<Option<Issued>, Refusal> {
        let code = query.field("code").unwrap_or_default();
        let said = self
            .tokens
            .read(code, call.now)
            .ok()
            .filter(|claims| text(claims, "kind") == "code")
            .ok_or_else(|| Refusal::bad("The code of the provider is not valid"))?;
        let person = Person {
            email: checked_email(Some(text(&said, "email")))?.to_owned(),
            name: text(&said, "name").to_owned(),
            is_verified: text(&said, "verified") == "yes",
        };
        let provider = text(state, "provider");
        let invited = match text(state, "invite_token") {
            "" => None,
            token => Some(
                super::public::invited(self, token, call.now)?
                    .ok_or_else(|| Refusal::Message(StatusCode::NOT_FOUND, "User not found".to_owned()))?,
            ),
        };
        if invited.as_ref().is_some_and(|user| folded(&user.email) != folded(&person.email)) {
            return Err(Refusal::bad("Invited email does not match emails from external provider"));
        }
        let is_invited = invited.is_some();
        // An address that nobody has verified is not taken for that of a user who is there.
        let known = self.store.read()?.user_by_email("", &person.email)?.filter(|_| person.is_verified);
        let found = invited.or(known);
        let is_new = found.is_none();
        let said = |mut user: User| {
            let named = json!({ "full_name": person.name });
            user.merge_user_metadata(named.as_object().unwrap_or(&Map::new()));
            user.app_metadata.insert("provider".to_owned(), provider.into());
            user
        };
        let mut user = match found {
            Some(user) if is_invited => said(user),
            Some(user) => user,
            None if self.settings.disable_signup => {
                return Err(Refusal::Message(StatusCode::FORBIDDEN, NO_SIGN_UPS.to_owned()));
            }
            None => said(User::new(secrets::id()?, "", &person.email, provider, call.now)),
        };
        if is_new {
            self.ask(Event::Validate, &user, call.now)?.apply(&mut user, call.now);
        }
        let enters = user.confirmed_at.is_some() || person.is_verified || is_invited || self.settings.autoconfirm;
        let mut changes = Vec::new();
        let confirmation = (enters && user.confirmed_at.is_none()).then_some(Event::Signup);
        for event in confirmation.into_iter().chain(enters.then_some(Event::Login)) {
            let answered = self.ask(event, &user, call.now)?;
            answered.apply(&mut user, call.now);
            changes.push(answered);
        }
        let mut transaction = self.store.write()?;
        if !is_new {
            let stored = transaction.user(user.id)?.ok_or(Refusal::NoUser)?;
            // An invitation is good once.
            if is_invited && stored.mail_tokens != user.mail_tokens {
                return Err(Refusal::NoUser);
            }
            user = if is_invited { said(stored) } else { stored };
            changes.iter().for_each(|changes| changes.apply(&mut user, call.now));
        }
        let confirms = enters && user.confirmed_at.is_none();
        if confirms {
            // Whoever chose it has not shown that the address is theirs.
            user.password = None;
            user.confirmed_at = Some(call.now);
            user.mail_tokens.set(MailKind::Confirmation, None);
        }
        if enters {
            user.last_sign_in_at = Some(call.now);
        } else {
            self.send(call, &mut user, Subject::Confirmation)?;
        }
        user.updated_at = call.now;
        self.is_free(&*transaction, &user.aud, &user.email, user.id)?;
        transaction.put_user(&user)?;
        if confirms {
            let action = if is_invited { Action::InviteAccepted } else { Action::UserSignedUp };
            note(&mut *transaction, call.now, actor(&user), action, Some(json!({ "provider": provider })))?;
        }
        let issued = if enters {
            let traits = Some(json!({ "provider": provider }));
            note(&mut *transaction, call.now, actor(&user), Action::Login, traits)?;
            Some(self.issue(&mut *transaction, &user, call.now)?)
        } else {
            None
        };
        transaction.commit()?;
        Ok(issued)
    }

    /// The page that a visitor comes back to: what the operator says, or the page they come from if it is one of this site.
    fn way_back(&self, call: &Call) -> String {
        if let Some(url) = &self.settings.redirect_url {
            return url.clone();
        }
        let referrer = call.header("referer").map(|url| url.split_once('#').map_or(url, |(url, _)| url));
        let own = referrer.filter(|url| url.strip_prefix(&call.origin).is_some_and(|rest| rest.starts_with('/')));
        own.map_or_else(|| format!("{}/", call.origin), str::to_owned)
    }

    fn signed_for(&self, now: Moment, kind: &str) -> Map<String, Value> {
        let mut claims = Map::new();
        claims.insert("exp".to_owned(), now.seconds().saturating_add(PATIENCE).into());
        claims.insert("kind".to_owned(), kind.into());
        claims
    }

    fn state(&self, state: &str, now: Moment) -> Result<Map<String, Value>, Refusal> {
        let claims =
            self.tokens.read(state, now).map_err(|why| Refusal::bad(format!("OAuth state is invalid: {why}")))?;
        if text(&claims, "kind") == "state" {
            Ok(claims)
        } else {
            Err(Refusal::bad("OAuth state is invalid: it is another token"))
        }
    }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> &'a str {
    claims.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn failed(back: &str, error: &str, description: &str) -> Reply {
    let [error, description] = [error, description].map(|text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string());
    // The widget looks for `access_denied` to the letter, and percent-decodes what it finds.
    let error = error.replace("%5F", "_");
    Reply::found(&format!("{back}#error={error}&error_description={description}"))
}

/// Another page, to be asked for with GET.
fn see_other(location: &str) -> Reply {
    Reply { status: StatusCode::SEE_OTHER, ..Reply::found(location) }
}
