use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;

use super::*;

const NOW: Time = Time { seconds: 1_700_000_000, nanoseconds: 500_000_000 };

fn sign(header: &[u8], payload: &[u8]) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let mac = Hmac::<sha2::Sha256>::new_from_slice(b"secret").unwrap().chain_update(&message).finalize();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.into_bytes()))
}

fn check(header: &str, payload: &str) -> Result<Claims, TokenError> {
    let key = Keys::hs256(b"secret").unwrap();
    verify(sign(header.as_bytes(), payload.as_bytes()).as_bytes(), &key, &TokenSettings::default(), NOW)
}

fn why(header: &str, payload: &str) -> TokenError {
    check(header, payload).unwrap_err()
}

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const PAYLOAD: &str = r#"{"exp":1700000001}"#;

#[test]
fn a_good_token() {
    let claims = check(HEADER, r#"{"exp":1700000001,"app_metadata":{"authorization":{"roles":["admin"]}}}"#).unwrap();
    assert!(claims.roles(&RolePath::default()).contains("admin"));
}

#[test]
fn headers() {
    for (header, expected) in [
        (r#"{"typ":"JWT"}"#, TokenError::Algorithm),
        (r#"{"alg":"none","typ":"JWT"}"#, TokenError::Algorithm),
        (r#"{"alg":"hs256","typ":"JWT"}"#, TokenError::Algorithm),
        (r#"{"alg":"HS512","typ":"JWT"}"#, TokenError::Algorithm),
        (r#"{"alg":["HS256"],"typ":"JWT"}"#, TokenError::Algorithm),
        (r#"{"alg":"HS256","alg":"HS256","typ":"JWT"}"#, TokenError::DuplicateName(Part::Header)),
        (r#"{"alg":"HS256","typ":"JWT","crit":[]}"#, TokenError::Critical),
        (r#"{"alg":"HS256","typ":"JWT","crit":null}"#, TokenError::Critical),
        (r#"{"alg":"HS256","typ":"JWT","b64":false}"#, TokenError::UnencodedPayload),
        (r#"{"alg":"HS256","typ":"JWT","b64":"true"}"#, TokenError::UnencodedPayload),
        (r#"{"alg":"HS256"}"#, TokenError::MissingType),
        (r#"{"alg":"HS256","typ":"at+jwt"}"#, TokenError::Type),
        (r#"{"alg":"HS256","typ":["JWT"]}"#, TokenError::Type),
        (r#"["HS256","JWT"]"#, TokenError::NotObject(Part::Header)),
        ("", TokenError::NotJson(Part::Header)),
    ] {
        assert_eq!(why(header, PAYLOAD), expected, "{header}");
    }
    for header in [
        r#"{"alg":"HS256","typ":"jwt"}"#,
        r#"{"alg":"HS256","typ":"Application/JWT"}"#,
        r#"{"alg":"HS256","typ":"JWT","b64":true,"kid":"../../dev/null","jku":"http://127.0.0.1/","jwk":{},"x5u":1,"x5c":[]}"#,
    ] {
        assert!(check(header, PAYLOAD).is_ok(), "{header}");
    }
}

#[test]
fn times() {
    for (payload, expected) in [
        ("{}", TokenError::MissingExpiration),
        (r#"{"exp":1700000000}"#, TokenError::Expired),
        (r#"{"exp":1700000000.5}"#, TokenError::Expired),
        (r#"{"exp":1700000000.25}"#, TokenError::Expired),
        (r#"{"exp":0}"#, TokenError::Expired),
        (r#"{"exp":-1}"#, TokenError::Expired),
        (r#"{"exp":-1e300}"#, TokenError::Expired),
        (r#"{"exp":"1700000001"}"#, TokenError::NotNumericDate("exp")),
        (r#"{"exp":null}"#, TokenError::NotNumericDate("exp")),
        (r#"{"exp":[1700000001]}"#, TokenError::NotNumericDate("exp")),
        (r#"{"exp":1e400}"#, TokenError::NotJson(Part::Payload)),
        (r#"{"exp":1700000001,"nbf":1700000001}"#, TokenError::NotYetValid),
        (r#"{"exp":1700000001,"nbf":1700000000.75}"#, TokenError::NotYetValid),
        (r#"{"exp":1700000001,"nbf":"0"}"#, TokenError::NotNumericDate("nbf")),
        (r#"{"exp":1700000001,"exp":1700000001}"#, TokenError::DuplicateName(Part::Payload)),
        (r#"{"exp":1700000001,"a":[{"b":1,"b":1}]}"#, TokenError::DuplicateName(Part::Payload)),
        (r#"[1700000001]"#, TokenError::NotObject(Part::Payload)),
    ] {
        assert_eq!(why(HEADER, payload), expected, "{payload}");
    }
    for payload in [
        r#"{"exp":1700000000.75}"#,
        r#"{"exp":1.7000000005e9,"exp2":0}"#.replace("1.7000000005e9", "1.8e9").as_str(),
        r#"{"exp":1e300}"#,
        r#"{"exp":18446744073709551615}"#,
        r#"{"exp":1700000001,"nbf":1700000000}"#,
        r#"{"exp":1700000001,"nbf":1700000000.5}"#,
        r#"{"exp":1700000001,"iat":9999999999}"#,
    ] {
        assert!(check(HEADER, payload).is_ok(), "{payload}");
    }
}

#[test]
fn settings() {
    let key = Keys::hs256(b"secret").unwrap();
    let with = |settings: &TokenSettings, header: &str, payload: &str| {
        verify(sign(header.as_bytes(), payload.as_bytes()).as_bytes(), &key, settings, NOW).map(|_| ())
    };
    let lenient = TokenSettings { accept_missing_exp: true, accept_missing_typ: true, ..TokenSettings::default() };
    assert_eq!(with(&lenient, r#"{"alg":"HS256"}"#, "{}"), Ok(()));
    assert_eq!(with(&lenient, r#"{"alg":"HS256"}"#, r#"{"exp":null}"#), Err(TokenError::NotNumericDate("exp")));
    assert_eq!(with(&lenient, r#"{"alg":"HS256","typ":null}"#, "{}"), Err(TokenError::Type));
    let late = |seconds| TokenSettings { leeway: Duration::from_secs(seconds), ..TokenSettings::default() };
    assert_eq!(with(&late(1), HEADER, r#"{"exp":1700000000}"#), Ok(()));
    assert_eq!(with(&late(0), HEADER, r#"{"exp":1700000000}"#), Err(TokenError::Expired));
    assert_eq!(with(&late(1), HEADER, r#"{"exp":1700000009,"nbf":1700000001}"#), Ok(()));
    assert_eq!(with(&late(u64::MAX), HEADER, r#"{"exp":0}"#), Ok(()));
}

#[test]
fn encodings() {
    let key = Keys::hs256(b"secret").unwrap();
    let good = sign(HEADER.as_bytes(), PAYLOAD.as_bytes());
    let try_it = |token: &str| verify(token.as_bytes(), &key, &TokenSettings::default(), NOW).map(|_| ());
    assert_eq!(try_it(&good), Ok(()));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    assert_eq!(try_it(""), Err(TokenError::Parts));
    assert_eq!(try_it(message), Err(TokenError::Parts));
    assert_eq!(try_it(&format!("{good}.")), Err(TokenError::Parts));
    assert_eq!(try_it(&format!("{good}=")), Err(TokenError::Base64(Part::Signature)));
    assert_eq!(try_it(&format!("{good} ")), Err(TokenError::Base64(Part::Signature)));
    assert_eq!(try_it(&format!("Bearer {good}")), Err(TokenError::Base64(Part::Header)));
    assert_eq!(try_it(&format!("{header}.{payload}+.{signature}")), Err(TokenError::Base64(Part::Payload)));
    assert_eq!(try_it(&format!("{message}.")), Err(TokenError::Signature));
    assert_eq!(try_it(&format!("{message}.{}", &signature[..40])), Err(TokenError::Signature));
    // The last character of a signature of 32 bytes has two bits to spare.
    let last = signature.chars().last().unwrap();
    let stray = char::from(u8::try_from(last).unwrap() + 1);
    assert_eq!(try_it(&format!("{message}.{}{stray}", &signature[..42])), Err(TokenError::Base64(Part::Signature)));
    assert_eq!(try_it(&good.replace(signature, &"A".repeat(43))), Err(TokenError::Signature));
    assert_eq!(try_it(&"a".repeat(MAX_TOKEN + 1)), Err(TokenError::TooLong));
    let other = URL_SAFE_NO_PAD.encode(json!({ "exp": 1_800_000_000 }).to_string());
    assert_eq!(try_it(&format!("{header}.{other}.{signature}")), Err(TokenError::Signature));
}

#[test]
fn audience_and_issuer() {
    let keys = Keys::hs256(b"secret").unwrap();
    let settings = TokenSettings {
        audiences: vec!["a".to_owned(), "b".to_owned()],
        issuer: Some("i".to_owned()),
        ..TokenSettings::default()
    };
    let check = |claims: &str| {
        let payload = format!(r#"{{"exp":1700000001,{claims}}}"#);
        verify(sign(HEADER.as_bytes(), payload.as_bytes()).as_bytes(), &keys, &settings, NOW).map(|_| ())
    };
    for claims in [r#""aud":"a","iss":"i""#, r#""aud":["x","b"],"iss":"i""#] {
        assert_eq!(check(claims), Ok(()), "{claims}");
    }
    for claims in [r#""iss":"i""#, r#""aud":"c","iss":"i""#, r#""aud":["a",1],"iss":"i""#, r#""aud":[],"iss":"i""#] {
        assert_eq!(check(claims), Err(TokenError::Audience), "{claims}");
    }
    for claims in [r#""aud":"a""#, r#""aud":"a","iss":"I""#, r#""aud":"a","iss":["i"]"#] {
        assert_eq!(check(claims), Err(TokenError::Issuer), "{claims}");
    }
}
