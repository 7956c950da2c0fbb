//! Why a request target or a token is refused, in words.

use std::fmt;

/// Why a request target has no safe canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    /// FRONT-1, FRONT-3: another server would read another path, or other parameters.
    #[error("another server may read another path or other parameters here: {0}")]
    Ambiguous(Ambiguity),
    /// The host of a target in absolute form is empty, or holds a character that no host has.
    #[error("the host in the request target is not valid")]
    Authority,
    /// A raw or encoded `\`, which some readers take for a slash.
    #[error("the path holds a backslash")]
    Backslash,
    /// A raw control character, or an encoded one in the path.
    #[error("the request target holds a control character")]
    Control,
    /// `%2F`, which would change the segments.
    #[error("the path holds an encoded slash")]
    EncodedSlash,
    /// `%` without two hexadecimal digits after it.
    #[error("the path holds a `%` that starts no escape")]
    Escape,
    /// The target is neither a path nor an `http` or `https` URL: `*`, `admin`, `host:443`, nothing.
    #[error("the request target is neither a path nor an `http` URL")]
    Form,
    /// `#`, which no request target has.
    #[error("the request target holds a fragment")]
    Fragment,
    /// The decoded path is not UTF-8.
    #[error("the path is not UTF-8")]
    NotUtf8,
    /// The target is over [`MAX_TARGET`](crate::path::MAX_TARGET) bytes.
    #[error("the request target is over 8 KiB")]
    TooLong,
    /// User information before the host of a target in absolute form (RFC 9110 §4.2.4).
    #[error("the request target holds user information")]
    UserInfo,
}

impl Refused {
    /// The status that says so: 414 for an over-long target, 400 for everything else.
    pub fn status(self) -> u16 {
        match self {
            Refused::TooLong => 414,
            _ => 400,
        }
    }
}

/// What in a request target is read in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Ambiguity {
    /// `%3F` or `%23`, where whoever reads the decoded path again ends it.
    #[error("an escaped `?` or `#`")]
    Delimiter,
    /// `.` or `..`: resolved before slashes are merged, after it, or not at all.
    #[error("a `.` or `..` between slashes")]
    Dots,
    /// `//`: merged, kept, or taken for the beginning of a host.
    #[error("an empty segment, `//`")]
    Empty,
    /// Decoded, the text holds an escape again.
    #[error("an escape of an escape")]
    EscapedTwice,
    /// An escape in lower case (RFC 3986 §6.2.2.1).
    #[error("an escape in lower case")]
    LowerCase,
    /// An escape of a letter, digit, `-`, `.`, `_` or `~` (RFC 3986 §6.2.2.2).
    #[error("an escape of a character that needs none")]
    Needless,
    /// FRONT-3: a parameter that a rule names, sent twice, or spelled so that servers read different things.
    #[error(
        "a query parameter that a rule for this path names comes twice, or in a spelling that servers read in several ways; send it once, as `name=value`"
    )]
    Named,
    /// A byte that no URL holds unescaped: UTF-8 for some, Latin-1 for others.
    #[error("an unescaped character that is not ASCII")]
    NotAscii,
    /// `;`, from which on some drop the segment.
    #[error("a `;`")]
    Parameter,
    /// White space at an end of a segment, or a dot at its last, which some file systems drop; a character that nobody sees, or
    /// that some read as a delimiter.
    #[error(
        "a dot or white space at the end of a segment, a character that nobody sees, or one that reads as a delimiter"
    )]
    Tail,
    /// A target in absolute form that has no path.
    #[error("no `/` behind the host")]
    Unrooted,
}

/// Why a token is not valid. TOKEN-11: for trusted channels only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// `alg` is missing, no string, or not exactly the algorithm of a configured key.
    #[error("the algorithm is not one that a configured key is for")]
    Algorithm,
    /// There is no `kid`, and several keys serve the algorithm.
    #[error("the header does not name its key, and several keys serve its algorithm")]
    AmbiguousKey,
    /// `aud` is missing, or holds none of the configured audiences.
    #[error("the token is for another audience")]
    Audience,
    /// A part is not base64url without padding, or has non-zero trailing bits.
    #[error("the {0} is not base64url")]
    Base64(Part),
    /// `b64` is present and not `true` (RFC 7797).
    #[error("the header asks for an unencoded payload")]
    UnencodedPayload,
    /// `crit` is present; no extension is understood (RFC 7515 §4.1.11).
    #[error("the header names critical extensions")]
    Critical,
    /// Two members of one object have the same name.
    #[error("the {0} holds a member name twice")]
    DuplicateName(Part),
    /// The time is at or after `exp`.
    #[error("the token has expired")]
    Expired,
    /// `iss` is missing, or not the configured issuer.
    #[error("the token is from another issuer")]
    Issuer,
    /// `exp` is missing.
    #[error("the token has no expiration time")]
    MissingExpiration,
    /// `typ` is missing.
    #[error("the token has no type")]
    MissingType,
    /// A part is no JSON text in UTF-8, or is nested too deep.
    #[error("the {0} is not JSON")]
    NotJson(Part),
    /// `exp` or `nbf` is no number.
    #[error("`{0}` is not a number of seconds")]
    NotNumericDate(&'static str),
    /// A part is JSON and no object.
    #[error("the {0} is not a JSON object")]
    NotObject(Part),
    /// No key to verify with is configured.
    #[error("no key to verify tokens is configured")]
    NoKey,
    /// The time is before `nbf`.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The parts are not three.
    #[error("the token does not have three parts")]
    Parts,
    /// The signature is not that of the key over the received bytes.
    #[error("the signature does not verify")]
    Signature,
    /// The token is over [`MAX_TOKEN`](crate::token::MAX_TOKEN) bytes.
    #[error("the token is over 8 KiB")]
    TooLong,
    /// No configured key has the `kid` of the header.
    #[error("the header names a key that is not configured")]
    UnknownKey,
    /// `typ` is present and neither `JWT` nor `application/jwt`.
    #[error("the token is of another type than `JWT`")]
    Type,
}

/// A part of a token in compact serialization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The JOSE header.
    Header,
    /// The claims.
    Payload,
    /// The signature.
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Header => "header",
            Part::Payload => "payload",
            Part::Signature => "signature",
        })
    }
}
