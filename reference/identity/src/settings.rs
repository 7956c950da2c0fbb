//! What the operator says of the service, in `identity.toml` beside the store.

use std::collections::BTreeMap;
use std::time::Duration;

use rolegate::request::Origin;
use serde::{Deserialize, Deserializer};

use crate::hooks::{Event, Target};
use crate::password::Cost;

/// A used refresh token is in two hands; for longer than that nobody needs it.
const LONGEST_GRACE: Duration = Duration::from_secs(60);

/// The providers that GoTrue knows, in the order in which `/settings` tells them.
pub const PROVIDERS: [&str; 5] = ["bitbucket", "github", "gitlab", "google", "facebook"];

/// How the service behaves. What is not said is as [`Settings::default`] has it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether an address counts as confirmed at once, without a mail.
    pub autoconfirm: bool,
    /// Whether there are accounts with a password. Without, who has one comes in by a provider.
    pub email: bool,
    /// Whether only those who are invited can have an account.
    pub disable_signup: bool,
    /// Whether everything is as GoTrue does it where that is a known nuisance: no grace for refresh tokens, no cookie that
    /// was not asked for, no second mail within 15 minutes, successful calls of `/token` count for the limit.
    pub strict: bool,
    /// How long an access token is good.
    #[serde(deserialize_with = "seconds")]
    pub token_life: Duration,
    /// Who gets the cookie `nf_jwt` from the server.
    pub cookie: CookieMode,
    /// The path of the page that the links in mails open. It has to load the widget.
    pub mail_path: String,
    /// Whether `/signup`, `/recover` and `/token` hide whether an address has an account. GoTrue tells.
    pub hide_users: bool,
    /// The external providers that are stood in for, such as `github`.
    pub providers: Vec<String>,
    /// The label of the button for SAML; there is no SAML.
    pub external_labels: BTreeMap<String, String>,
    /// Where visitors go after an external login, if not back to the page they came from.
    pub redirect_url: Option<String>,
    /// Origins of other hosts whose pages may use the service and Git Gateway, such as `http://localhost:3000`.
    pub cors_origins: Vec<String>,
    /// How many failed calls of `/token` an address may make at once; as many come back within five minutes. 0 is no limit.
    pub token_attempts: u32,
    /// How long a used refresh token still gives the same successor.
    #[serde(deserialize_with = "seconds")]
    pub refresh_grace: Duration,
    /// The URLs of event functions, by event.
    pub hooks: Hooks,
    /// What a password hash costs; not for the operator to say.
    #[serde(skip)]
    pub password_cost: Cost,
}

/// The URLs of event functions; on this machine alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hooks {
    /// Asked before a user is made.
    pub validate: Option<String>,
    /// Asked when a user is confirmed.
    pub signup: Option<String>,
    /// Asked at every log-in.
    pub login: Option<String>,
    /// Told when an admin has changed a user.
    pub usermodified: Option<String>,
    /// Told when an admin has removed a user.
    pub userdeleted: Option<String>,
}

impl Hooks {
    /// The URL of an event's function, if there is one.
    pub fn of(&self, event: Event) -> Option<&str> {
        let url = match event {
            Event::Validate => &self.validate,
            Event::Signup => &self.signup,
            Event::Login => &self.login,
            Event::UserModified => &self.usermodified,
            Event::UserDeleted => &self.userdeleted,
        };
        url.as_deref()
    }
}

/// Who gets the cookie `nf_jwt` from the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CookieMode {
    /// Who sends `X-Use-Cookie`, as with GoTrue.
    Asked,
    /// Also who comes by `localhost` or a loopback address, where the widget sends no `X-Use-Cookie`: a cookie that scripts
    /// can read and replace, since `@netlify/identity` logs out where it cannot.
    #[default]
    Always,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            autoconfirm: false,
            email: true,
            disable_signup: false,
            strict: false,
            token_life: Duration::from_secs(3600),
            cookie: CookieMode::default(),
            mail_path: "/".to_owned(),
            hide_users: false,
            providers: Vec::new(),
            external_labels: BTreeMap::new(),
            redirect_url: None,
            cors_origins: Vec::new(),
            token_attempts: 30,
            refresh_grace: Duration::from_secs(10),
            hooks: Hooks::default(),
            password_cost: Cost::default(),
        }
    }
}

impl Settings {
    /// Reads `identity.toml`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(text: &str) -> Result<Settings, String> {
        let settings: Settings = toml::from_str(text).map_err(|error| error.to_string())?;
        settings.check()?;
        Ok(settings)
    }

    /// # Errors
    /// What cannot be meant.
    pub fn check(&self) -> Result<(), String> {
        if let Some(unknown) = self.providers.iter().find(|provider| !PROVIDERS.contains(&provider.as_str())) {
            return Err(format!("there is no provider `{unknown}`; write one of {}", PROVIDERS.join(", ")));
        }
        if !is_path(&self.mail_path) {
            return Err(format!("`{}` is no path of the site; write one such as `/welcome`", self.mail_path));
        }
        if let Some(url) = self.redirect_url.as_ref().filter(|url| !is_path(url) && !is_url(url)) {
            return Err(format!("`redirect_url` is a path such as `/welcome` or a URL of the web, and not `{url}`"));
        }
        // A page that is put into a frame without an origin says `null`, whosever it is.
        if let Some(other) = self.cors_origins.iter().find(|origin| !is_origin(origin)) {
            return Err(format!(
                "`cors_origins`: `{other}` is no origin as browsers send it; write each one, such as `http://localhost:3000`"
            ));
        }
        if self.refresh_grace > LONGEST_GRACE {
            return Err("`refresh_grace` is a minute at most; write seconds".to_owned());
        }
        if self.token_life < Duration::from_secs(1) || self.token_life > Duration::from_secs(7 * 24 * 3600) {
            return Err("`token_life` lies between one second and a week; write seconds".to_owned());
        }
        let events = [Event::Validate, Event::Signup, Event::Login, Event::UserModified, Event::UserDeleted];
        events.into_iter().filter_map(|event| self.hooks.of(event)).try_for_each(|url| Target::read(url).map(drop))
    }

    /// The grace of refresh tokens that is in force.
    pub fn grace(&self) -> Duration {
        if self.strict { Duration::ZERO } else { self.refresh_grace }
    }

    /// How long after a mail the next of its kind is sent.
    pub fn mail_interval(&self) -> Duration {
        if self.strict { Duration::from_secs(15 * 60) } else { Duration::ZERO }
    }
}

/// What can stand in a line of a mail or of a head, and takes a fragment behind it.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\'))
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && !text.starts_with("//") && is_plain(text)
}

fn is_url(text: &str) -> bool {
    let rest = ["http://", "https://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')) && is_plain(text)
}

/// Whether this is an origin in the one form in which browsers send it: in lower case, without a slash, and without the port
/// that its scheme has anyway.
fn is_origin(text: &str) -> bool {
    Origin::parse(text).is_some_and(|origin| origin.to_string() == text)
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings() {
        assert_eq!(Settings::read("").unwrap(), Settings::default());
        let read = Settings::read("autoconfirm = true\ntoken_life = 65\nproviders = ['github']\ncookie = 'asked'\n[hooks]\nsignup = 'http://127.0.0.1:9/x'").unwrap();
        assert!(read.autoconfirm);
        assert_eq!((read.token_life, read.cookie), (Duration::from_secs(65), CookieMode::Asked));
        for good in [
            "mail_path = '/welcome?a=b%20c'",
            "redirect_url = '/welcome'",
            "redirect_url = 'https://site.example'",
            "cors_origins = ['http://localhost:3000', 'https://site.example']",
            "refresh_grace = 60",
        ] {
            assert!(Settings::read(good).is_ok(), "{good}");
        }
        for bad in [
            "autoconfrim = true",
            "providers = ['myspace']",
            "mail_path = 'x'",
            "mail_path = '//evil.example'",
            "mail_path = '/a b'",
            "mail_path = \"/a\\n\"",
            "redirect_url = 'javascript:alert(1)'",
            "redirect_url = 'welcome'",
            "redirect_url = 'https://site.example/#x'",
            "cors_origins = ['*']",
            "cors_origins = ['null']",
            "cors_origins = ['http://localhost:3000/']",
            "cors_origins = ['http://localhost:80']",
            "cors_origins = ['http://LOCALHOST:3000']",
            "cors_origins = ['localhost:3000']",
            "refresh_grace = 61",
            "token_life = 0",
            "[hooks]\nlogin = 'http://192.0.2.1/x'",
            "[hooks]\nlogin = 'https://127.0.0.1/x'",
        ] {
            assert!(Settings::read(bad).is_err(), "{bad}");
        }
    }
}
