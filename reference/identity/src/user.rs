//! A user: what is stored, and what the clients see of it.

use rolegate::claims::roles_in;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::Moment;
use crate::secrets::TokenDigest;

/// A map of metadata.
pub type Metadata = Map<String, Value>;

/// A user as the store has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Who it is; never used again.
    pub id: Uuid,
    /// The audience; e-mail addresses are unique within one.
    pub aud: String,
    /// The role of the admin API; `admin` alone means something. It is not a role of the gate.
    pub role: String,
    /// The e-mail address as typed.
    pub email: String,
    /// The password's hash: Argon2id in PHC form, or bcrypt where it was imported.
    pub password: Option<String>,
    /// When the address was confirmed.
    pub confirmed_at: Option<Moment>,
    /// When the user was invited.
    pub invited_at: Option<Moment>,
    /// When the mail with the confirmation token was sent.
    pub confirmation_sent_at: Option<Moment>,
    /// When the mail with the recovery token was sent.
    pub recovery_sent_at: Option<Moment>,
    /// The address that the user wants to have.
    pub new_email: Option<String>,
    /// When the mail to that address was sent.
    pub email_change_sent_at: Option<Moment>,
    /// When the user last logged in.
    pub last_sign_in_at: Option<Moment>,
    /// What the operator says of the user, with the gate's roles under `roles`.
    pub app_metadata: Metadata,
    /// What the user says; `None` where nothing was ever said.
    pub user_metadata: Option<Metadata>,
    /// When the user was made.
    pub created_at: Moment,
    /// When anything of it last changed.
    pub updated_at: Moment,
    /// When `app_metadata` last changed; a token from before has the old roles.
    #[serde(default)]
    pub roles_changed_at: Option<Moment>,
    /// The mail tokens that are out, one of each kind.
    #[serde(default)]
    pub mail_tokens: MailTokens,
}

/// What a token that was mailed is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// Confirms an address, or accepts an invitation.
    Confirmation,
    /// Lets in who has forgotten the password.
    Recovery,
    /// Confirms a new address.
    EmailChange,
}

/// The digests of the mail tokens of one user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MailTokens {
    confirmation: Option<TokenDigest>,
    recovery: Option<TokenDigest>,
    email_change: Option<TokenDigest>,
}

impl MailTokens {
    /// The digest of the token that is out for this purpose.
    pub fn of(&self, kind: MailKind) -> Option<TokenDigest> {
        match kind {
            MailKind::Confirmation => self.confirmation,
            MailKind::Recovery => self.recovery,
            MailKind::EmailChange => self.email_change,
        }
    }

    /// Puts a token out; one that was out before for the same purpose is good no longer.
    pub fn set(&mut self, kind: MailKind, token: Option<TokenDigest>) {
        match kind {
            MailKind::Confirmation => self.confirmation = token,
            MailKind::Recovery => self.recovery = token,
            MailKind::EmailChange => self.email_change = token,
        }
    }

    /// All that are out.
    pub fn iter(&self) -> impl Iterator<Item = (MailKind, TokenDigest)> {
        [MailKind::Confirmation, MailKind::Recovery, MailKind::EmailChange]
            .into_iter()
            .filter_map(|kind| self.of(kind).map(|token| (kind, token)))
    }
}

impl User {
    /// A user with this address and nothing else.
    pub fn new(id: Uuid, aud: &str, email: &str, provider: &str, now: Moment) -> User {
        User {
            id,
            aud: aud.to_owned(),
            role: String::new(),
            email: email.to_owned(),
            password: None,
            confirmed_at: None,
            invited_at: None,
            confirmation_sent_at: None,
            recovery_sent_at: None,
            new_email: None,
            email_change_sent_at: None,
            last_sign_in_at: None,
            app_metadata: Metadata::from_iter([("provider".to_owned(), provider.into())]),
            user_metadata: None,
            created_at: now,
            updated_at: now,
            roles_changed_at: None,
            mail_tokens: MailTokens::default(),
        }
    }

    /// The roles that the gate will read in the user's next token.
    pub fn roles(&self) -> Vec<&str> {
        roles_in(self.app_metadata.get("roles")).collect()
    }

    /// Gives the user another address. A link that was mailed to the one before shows who reads that one, so it opens
    /// nothing any more.
    pub fn move_to(&mut self, email: String) {
        if folded(&email) != folded(&self.email) {
            self.mail_tokens = MailTokens::default();
        }
        self.mail_tokens.set(MailKind::EmailChange, None);
        self.new_email = None;
        self.email_change_sent_at = None;
        self.email = email;
    }

    /// Changes what the user says, key by key.
    pub fn merge_user_metadata(&mut self, changes: &Metadata) {
        merge(self.user_metadata.get_or_insert_default(), changes);
    }

    /// Changes what the operator says, key by key.
    pub fn merge_app_metadata(&mut self, changes: &Metadata, now: Moment) {
        let before = self.app_metadata.clone();
        merge(&mut self.app_metadata, changes);
        if before != self.app_metadata {
            self.roles_changed_at = Some(now);
        }
    }

    /// What the clients see: never a password, never a token.
    pub fn shown(&self) -> Shown<'_> {
        Shown {
            id: self.id.to_string(),
            aud: &self.aud,
            role: &self.role,
            email: &self.email,
            confirmed_at: time(self.confirmed_at),
            invited_at: time(self.invited_at),
            confirmation_sent_at: time(self.confirmation_sent_at),
            recovery_sent_at: time(self.recovery_sent_at),
            new_email: self.new_email.as_deref(),
            email_change_sent_at: time(self.email_change_sent_at),
            last_sign_in_at: time(self.last_sign_in_at),
            app_metadata: &self.app_metadata,
            user_metadata: self.user_metadata.as_ref(),
            created_at: self.created_at.to_string(),
            updated_at: self.updated_at.to_string(),
        }
    }
}

/// A user as the clients see one; the members stand in GoTrue's order.
#[derive(Debug, Serialize)]
pub struct Shown<'a> {
    id: String,
    aud: &'a str,
    role: &'a str,
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invited_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmation_sent_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_sent_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_change_sent_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sign_in_at: Option<String>,
    app_metadata: &'a Metadata,
    user_metadata: Option<&'a Metadata>,
    created_at: String,
    updated_at: String,
}

/// E-mail addresses that differ in nothing but case are one.
pub fn folded(email: &str) -> String {
    email.to_lowercase()
}

/// Whether a text has the form of an e-mail address, as HTML has it for `input type=email`: what can stand in a header
/// field of a mail without quoting.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= 254
        && !local.is_empty()
        && local.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte))
        && domain.split('.').all(is_label)
}

/// Keys that are given replace, `null` removes, what is not given stays.
fn merge(map: &mut Metadata, changes: &Metadata) {
    for (key, value) in changes {
        if value.is_null() {
            map.shift_remove(key);
        } else {
            map.insert(key.clone(), value.clone());
        }
    }
}

fn time(moment: Option<Moment>) -> Option<String> {
    moment.map(|moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses() {
        for good in ["a@b", "A.b+c@x.example", "o'neill@xn--bcher-kva.example"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b..c", "a@-b", "a@b-", "a@b\r\nX: y", "ä@b", "<a@b>"] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn metadata_merges_key_by_key() {
        let mut user = User::new(Uuid::nil(), "", "a@b", "email", Moment::from_seconds(1));
        assert_eq!(serde_json::to_value(user.shown()).unwrap()["user_metadata"], Value::Null);
        user.merge_user_metadata(json!({ "a": { "x": 1 }, "b": 2 }).as_object().unwrap());
        user.merge_user_metadata(json!({ "a": { "y": 1 }, "b": null, "c": 3 }).as_object().unwrap());
        assert_eq!(Value::Object(user.user_metadata.clone().unwrap()), json!({ "a": { "y": 1 }, "c": 3 }));
        user.merge_app_metadata(json!({ "provider": "email" }).as_object().unwrap(), Moment::from_seconds(2));
        assert_eq!(user.roles_changed_at, None);
        user.merge_app_metadata(json!({ "roles": ["admin", 3] }).as_object().unwrap(), Moment::from_seconds(2));
        assert_eq!(user.roles_changed_at, Some(Moment::from_seconds(2)));
        assert_eq!(user.roles(), ["admin"]);
    }

    #[test]
    fn a_user_is_shown_without_what_opens_anything() {
        let mut user = User::new(Uuid::nil(), "", "a@b", "email", Moment::from_seconds(1));
        user.password = Some("$argon2id$".to_owned());
        user.mail_tokens.set(MailKind::Recovery, Some([7; 32]));
        let shown = serde_json::to_string(&user.shown()).unwrap();
        assert_eq!(
            shown,
            r#"{"id":"00000000-0000-0000-0000-000000000000","aud":"","role":"","email":"a@b","app_metadata":{"provider":"email"},"user_metadata":null,"created_at":"1970-01-01T00:00:01.000000Z","updated_at":"1970-01-01T00:00:01.000000Z"}"#
        );
    }
}
