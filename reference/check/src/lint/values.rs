//! Values of conditions that no visitor can ever have, by the tables of ISO 3166-1, ISO 639 and BCP 47.

use isolang::Language;
use rolegate::rules::{Apply, ConditionKey, Rule};
use rust_iso3166::{ALL, from_alpha2, from_alpha3};

use super::advice::Found;
use super::scene::{Field, warning};

/// No more than so many values of one condition are looked up.
const LOOKED_UP: usize = 16;

/// COND-5: the conditions of a rule of which a value never holds; one remark speaks for all values of a condition.
pub(super) fn problems(rule: &Rule) -> impl Iterator<Item = Found> {
    let conditions = rule.apply().into_iter().flat_map(|apply| apply.conditions.others());
    conditions.filter_map(|condition| {
        let name = condition.key.name()?;
        let (id, is_none, instead): (_, _, fn(&str) -> Option<String>) = match condition.key {
            ConditionKey::Country => ("country-unknown", "is not the code of a country", country),
            ConditionKey::Language => ("language-unknown", "is not the tag of a language", language),
            ConditionKey::Cookie => ("cookie-name", "is no name of a cookie", cookie),
            ConditionKey::Unknown => return None,
        };
        let (value, help) = condition.values.iter().take(LOOKED_UP).find_map(|value| Some((value, instead(value)?)))?;
        let message = format!("`{}` {is_none}", shown(value));
        Some(warning(rule, Field::Beginning(&format!("{name}=")), id, message, None, help))
    })
}

/// COND-5: whether a condition of the rule lists nothing that a visitor can have.
pub(super) fn never_hold(apply: &Apply) -> bool {
    apply.conditions.others().iter().any(|condition| {
        let mut values = condition.values.iter().take(LOOKED_UP);
        match condition.key {
            ConditionKey::Country => values.all(|value| country(value).is_some()),
            ConditionKey::Language => values.all(|value| language(value).is_some()),
            ConditionKey::Cookie => values.all(|value| cookie(value).is_some()),
            ConditionKey::Unknown => true,
        }
    })
}

fn shown(value: &str) -> String {
    value.chars().take(40).collect()
}

/// What to write instead of a country that is none.
fn country(value: &str) -> Option<String> {
    let code = value.to_ascii_uppercase();
    // The code of Kosovo is user-assigned, and databases of countries know it.
    if from_alpha2(&code).is_some() || code == "XK" {
        return None;
    }
    let known = match code.as_str() {
        // Reserved in ISO 3166-1, and what no database says.
        "UK" => Some("GB".to_owned()),
        _ => from_alpha3(&code).map(|country| country.alpha2.to_owned()).or_else(|| country_by_name(value)),
    };
    Some(match (known, code.as_str()) {
        (Some(known), _) => format!("write `{known}`, the code of two letters (ISO 3166-1)"),
        (None, "EU" | "EUROPE") => {
            "no visitor comes from a union of countries: list the codes of its members".to_owned()
        }
        (None, "*") => "leave the condition out where every country is meant".to_owned(),
        _ => "write the code of two letters (ISO 3166-1), such as `DE`".to_owned(),
    })
}

fn country_by_name(value: &str) -> Option<String> {
    let plain =
        |name: &str| -> String { name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect() };
    let wanted = plain(value);
    if wanted.len() < 4 {
        return None;
    }
    let is_called = |name: &str| {
        let long = plain(name);
        long == wanted || name.split([',', '(']).next().is_some_and(|short| plain(short) == wanted)
    };
    let short = |name: &str| plain(name).strip_prefix(&wanted).is_some_and(|rest| rest.starts_with("of"));
    let found = ALL.iter().find(|country| is_called(country.name)).or_else(|| {
        // `United States` of America, `United Kingdom` of Great Britain: if one country alone begins so.
        let mut begun = ALL.iter().filter(|country| short(country.name));
        begun.next().filter(|_| begun.next().is_none())
    });
    found.map(|country| country.alpha2.to_owned())
}

/// What to write instead of a language that is none.
fn language(value: &str) -> Option<String> {
    let mut subtags = value.split('-');
    let first = subtags.next().unwrap_or_default().to_ascii_lowercase();
    let is_language = is_language(&first);
    let rest: Vec<&str> = subtags.collect();
    let is_tag =
        rest.iter().all(|tag| (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let region = rest.iter().take_while(|tag| tag.len() > 1).find(|tag| tag.len() == 2);
    if is_language && is_tag {
        let region = region?;
        let help = country(region)?;
        return Some(format!("`{region}` is not a region: {help}"));
    }
    let hyphens = value.replace('_', "-");
    if hyphens != value && language(&hyphens).is_none() {
        return Some(format!("write `{hyphens}`: a tag has hyphens (BCP 47)"));
    }
    if value == "*" {
        return Some("leave the condition out where every language is meant".to_owned());
    }
    // `en.UTF-8`, `de,`: what stands behind is no part of a tag.
    if let Some(by_name) = language_by_name(value) {
        return Some(format!("write `{by_name}`, the tag of the language (BCP 47)"));
    }
    if from_alpha2(&first.to_ascii_uppercase()).is_some() {
        let write = match spoken_in(&first) {
            Some(spoken) => format!("write `{spoken}`, the tag of its language"),
            None => "write the tag of the language, such as `en`".to_owned(),
        };
        return Some(format!("`{first}` is the code of a country; {write} (BCP 47)"));
    }
    Some("write the tag of a language, such as `en` or `zh-CN` (BCP 47)".to_owned())
}

/// The language of a country whose code is taken for the tag of its language, where there is no doubt which one is meant.
fn spoken_in(country: &str) -> Option<&'static str> {
    Some(match country {
        "at" => "de",
        "au" | "gb" | "nz" | "us" => "en",
        "cl" | "co" | "mx" => "es",
        "cn" => "zh",
        "cz" => "cs",
        "dk" => "da",
        "gr" => "el",
        "jp" => "ja",
        "kr" => "ko",
        "tw" => "zh-TW",
        "vn" => "vi",
        _ => return None,
    })
}

/// Whether a tag may begin so: with the shortest code of a language, with `i` or `x`, or with four letters and more that are
/// registered.
fn is_language(first: &str) -> bool {
    match first.len() {
        1 => matches!(first, "i" | "x"),
        2 => Language::from_639_1(first).is_some(),
        // A browser says the code of two letters where there is one.
        3 => Language::from_639_3(first).is_some_and(|language| language.to_639_1().is_none()) || is_group(first),
        _ => false,
    }
}

/// Codes of ISO 639-2 for groups of languages, for several and for none, which ISO 639-3 lacks or counts apart.
fn is_group(first: &str) -> bool {
    matches!(first, "mul" | "und" | "zxx" | "mis" | "fil")
}

fn language_by_name(value: &str) -> Option<&'static str> {
    let name = value.to_lowercase();
    if let Some(known) = Language::from_639_3(&name).and_then(|language| language.to_639_1()) {
        return Some(known);
    }
    let mut title = name.clone();
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let language = Language::from_name(&title)?;
    Some(language.to_639_1().unwrap_or_else(|| language.to_639_3()))
}

/// What to write instead of a name of a cookie that is none (RFC 6265 section 4.1.1).
fn cookie(value: &str) -> Option<String> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let at = value.find('=');
    match at {
        Some(at) => {
            let name = value.get(..at).unwrap_or_default();
            let write = if name.is_empty() {
                "write the name of the cookie alone".to_owned()
            } else {
                format!("write `{name}`")
            };
            Some(format!(
                "{write}: the condition asks whether there is such a cookie, whatever its value, and no name holds a `=`"
            ))
        }
        // Cookies with other characters are sent all the same; what never is are these.
        None => value
            .chars()
            .any(|c| !is_token(c) && (c.is_whitespace() || matches!(c, ';' | ',' | '"' | '\\')))
            .then(|| "write the name of the cookie alone, without quotes and spaces".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cond_5_countries() {
        for (value, instead) in [
            ("UK", "`GB`"),
            ("uk", "`GB`"),
            ("USA", "`US`"),
            ("Germany", "`DE`"),
            ("germany", "`DE`"),
            ("DEU", "`DE`"),
            ("EU", "union"),
            ("*", "leave"),
            ("UnitedStates", "`US`"),
            ("ZZ", "two letters"),
            ("Austria", "`AT`"),
        ] {
            let help = country(value);
            assert!(help.as_ref().is_some_and(|help| help.contains(instead)), "{value}: {help:?}");
        }
        for value in ["DE", "de", "gb", "US", "XK", "AQ", "HK", "TW"] {
            assert_eq!(country(value), None, "{value}");
        }
    }

    #[test]
    fn cond_5_languages() {
        for (value, instead) in [
            ("zh_CN", "`zh-CN`"),
            ("pt_BR", "`pt-BR`"),
            ("english", "`en`"),
            ("English", "`en`"),
            ("*", "leave"),
            ("german", "`de`"),
            ("eng", "`en`"),
            ("deu", "`de`"),
            ("jp", "`ja`"),
            ("cn", "`zh`"),
            ("pk", "country"),
            ("en-UK", "`GB`"),
            ("q9", "the tag of a language"),
        ] {
            let help = language(value);
            assert!(help.as_ref().is_some_and(|help| help.contains(instead)), "{value}: {help:?}");
        }
        for value in [
            "en",
            "EN",
            "zh-CN",
            "zh-cn",
            "zh-Hans",
            "zh-Hant-TW",
            "en-GB",
            "pt-br",
            "de-1996",
            "es-419",
            "x-klingon",
            "fil",
            "gsw",
            "sr-Latn-RS",
            "en-u-ca-gregory",
            "nb",
            "no",
        ] {
            assert_eq!(language(value), None, "{value}");
        }
    }

    #[test]
    fn cond_5_cookies() {
        for (value, instead) in [("ab_test=a", "`ab_test`"), ("=a", "alone"), ("a b", "quotes")] {
            let help = cookie(value);
            assert!(help.as_ref().is_some_and(|help| help.contains(instead)), "{value}: {help:?}");
        }
        for value in ["ab_test", "nf_jwt", "__Host-id", "a.b", "a[b]"] {
            assert_eq!(cookie(value), None, "{value}");
        }
    }
}
