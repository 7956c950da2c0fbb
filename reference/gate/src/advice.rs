//! What a person can do about a token that is not valid.

use crate::token::{Part, TokenError};

impl TokenError {
    /// What to do about it, in a sentence for whoever runs the gate. TOKEN-11: for trusted channels only.
    pub fn advice(&self) -> &'static str {
        match self {
            TokenError::Algorithm => {
                "a secret serves HS256 alone, and a public key the one algorithm that it is for; sign with that, or give the gate the key of the algorithm (--public-key, --jwks, --algorithm)"
            }
            TokenError::AmbiguousKey => {
                "let the issuer write `kid` into the header, or give the gate one key for each algorithm"
            }
            TokenError::Audience => {
                "compare `aud` with --audience, letter for letter; a token for another service opens nothing here"
            }
            TokenError::Base64(_) => {
                "copy the token whole and nothing else: three parts of letters, digits, `-` and `_`, joined by dots, without quotes, spaces, `=` or `Bearer`"
            }
            TokenError::UnencodedPayload => "let the issuer leave `b64` out; the payload has to be encoded",
            TokenError::Critical => "let the issuer leave `crit` out; no extension is understood here",
            TokenError::DuplicateName(_) => {
                "let the issuer write each name once; which of two would count differs from reader to reader"
            }
            TokenError::Expired => "get a new one: log in again, or let the page refresh it before `exp`",
            TokenError::Issuer => "compare `iss` with --issuer, letter for letter, the slash at its end included",
            TokenError::MissingExpiration => {
                "let the issuer write `exp`; to try things out, --accept-missing-exp takes a token that never ends"
            }
            TokenError::MissingType => {
                "let the issuer write `\"typ\": \"JWT\"` into the header, or take such tokens with --accept-missing-typ"
            }
            TokenError::NotJson(Part::Header) => {
                "it may be no JSON Web Token at all; the header has to be strict JSON in UTF-8"
            }
            TokenError::NotJson(_) => "let the issuer write strict JSON in UTF-8",
            TokenError::NotNumericDate(_) => "let the issuer write a number of seconds since 1970, without quotes",
            TokenError::NotObject(_) => "let the issuer write a JSON object",
            TokenError::NoKey => {
                "put the secret of your tokens into `JWT_SECRET`, or name a public key with --public-key or --jwks"
            }
            TokenError::NotYetValid => "compare the clocks of issuer and gate; --leeway allows for some seconds",
            TokenError::Parts => {
                "copy the token whole: header, payload and signature, joined by two dots (five parts are an encrypted token, which no gate reads)"
            }
            TokenError::Signature => {
                "the issuer signed with another key, or the token was changed; compare the secret letter for letter (a line end counts), and whether the issuer takes it as text or as base64"
            }
            TokenError::TooLong => {
                "let the issuer leave out what the gate does not need; browsers keep no cookie over 4 KiB anyway"
            }
            TokenError::UnknownKey => {
                "the issuer may have changed its keys; fetch its JWKS document again, and see that `kid` stands in it"
            }
            TokenError::Type => "let the issuer write `JWT` as `typ`; a token of another kind is not a login",
        }
    }
}
