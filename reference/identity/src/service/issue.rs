//! Access and refresh tokens as they are handed out.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Service;
use crate::cookie::{self, MAX_COOKIE};
use crate::refusal::Refusal;
use crate::secrets;
use crate::store::{Refresh, Writing};
use crate::user::User;
use crate::{Call, Moment, Reply};

/// A signed cookie of this length is told of before browsers begin to drop it.
const LONG_TOKEN: usize = MAX_COOKIE - 250;

/// The tokens of one log-in.
pub(super) struct Issued {
    pub(super) access: String,
    pub(super) refresh: String,
    life: u64,
}

impl Service {
    /// Fresh tokens for a user. They are good once the transaction is committed.
    pub(super) fn issue(&self, transaction: &mut dyn Writing, user: &User, now: Moment) -> Result<Issued, Refusal> {
        let refresh = secrets::token()?;
        self.put_refresh(transaction, user, &refresh, now)?;
        Ok(self.issued(user, refresh, now))
    }

    /// Stores a refresh token of a user.
    pub(super) fn put_refresh(
        &self,
        transaction: &mut dyn Writing,
        user: &User,
        refresh: &str,
        now: Moment,
    ) -> Result<(), Refusal> {
        let row = Refresh {
            user: user.id,
            created_at: now,
            access_until: self.access_until(now),
            revoked_at: None,
            roles: user.roles().into_iter().map(str::to_owned).collect(),
        };
        Ok(transaction.put_refresh(&secrets::digest(refresh), &row)?)
    }

    /// An access token for a user as it is now, beside a refresh token that is stored.
    pub(super) fn issued(&self, user: &User, refresh: String, now: Moment) -> Issued {
        let mut claims = Map::new();
        // A text, and none where there is none: a list would be refused by GoTrue's own clients.
        if !user.aud.is_empty() {
            claims.insert("aud".to_owned(), user.aud.clone().into());
        }
        claims.insert("exp".to_owned(), self.access_until(now).seconds().into());
        claims.insert("sub".to_owned(), user.id.to_string().into());
        claims.insert("email".to_owned(), user.email.clone().into());
        claims.insert("app_metadata".to_owned(), Value::Object(user.app_metadata.clone()));
        claims.insert("user_metadata".to_owned(), user.user_metadata.clone().map_or(Value::Null, Value::Object));
        let access = self.tokens.sign(&claims);
        if access.len() > LONG_TOKEN {
            tracing::warn!(
                user = %user.id,
                bytes = access.len(),
                "the token is near the 4096 bytes that a cookie may have; browsers drop a longer one without a word: \
                 shorten the metadata of the user"
            );
        }
        Issued { access, refresh, life: self.settings.token_life.as_secs() }
    }

    fn access_until(&self, now: Moment) -> Moment {
        Moment::from_seconds(now.seconds()).after(self.settings.token_life)
    }

    /// The answer with the tokens, and the cookie where it is due.
    pub(super) fn token_reply(&self, call: &Call, issued: &Issued) -> Reply {
        let document = json!({
            "access_token": issued.access,
            "token_type": "bearer",
            "expires_in": issued.life,
            "refresh_token": issued.refresh,
        });
        cookie::set(Reply::json(StatusCode::OK, &document), call, &self.settings, &issued.access)
    }
}

impl Issued {
    /// The fragment with which a browser comes back from an external log-in.
    pub(super) fn fragment(&self) -> String {
        let Issued { access, refresh, life } = self;
        format!("access_token={access}&expires_in={life}&refresh_token={refresh}&token_type=bearer")
    }
}
