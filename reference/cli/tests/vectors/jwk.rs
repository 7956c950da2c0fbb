//! Wycheproof's JSON Web Keys, as far as a gate can be given one: the bytes of a symmetric key.

use rolegate::token::verify;
use rolegate::{Keys, SecretError, Time, TokenError};
use serde_json::{Map, Value};

use crate::differences::{JWK, Tally};
use crate::folder;
use crate::jws::{Vectors, bytes, settings, signature_verifies};

#[test]
fn keys() {
    let test = "wycheproof JWK";
    let Some(vectors) = folder::json::<Vectors>(test, JWK) else { return };
    let (mut other_algorithms, mut empty_keys, mut run) = (0, 0, 0);
    let mut tally = Tally::default();
    for group in &vectors.groups {
        let keys: Vec<Map<String, Value>> =
            group.private["keys"].as_array().unwrap().iter().map(|key| key.as_object().unwrap().clone()).collect();
        let secrets: Vec<Vec<u8>> = keys.iter().filter_map(bytes).collect();
        for vector in &group.tests {
            run += 1;
            if secrets.iter().any(Vec::is_empty) {
                // ROLE-10
                assert_eq!(Keys::hs256(b"").unwrap_err(), SecretError::Empty);
                empty_keys += 1;
                continue;
            }
            if vector.algorithm().as_deref() != Some("HS256") {
                // TOKEN-3: whatever the key, and whatever the label.
                for secret in secrets.iter().map(Vec::as_slice).chain([&b"an unrelated secret"[..]]) {
                    let key = Keys::hs256(secret).unwrap();
                    let refused = verify(vector.jws.as_bytes(), &key, &settings(), Time::from_seconds(0)).unwrap_err();
                    assert_eq!(refused, TokenError::Algorithm, "{}", vector.id);
                }
                other_algorithms += 1;
                continue;
            }
            let verifies = |secret: &Vec<u8>| signature_verifies(&vector.jws, &Keys::hs256(secret).unwrap());
            tally.add(vector.id, vector.label(), secrets.iter().any(verifies));
            if let [_, other @ ..] = secrets.as_slice() {
                assert!(!other.iter().any(verifies), "{}: the other key of the set verifies", vector.id);
            }
            if let [short] = secrets.as_slice()
                && short.len() < 32
            {
                let warning = Keys::hs256(short).unwrap().warning();
                assert_eq!(warning.map(|warning| warning.bytes), Some(short.len()), "{}", vector.id);
            }
        }
    }
    assert_eq!(run, vectors.number, "every vector of the file");
    assert_eq!((tally.len(), other_algorithms, empty_keys), (8, 15, 3));
    tally.judge(test, JWK);
    folder::say(&format!(
        "{test}: further {other_algorithms} refused for their algorithm, {empty_keys} empty keys refused"
    ));
}
