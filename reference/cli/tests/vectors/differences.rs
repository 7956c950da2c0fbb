//! Where the label of a vector and the gate differ, and why.

use std::collections::BTreeMap;

use crate::folder;

/// One vector that the gate decides otherwise than it is labelled.
pub struct Difference {
    file: &'static str,
    id: &'static str,
    /// What the vector is labelled.
    labelled: Label,
    kind: Kind,
    reason: &'static str,
    /// Where that is said.
    source: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    Valid,
    Invalid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The label is wrong.
    Erratum,
    /// The label is right for what it asks; the gate is stricter on purpose, or is never asked that.
    Policy,
}

pub const JWS: &str = "wycheproof/json_web_signature_test.json";
/// The vectors of that file whose key is public.
pub const JWS_PUBLIC: &str = "wycheproof/json_web_signature_test.json, public keys";
pub const JWK: &str = "wycheproof/json_web_key_test.json";
pub const JSON: &str = "jsontestsuite/test_parsing";

const SAME_BYTES: &str = "byte for byte the same as 357, which is labelled valid: no padding is in it";
const ISSUE_236: &str = "https://github.com/C2SP/wycheproof/issues/236";
const QUESTION_MARK: &str =
    "a `?` stands inside a part, the tag is that of the text without it, and what is signed is the text as received";
const RFC_7515_5_2: &str =
    "https://www.rfc-editor.org/rfc/rfc7515#section-5.2 (steps 2 and 7); not reported upstream as far as known";
const ONE_KEY: &str = "a rule for choosing from a key set: a gate has one key and no key set, and is given the bytes of the key that signed";
const NO_KEY_USE: &str =
    "a key marked for another use: a gate is given the bytes of a key and nothing that is said about it";
const OTHER_ALGORITHM: &str = "the key says PS256 and the header PS384";
const NO_P_521: &str = "P-521 is not supported, and the key names an algorithm that does not exist";
const TOKEN_2: &str = "requirement TOKEN-2";

const DIFFERENCES: &[Difference] = &[
    erratum(JWS, "367", Label::Invalid, SAME_BYTES, ISSUE_236),
    erratum(JWS, "370", Label::Invalid, SAME_BYTES, ISSUE_236),
    erratum(JWS, "372", Label::Valid, QUESTION_MARK, RFC_7515_5_2),
    erratum(JWS, "373", Label::Valid, QUESTION_MARK, RFC_7515_5_2),
    policy(JWS_PUBLIC, "346", Label::Valid, OTHER_ALGORITHM, "requirement TOKEN-12.one-algorithm"),
    policy(JWS_PUBLIC, "350", Label::Valid, OTHER_ALGORITHM, "requirement TOKEN-12.one-algorithm"),
    policy(JWS_PUBLIC, "347", Label::Valid, NO_P_521, "requirement TOKEN-12"),
    policy(JWS_PUBLIC, "351", Label::Valid, NO_P_521, "requirement TOKEN-12"),
    policy(JWK, "1", Label::Invalid, ONE_KEY, TOKEN_2),
    policy(JWK, "4", Label::Invalid, ONE_KEY, TOKEN_2),
    policy(JWK, "10", Label::Invalid, "31 bytes: a short secret works and is warned of", "requirement ROLE-10"),
    policy(JWK, "25", Label::Invalid, NO_KEY_USE, TOKEN_2),
    policy(JWK, "26", Label::Invalid, NO_KEY_USE, TOKEN_2),
    policy(JSON, "y_object_duplicated_key.json", Label::Valid, "a name stands twice", "requirement TOKEN-8"),
    policy(JSON, "y_object_duplicated_key_and_value.json", Label::Valid, "a name stands twice", "requirement TOKEN-8"),
];

const fn erratum(
    file: &'static str,
    id: &'static str,
    labelled: Label,
    reason: &'static str,
    source: &'static str,
) -> Difference {
    Difference { file, id, labelled, kind: Kind::Erratum, reason, source }
}

const fn policy(
    file: &'static str,
    id: &'static str,
    labelled: Label,
    reason: &'static str,
    source: &'static str,
) -> Difference {
    Difference { file, id, labelled, kind: Kind::Policy, reason, source }
}

/// What the gate made of the vectors of one file.
#[derive(Default)]
pub struct Tally(BTreeMap<String, (Label, bool)>);

impl Tally {
    /// Adds the vector `id` with its label, and whether the gate accepted it.
    pub fn add(&mut self, id: impl ToString, label: Label, accepted: bool) {
        let before = self.0.insert(id.to_string(), (label, accepted));
        assert!(before.is_none(), "{} stands twice", id.to_string());
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The vectors that differ are exactly those of the table, with the label that it says.
    pub fn judge(&self, test: &str, file: &str) {
        let known: BTreeMap<&str, &Difference> =
            DIFFERENCES.iter().filter(|known| known.file == file).map(|known| (known.id, known)).collect();
        let mut wrong = Vec::new();
        for (id, (label, accepted)) in &self.0 {
            let differs = *accepted != (*label == Label::Valid);
            match (known.get(id.as_str()), differs) {
                (None, true) => wrong.push(format!("{id}: labelled {label:?}, accepted {accepted}")),
                (Some(known), false) => wrong.push(format!("{id}: no difference any more ({})", known.reason)),
                (Some(known), true) if known.labelled != *label => {
                    wrong.push(format!("{id}: labelled {label:?}, and {:?} in the table", known.labelled));
                }
                _ => {}
            }
        }
        wrong
            .extend(known.keys().filter(|id| !self.0.contains_key(**id)).map(|id| format!("{id}: not there any more")));
        assert!(wrong.is_empty(), "{file}\n{}", wrong.join("\n"));

        let count = |kind| known.values().filter(|known| known.kind == kind).count();
        let (errata, policies) = (count(Kind::Erratum), count(Kind::Policy));
        let agreed = self.0.len() - known.len();
        folder::say(&format!("{test}: {} run, {agreed} agreed, {errata} errata, {policies} by policy", self.0.len()));
    }
}

#[test]
fn every_difference_has_a_reason_and_a_source() {
    for known in DIFFERENCES {
        assert!(!known.reason.is_empty() && !known.source.is_empty(), "{} {}", known.file, known.id);
    }
}
