//! Wycheproof's known answers for HMAC with SHA-256. A gate takes whole tags only (TOKEN-2).

use rolegate::Secret;
use rolegate_properties::tag_verifies;
use serde::Deserialize;

use crate::folder;

#[derive(Deserialize)]
struct Vectors {
    #[serde(rename = "numberOfTests")]
    number: usize,
    #[serde(rename = "testGroups")]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    /// In bits.
    #[serde(rename = "tagSize")]
    tag_size: u32,
    tests: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    #[serde(rename = "tcId")]
    id: u32,
    key: String,
    msg: String,
    tag: String,
    result: String,
}

#[test]
fn hmac_with_sha_256() {
    let test = "wycheproof HMAC with SHA-256";
    let Some(vectors) = folder::json::<Vectors>(test, "wycheproof/hmac_sha256_test.json") else { return };
    let (mut whole, mut valid, mut truncated) = (0, 0, 0);
    for group in &vectors.groups {
        for vector in &group.tests {
            let key = Secret::new(&bytes(&vector.key)).unwrap();
            let verifies = tag_verifies(&key, &bytes(&vector.msg), &bytes(&vector.tag));
            if group.tag_size == 256 {
                assert_eq!(verifies, vector.result == "valid", "{}", vector.id);
                whole += 1;
                valid += usize::from(verifies);
            } else {
                assert!(!verifies, "{}: a tag of {} bits verifies", vector.id, group.tag_size);
                truncated += 1;
            }
        }
    }
    assert_eq!(whole + truncated, vectors.number, "every vector of the file");
    assert_eq!((whole, valid, truncated), (87, 33, 87));
    folder::say(&format!("{test}: {whole} run, as labelled ({valid} valid); {truncated} truncated tags refused"));
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
