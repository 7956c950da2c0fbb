//! Who a token is from and for, where the gate is told (TOKEN-9.configured).

use serde_json::Value;

use crate::jwt::Token;
use crate::{Defect, Mutant};

use Defect::Settings;

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "aud/ignored",
        "TOKEN-9.configured",
        "`aud` is not looked at",
        Settings(|settings| settings.audiences.clear()),
    ),
    Mutant::new(
        "aud/missing-accepted",
        "TOKEN-9.configured",
        "`aud` is only looked at where it is there",
        Defect::Token(|token| !token.claims.contains_key("aud") && takes_aud(token, |_, _| true)),
    ),
    Mutant::new(
        "aud/lists-not-read",
        "TOKEN-9.configured",
        "an `aud` that is a list is refused",
        Defect::Token(|token| token.claims.get("aud").is_some_and(Value::is_array) && refuses(token, "aud")),
    ),
    Mutant::new(
        "aud/first-of-the-list",
        "TOKEN-9.configured",
        "of a list of audiences only the first is looked at",
        Defect::Token(|token| {
            let first = token.claims.get("aud").and_then(|aud| aud.get(0)).cloned();
            first.is_some_and(|first| !is_wanted(token, &first) && refuses(token, "aud"))
        }),
    ),
    Mutant::new(
        "aud/whole-list-wanted",
        "TOKEN-9.configured",
        "every audience of a list must be the gate's own",
        Defect::Token(|token| {
            let several = token.claims.get("aud").and_then(Value::as_array).is_some_and(|list| list.len() > 1);
            several && refuses(token, "aud")
        }),
    ),
    Mutant::new(
        "aud/any-list-accepted",
        "TOKEN-9.configured",
        "an `aud` that is a list is taken for one that holds the gate",
        Defect::Token(|token| takes_aud(token, |aud, _| aud.is_array())),
    ),
    Mutant::new(
        "aud/by-its-beginning",
        "TOKEN-9.configured",
        "an `aud` that begins with the gate's own is taken",
        Defect::Token(|token| takes_aud(token, |aud, own| text(aud).starts_with(own))),
    ),
    Mutant::new(
        "aud/in-a-text",
        "TOKEN-9.configured",
        "an `aud` is taken wherever the gate's own stands in it",
        Defect::Token(|token| takes_aud(token, |aud, own| text(aud).contains(own))),
    ),
    Mutant::new(
        "aud/beginning-of-the-gates-own",
        "TOKEN-9.configured",
        "an `aud` that the gate's own begins with is taken",
        Defect::Token(|token| takes_aud(token, |aud, own| aud.is_string() && own.starts_with(text(aud)))),
    ),
    Mutant::new(
        "aud/in-any-case",
        "TOKEN-9.configured",
        "`aud` is compared without regard to case",
        Defect::Token(|token| takes_aud(token, |aud, own| text(aud).eq_ignore_ascii_case(own))),
    ),
    Mutant::new(
        "aud/slash-ignored",
        "TOKEN-9.configured",
        "a slash at the end of `aud` makes no difference",
        Defect::Token(|token| takes_aud(token, |aud, own| text(aud) == own.trim_end_matches('/'))),
    ),
    Mutant::new(
        "aud/star-is-everybody",
        "TOKEN-9.configured",
        "an `aud` of `*` is for every service",
        Defect::Token(|token| takes_aud(token, |aud, _| text(aud) == "*")),
    ),
    Mutant::new(
        "aud/lists-in-lists",
        "TOKEN-9.configured",
        "a list within the list of audiences is read",
        Defect::Token(|token| {
            takes_aud(token, |aud, own| aud.get(0).is_some_and(|inner| inner.get(0).is_some_and(|one| one == own)))
        }),
    ),
    Mutant::new(
        "aud/names-of-an-object",
        "TOKEN-9.configured",
        "the member names of an object are read as audiences",
        Defect::Token(|token| takes_aud(token, |aud, own| aud.get(own).is_some())),
    ),
    Mutant::new(
        "aud/empty-is-everybody",
        "TOKEN-9.configured",
        "an empty `aud` is for every service",
        Defect::Token(|token| {
            takes_aud(token, |aud, _| aud.as_str() == Some("") || aud.as_array().is_some_and(Vec::is_empty))
        }),
    ),
    Mutant::new(
        "aud/odd-type-ignored",
        "TOKEN-9.configured",
        "an `aud` that is neither text nor list counts as none, and none is not asked for",
        Defect::Token(|token| {
            takes_aud(token, |aud, _| aud.is_null() || aud.is_number() || aud.is_boolean() || aud.is_object())
        }),
    ),
    Mutant::new(
        "iss/ignored",
        "TOKEN-9.configured",
        "`iss` is not looked at",
        Settings(|settings| settings.issuer = None),
    ),
    Mutant::new(
        "iss/missing-accepted",
        "TOKEN-9.configured",
        "`iss` is only looked at where it is there",
        Defect::Token(|token| !token.claims.contains_key("iss") && takes_iss(token, |_, _| true)),
    ),
    Mutant::new(
        "iss/by-its-beginning",
        "TOKEN-9.configured",
        "an `iss` that begins with the issuer's is taken",
        Defect::Token(|token| takes_iss(token, |iss, own| text(iss).starts_with(own))),
    ),
    Mutant::new(
        "iss/by-its-beginning-without-slash",
        "TOKEN-9.configured",
        "an `iss` that begins with the issuer's name is taken, whatever host that makes of it",
        Defect::Token(|token| takes_iss(token, |iss, own| text(iss).starts_with(own.trim_end_matches('/')))),
    ),
    Mutant::new(
        "iss/in-any-case",
        "TOKEN-9.configured",
        "`iss` is compared without regard to case",
        Defect::Token(|token| takes_iss(token, |iss, own| text(iss).eq_ignore_ascii_case(own))),
    ),
    Mutant::new(
        "iss/slash-ignored",
        "TOKEN-9.configured",
        "a slash at the end of `iss` makes no difference",
        Defect::Token(|token| takes_iss(token, |iss, own| text(iss) == own.trim_end_matches('/'))),
    ),
    Mutant::new(
        "iss/in-a-list",
        "TOKEN-9.configured",
        "a list of issuers is read",
        Defect::Token(|token| takes_iss(token, |iss, own| iss.get(0).is_some_and(|one| one == own))),
    ),
    Mutant::new(
        "iss/odd-type-ignored",
        "TOKEN-9.configured",
        "an `iss` that is no text, or an empty one, counts as none, and none is not asked for",
        Defect::Token(|token| {
            takes_iss(token, |iss, _| iss.is_null() || iss.is_number() || iss.is_object() || iss.as_str() == Some(""))
        }),
    ),
];

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn is_wanted(token: &Token<'_>, audience: &Value) -> bool {
    token.settings().audiences.iter().any(|own| audience == own)
}

/// Puts the gate's own audience into a token that is signed, where a looser comparison takes the one it has.
fn takes_aud(token: &mut Token<'_>, fits: impl Fn(&Value, &str) -> bool) -> bool {
    let Some(own) = token.settings().audiences.first().cloned() else { return false };
    takes(token, "aud", &own, fits)
}

/// The same for its issuer.
fn takes_iss(token: &mut Token<'_>, fits: impl Fn(&Value, &str) -> bool) -> bool {
    let Some(own) = token.settings().issuer.clone() else { return false };
    takes(token, "iss", &own, fits)
}

fn takes(token: &mut Token<'_>, name: &str, own: &str, fits: impl Fn(&Value, &str) -> bool) -> bool {
    let fits = fits(token.claims.get(name).unwrap_or(&Value::Null), own);
    fits && token.is_signed() && {
        token.claims.insert(name.to_owned(), Value::from(own));
        true
    }
}

/// Makes a token that is signed into one that is for nobody.
fn refuses(token: &mut Token<'_>, name: &str) -> bool {
    let is_asked = !token.settings().audiences.is_empty();
    is_asked && token.is_signed() && token.claims.insert(name.to_owned(), Value::Null).is_some()
}
