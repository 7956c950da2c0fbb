//! What the pages of this crate look like, and what guards them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use sha2::{Digest as _, Sha256};

use crate::Reply;

/// The style of every page.
pub const STYLE: &str = include_str!("page.css");

/// The same with nothing allowed in the page but its own style and forms.
pub fn guarded(reply: Reply) -> Reply {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    reply
        .with(CONTENT_SECURITY_POLICY, &policy)
        // With `no-referrer` a browser would send `Origin: null` with the page's own forms.
        .with(REFERRER_POLICY, "same-origin")
        .with(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .with(HeaderName::from_static("cross-origin-resource-policy"), "same-origin")
        .with(HeaderName::from_static("cross-origin-opener-policy"), "same-origin")
}
