//! JSONTestSuite at the JSON reader of the token: each text as the value of a claim that nobody uses, and as the whole
//! payload, correctly signed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rolegate::token::{MAX_TOKEN, Part, verify};
use rolegate::{Claims, Keys, Time, TokenError};
use rolegate_properties::token_json;
use serde_json::Value;

use crate::common::{SECRET, sign_parts};
use crate::differences::{JSON, Label, Tally};
use crate::folder;
use crate::jws::settings;

fn read(payload: &[u8]) -> Result<Claims, TokenError> {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let key = Keys::hs256(SECRET.as_bytes()).unwrap();
    verify(sign_parts(&header, payload, SECRET.as_bytes()).as_bytes(), &key, &settings(), Time::from_seconds(0))
}

#[test]
fn texts() {
    let test = "JSONTestSuite";
    let Some(files) = folder::files(test, JSON) else { return };
    let mut tally = Tally::default();
    let (mut either, mut too_long, mut whole) = (0, 0, 0);
    for (name, text) in &files {
        // Against a plain reader, whatever the label.
        token_json(text);

        let as_claim = read(&[b"{\"unused\":", text.as_slice(), b"}"].concat());
        let as_payload = read(text);
        if let Ok(claims) = &as_claim {
            let value = serde_json::from_slice::<Value>(text).expect("what the gate reads is JSON");
            assert_eq!(claims.member("unused"), Some(&value), "{name}: another value is read");
        }
        if text.len() > MAX_TOKEN {
            assert_eq!(as_claim, Err(TokenError::TooLong), "{name}");
            too_long += 1;
        }
        match name.as_bytes() {
            [b'y', b'_', ..] => {
                tally.add(name, Label::Valid, as_claim.is_ok());
                let is_object = serde_json::from_slice::<Value>(text).unwrap().is_object();
                let expected = if is_object { as_claim.map(|_| ()) } else { Err(TokenError::NotObject(Part::Payload)) };
                assert_eq!(as_payload.map(|_| ()), expected, "{name}: as the payload");
                whole += 1;
            }
            [b'n', b'_', ..] => {
                tally.add(name, Label::Invalid, as_claim.is_ok());
                assert!(as_payload.is_err(), "{name}: as the payload");
                whole += 1;
            }
            [b'i', b'_', ..] => either += 1,
            _ => panic!("{name}: neither y, n nor i"),
        }
    }
    assert_eq!(files.len(), 318, "every file");
    assert_eq!((tally.len(), either, whole, too_long), (283, 35, 283, 2));
    tally.judge(test, JSON);
    folder::say(&format!("{test}: further {either} that may be read or not; {whole} also as the whole payload"));
}
