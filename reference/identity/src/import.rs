//! Users of a GoTrue export, with the hashes of their passwords.

use serde::Deserialize;
use uuid::Uuid;

use crate::Moment;
use crate::password::is_bcrypt;
use crate::secrets;
use crate::store::Store;
use crate::user::{Metadata, User, is_email};

/// A user as an export has one; the names of both the API and the table are read.
#[derive(Debug, Deserialize)]
struct Exported {
    id: Option<Uuid>,
    #[serde(default)]
    aud: String,
    #[serde(default)]
    role: String,
    email: String,
    encrypted_password: Option<String>,
    confirmed_at: Option<String>,
    #[serde(alias = "raw_app_meta_data")]
    app_metadata: Option<Metadata>,
    #[serde(alias = "raw_user_meta_data")]
    user_metadata: Option<Metadata>,
}

/// Takes in all users of a JSON list, or none of them; how many there are.
///
/// # Errors
/// What is wrong with the list, in words.
pub fn import(store: &dyn Store, text: &[u8], now: Moment) -> Result<usize, String> {
    let list: Vec<Exported> =
        serde_json::from_slice(text).map_err(|error| format!("this is no list of users ({error})"))?;
    let mut transaction = store.write().map_err(|fault| fault.to_string())?;
    for (place, exported) in list.iter().enumerate() {
        let number = place.saturating_add(1);
        if !is_email(&exported.email) {
            return Err(format!("user {number} has no e-mail address"));
        }
        let taken = transaction.user_by_email(&exported.aud, &exported.email).map_err(|fault| fault.to_string())?;
        if taken.is_some() {
            return Err(format!("user {number} has the address of a user who is here"));
        }
        let hash = exported.encrypted_password.clone().filter(|hash| !hash.is_empty());
        if hash.as_deref().is_some_and(|hash| !is_bcrypt(hash)) {
            return Err(format!("the password of user {number} is no bcrypt hash, which begins with `$2a$`"));
        }
        let id = match exported.id {
            Some(id) => id,
            None => secrets::id().map_err(|error| error.to_string())?,
        };
        if transaction.user(id).map_err(|fault| fault.to_string())?.is_some() {
            return Err(format!("user {number} has the id of a user who is here"));
        }
        let mut user = User::new(id, &exported.aud, &exported.email, "email", now);
        user.role.clone_from(&exported.role);
        user.password = hash;
        user.confirmed_at = exported.confirmed_at.as_deref().map(|time| moment(time).unwrap_or(now));
        if let Some(data) = &exported.app_metadata {
            user.app_metadata.clone_from(data);
        }
        user.user_metadata.clone_from(&exported.user_metadata);
        transaction.put_user(&user).map_err(|fault| fault.to_string())?;
    }
    transaction.commit().map_err(|fault| fault.to_string())?;
    Ok(list.len())
}

fn moment(text: &str) -> Option<Moment> {
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    u64::try_from(time.timestamp_micros()).ok().map(Moment::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::FileStore;

    #[test]
    fn all_or_none() {
        let store = FileStore::in_memory().unwrap();
        let now = Moment::from_seconds(1);
        let good = br#"[{"email":"a@b","encrypted_password":"$2a$10$x","confirmed_at":"2020-01-02T03:04:05Z","raw_app_meta_data":{"roles":["x"]}},{"email":"c@d"}]"#;
        assert_eq!(import(&store, good, now), Ok(2));
        let user = store.read().unwrap().user_by_email("", "A@B").unwrap().unwrap();
        assert_eq!((user.roles(), user.confirmed_at), (vec!["x"], Some(Moment::from_seconds(1_577_934_245))));
        for bad in [
            "{}",
            r#"[{"email":"new@b"},{"email":"a@b"}]"#,
            r#"[{"email":"new@b"},{"email":"new@b"}]"#,
            r#"[{"email":"new@b","encrypted_password":"plain"}]"#,
            r#"[{"email":"nonsense"}]"#,
        ] {
            assert!(import(&store, bad.as_bytes(), now).is_err(), "{bad}");
            assert_eq!(store.read().unwrap().user_count(""), Ok(2));
        }
    }
}
