//! Why the service does not do what it was asked to, in GoTrue's words.

use std::time::Duration;

use http::StatusCode;
use http::header::RETRY_AFTER;
use serde_json::json;

use crate::hooks::HookFault;
use crate::password::PasswordFault;
use crate::secrets::{NoRandomness, hex_digest};
use crate::store::Fault;
use crate::{Moment, Reply, cookie};

/// There is no token, where one is asked for.
pub(crate) const NO_BEARER: &str = "This endpoint requires a Bearer token";
/// Accounts are by invitation alone.
pub(crate) const NO_SIGN_UPS: &str = "Signups not allowed for this instance";
/// Another account has the address.
pub(crate) const TAKEN: &str = "Email address already registered by another user";

/// A refusal; [`Refusal::reply`] puts it into GoTrue's two shapes of errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `{"code":N,"msg":"…"}`
    Message(StatusCode, String),
    /// The same with 429 (RFC 6585 §4), and how long to wait.
    Later(Duration, &'static str),
    /// The same with 401, and the cookie is cleared: the token that came is good for nothing.
    Unauthorized(String),
    /// The user is gone, and the cookie with it.
    NoUser,
    /// `{"error":"…","error_description":"…"}` with 400 (RFC 6749 §5.2).
    Grant {
        /// The code.
        error: &'static str,
        /// The sentence; left out where it is empty.
        description: &'static str,
        /// Whether the cookie is cleared.
        clears: bool,
    },
    /// Something of ours fails. The reason goes into the log, not to the visitor.
    Inner(String),
}

impl Refusal {
    /// 400
    pub fn bad(message: impl Into<String>) -> Refusal {
        Refusal::Message(StatusCode::BAD_REQUEST, message.into())
    }

    /// 422
    pub fn unprocessable(message: impl Into<String>) -> Refusal {
        Refusal::Message(StatusCode::UNPROCESSABLE_ENTITY, message.into())
    }

    /// `invalid_grant` with this sentence.
    pub fn grant(description: &'static str) -> Refusal {
        Refusal::Grant { error: "invalid_grant", description, clears: false }
    }

    /// The same, and the cookie is cleared.
    pub fn ended(description: &'static str) -> Refusal {
        Refusal::Grant { error: "invalid_grant", description, clears: true }
    }

    /// The answer.
    pub fn reply(self, now: Moment) -> Reply {
        match self {
            Refusal::Message(status, message) => Reply::error(status, &message),
            Refusal::Later(wait, message) => {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Reply::error(StatusCode::TOO_MANY_REQUESTS, message).with(RETRY_AFTER, &seconds.to_string())
            }
            Refusal::Unauthorized(message) => cookie::clear(Reply::error(StatusCode::UNAUTHORIZED, &message), now),
            Refusal::NoUser => cookie::clear(Reply::error(StatusCode::NOT_FOUND, "User not found"), now),
            Refusal::Grant { error, description, clears } => {
                let document = match description {
                    "" => json!({ "error": error }),
                    _ => json!({ "error": error, "error_description": description }),
                };
                let reply = Reply::json(StatusCode::BAD_REQUEST, &document);
                if clears { cookie::clear(reply, now) } else { reply }
            }
            Refusal::Inner(why) => {
                let digest = hex_digest(format!("{} {why}", now.micros()).as_bytes());
                let id = digest.get(..16).unwrap_or_default();
                tracing::error!(id, why, "the identity service fails");
                Reply::json(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    &json!({ "code": 500, "msg": "Internal Server Error", "error_id": id }),
                )
            }
        }
    }

    /// The name and the sentence of this refusal in the fragment that a browser is sent back with (RFC 6749 §4.1.2.1).
    pub fn in_fragment(&self) -> (&str, &str) {
        match self {
            Refusal::Message(status, message) => {
                let error = match status.as_u16() {
                    400 => "invalid_request",
                    401 => "unauthorized_client",
                    403 => "access_denied",
                    503 => "temporarily_unavailable",
                    _ => "server_error",
                };
                (error, message)
            }
            Refusal::Later(_, message) => ("server_error", message),
            Refusal::Unauthorized(message) => ("unauthorized_client", message),
            Refusal::NoUser => ("server_error", "User not found"),
            Refusal::Grant { error, description, .. } => (error, description),
            Refusal::Inner(_) => ("server_error", "Internal Server Error"),
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        Refusal::Inner(fault.to_string())
    }
}

impl From<NoRandomness> for Refusal {
    fn from(fault: NoRandomness) -> Refusal {
        Refusal::Inner(fault.to_string())
    }
}

impl From<PasswordFault> for Refusal {
    fn from(fault: PasswordFault) -> Refusal {
        match fault {
            PasswordFault::Busy => Refusal::Later(Duration::from_secs(1), "Too many log-ins at once, try again later"),
            PasswordFault::Failed => Refusal::Inner(fault.to_string()),
        }
    }
}

/// The refusal of an event function that did not accept.
pub fn of_hook(event: &str, fault: HookFault) -> Refusal {
    tracing::warn!(event, ?fault, "the event function did not accept");
    match fault {
        HookFault::Unreachable => Refusal::Message(StatusCode::BAD_GATEWAY, format!("Failed to reach {event} webhook")),
        HookFault::TooSlow => {
            Refusal::Message(StatusCode::GATEWAY_TIMEOUT, "Failed to perform webhook in time frame (5s)".to_owned())
        }
        HookFault::Refused(_) => Refusal::unprocessable(format!("Failed to handle {event} webhook")),
    }
}
