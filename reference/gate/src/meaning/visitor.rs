//! Who asks: nobody known, the holder of a verified token, or the bearer of one that did not verify.

use crate::claims::{Claims, Roles};
use crate::cookie;
use crate::token::{self, Keys, Time, TokenError, TokenSettings};

/// The visitor behind a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visitor {
    /// No token was sent, or two different ones (COOKIE-3).
    Anonymous,
    /// A token was sent and verified; these are its roles, of which there may be none.
    Holder(Roles),
    /// A token was sent and did not verify. TOKEN-10: treated exactly like [`Visitor::Anonymous`].
    Rejected(TokenError),
}

impl Visitor {
    /// A visitor with these roles, as if a valid token had named them; for explanations and tests.
    pub fn with_roles<R: Into<String>>(roles: impl IntoIterator<Item = R>) -> Visitor {
        Visitor::Holder(Roles::new(roles))
    }

    /// The roles of a verified token; `None` for everybody else.
    pub fn roles(&self) -> Option<&Roles> {
        match self {
            Visitor::Holder(roles) => Some(roles),
            Visitor::Anonymous | Visitor::Rejected(_) => None,
        }
    }
}

/// The visitor that the `Cookie` lines of a request speak of.
///
/// Without any key no token verifies, and every sent token is [`Visitor::Rejected`].
pub fn identify<'a>(
    cookie_lines: impl IntoIterator<Item = &'a [u8]>,
    keys: &Keys,
    settings: &TokenSettings,
    now: Time,
) -> Visitor {
    identify_by(cookie_lines, settings, |token| token::verify(token, keys, settings, now))
}

/// The visitor that the `Cookie` lines of a request speak of, by whoever verifies tokens: a caller that remembers what it
/// has verified asks its memory first.
pub fn identify_by<'a>(
    cookie_lines: impl IntoIterator<Item = &'a [u8]>,
    settings: &TokenSettings,
    verify: impl FnOnce(&'a [u8]) -> Result<Claims, TokenError>,
) -> Visitor {
    // COOKIE-1, COOKIE-3
    let Some(token) = cookie::token(cookie_lines) else {
        return Visitor::Anonymous;
    };
    match verify(token) {
        Ok(claims) => Visitor::Holder(claims.roles(&settings.role_path)),
        Err(why) => Visitor::Rejected(why),
    }
}
