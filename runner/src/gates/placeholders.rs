//! The placeholders of a gate's command: those that there are, and whether those that it needs are there.

use super::launch::{GateFile, OPTIONAL};
use crate::suggest::nearest;

/// What is filled in for every suite, in alphabetical order.
const ALWAYS: [&str; 9] =
    ["gate-path", "gate-role", "here", "port", "role-path", "secret", "site", "spare-port", "work"];

/// Says which placeholder of a gate is mistyped or missing.
///
/// # Errors
/// A sentence that says what to write instead.
pub(super) fn check(gate: &GateFile) -> Result<(), String> {
    let known = || ALWAYS.into_iter().chain(OPTIONAL.iter().map(|(name, _)| *name));
    let of_env = gate.env.iter().map(|(name, value)| (format!("the variable `{name}`"), value, false));
    // A file of the gate may be full of braces of its own.
    let of_files = gate.files.iter().map(|(name, text)| (format!("the file `{name}`"), text, true));
    let texts = std::iter::once(("the command".to_owned(), &gate.command, false)).chain(of_env).chain(of_files);
    for (place, text, may_have_braces) in texts {
        for word in words_in_braces(text).filter(|word| !known().any(|name| name == *word)) {
            if may_have_braces && nearest(word, known()).is_none() {
                continue;
            }
            let meant = match nearest(word, known()) {
                Some(near) => format!("did you mean `{{{near}}}`?"),
                None => {
                    let names: Vec<String> = known().map(|name| format!("`{{{name}}}`")).collect();
                    format!("there are {}; what needs other braces goes into a script", names.join(", "))
                }
            };
            return Err(format!("{place}: `{{{word}}}` is no placeholder; {meant}"));
        }
    }
    let Some(words) = shlex::split(&gate.command) else {
        return Err("a quote in the command is not closed; close it, or write a backslash before it".to_owned());
    };
    if let Some((option, value)) = parted(&words) {
        return Err(format!(
            "`{option} {value}`: where a suite does not make the setting, `{value}` is left out, and `{option}` takes the next word for its own; write \
             `{option}={value}` as one word"
        ));
    }
    let all = || std::iter::once(&gate.command).chain(gate.env.values()).chain(gate.files.values());
    // A group is several suites under one gate, each with a gate of its own.
    if let Some(one) = ["gate-path", "gate-role"]
        .into_iter()
        .find(|_| gate.group)
        .filter(|name| all().any(|text| text.contains(&format!("{{{name}}}"))))
    {
        return Err(format!(
            "`group: true` starts one gate for several suites, and `{{{one}}}` is that of one of them; leave `group` out"
        ));
    }
    for (name, what, example) in [
        ("port", "on which port of 127.0.0.1 to listen", "--port {port}"),
        ("site", "which folder to serve", "--dir {site}"),
    ] {
        if !all().any(|text| text.contains(&format!("{{{name}}}"))) {
            return Err(format!(
                "the gate is not told {what}: `{{{name}}}` stands nowhere in its command, as in `{example}`"
            ));
        }
    }
    Ok(())
}

/// A long option whose value is a word of its own, which is not always there.
fn parted(words: &[String]) -> Option<(&str, &str)> {
    let is_option = |word: &str| word.strip_prefix("--").is_some_and(|name| !name.is_empty() && !name.contains('='));
    let is_left_out = |word: &str| OPTIONAL.iter().any(|(name, _)| word.contains(&format!("{{{name}}}")));
    let pairs = words.iter().zip(words.iter().skip(1));
    let mut found = pairs.filter(|(option, value)| is_option(option) && !value.starts_with('-') && is_left_out(value));
    found.next().map(|(option, value)| (option.as_str(), value.as_str()))
}

/// `name` of every `{name}` in a text; `${name}` is a shell's.
fn words_in_braces(text: &str) -> impl Iterator<Item = &str> {
    let opened = text.match_indices('{').filter(|(at, _)| !text.get(..*at).is_some_and(|before| before.ends_with('$')));
    opened.filter_map(|(at, _)| {
        let (word, _) = text.get(at..)?.strip_prefix('{')?.split_once('}')?;
        let is_name = word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        is_name.then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mistyped_or_missing_is_told() {
        for (command, told) in [
            ("gate --dir {site} --port {port}", None),
            ("gate {site} {port} {work} {here} {secret} {jwks} {trusted-proxy}", None),
            ("sh -c 'x=${x} exec gate {site} {port}'", None),
            ("gate {sites} {port}", Some("the command: `{sites}` is no placeholder; did you mean `{site}`?")),
            ("gate {site} {role_path} {port}", Some("did you mean `{role-path}`?")),
            ("gate {site} {folder} {port}", Some("there are `{gate-path}`, `{gate-role}`, `{here}`, `{port}`")),
            ("gate --dir {site}", Some("on which port of 127.0.0.1 to listen: `{port}` stands nowhere")),
            ("gate --port {port}", Some("which folder to serve: `{site}` stands nowhere")),
            ("gate --jwks={jwks} --dir {site} --port {port}", None),
            ("gate --jwks {jwks} --dir {site} --port {port}", Some("write `--jwks={jwks}` as one word")),
            ("gate --iss x{issuer} {site} {port}", Some("write `--iss=x{issuer}` as one word")),
            ("gate -- {jwks} {site} {port}", None),
            ("gate --dir {site} {jwks} {port}", None),
        ] {
            let found = check(&GateFile::of_command(command));
            match told {
                None => assert_eq!(found, Ok(()), "{command}"),
                Some(told) => assert!(found.clone().unwrap_err().contains(told), "{command}: {found:?}"),
            }
        }
    }

    #[test]
    fn placeholders_may_stand_in_variables_and_files() {
        let mut gate = GateFile::of_command("gate");
        gate.env.insert("PORT".to_owned(), "{port}".to_owned());
        gate.files.insert("gate.json".to_owned(), r#"{"site": "{site}", "on": {}, "x": "{other}"}"#.to_owned());
        assert_eq!(check(&gate), Ok(()));
        gate.files.insert("more".to_owned(), "{secrets}".to_owned());
        assert!(check(&gate).unwrap_err().starts_with("the file `more`: `{secrets}`"));
    }

    #[test]
    fn what_a_command_has_no_place_for_is_said_with_what_to_add() {
        let lacks = |command: &str| GateFile::of_command(command).lacks();
        let told = lacks("gate {site} {port} --issuer={issuer}");
        for (feature, says) in [
            ("audience", "`{audience}` stands nowhere in it; a gate that has the setting"),
            ("audience", "once you add it, as in `--audience={audience}`"),
            ("asymmetric", "`{jwks}` and `{public-key}` stand nowhere in it"),
        ] {
            assert!(told.get(feature).is_some_and(|told| told.contains(says)), "{feature}: {told:?}");
        }
        assert!(!lacks("gate {site} {port} {issuer} {audience}").contains_key("audience"));
        for (command, is_told) in [
            ("gate {site} {port}", true),
            ("gate {site} {port} {issuer}", true),
            ("gate {site} {port} {secret}", false),
            ("gate {site} {port} {jwks}", false),
        ] {
            assert_eq!(GateFile::of_command(command).without_key().is_some(), is_told, "{command}");
        }
        let mut of_rules = GateFile::of_command("gate {site} {port}");
        of_rules.unsupported.insert("role".to_owned(), "it knows no visitors".to_owned());
        assert_eq!(of_rules.without_key(), None);
    }
}
