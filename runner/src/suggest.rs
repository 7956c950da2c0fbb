//! "Did you mean": the known word that a mistyped one is closest to.

/// The known word that takes the fewest changes of a letter to become `word`; none where all of them differ in more than a third of it.
/// Where nothing is as close, a known word that `word` begins, or that begins like it for most of its length, stands in.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = word.to_lowercase().chars().collect();
    let most = (letters.len().saturating_add(2) / 3).clamp(1, 6);
    let mut closest: Option<(usize, &str)> = None;
    let mut alike: Option<(usize, &str)> = None;
    for other in known {
        let others: Vec<char> = other.to_lowercase().chars().collect();
        let start = letters.iter().zip(&others).take_while(|(a, b)| a == b).count();
        if alike.is_none_or(|(most, _)| start > most) {
            alike = Some((start, other));
        }
        if others.len().abs_diff(letters.len()) <= most {
            let changes = distance(&letters, &others);
            if changes < letters.len() && changes <= most && closest.is_none_or(|(fewest, _)| changes < fewest) {
                closest = Some((changes, other));
            }
        }
    }
    let begins = alike.filter(|(start, _)| *start >= 3 && start.saturating_mul(3) >= letters.len().saturating_mul(2));
    closest.or(begins).map(|(_, found)| found)
}

/// `; did you mean `x`?`; empty where nothing is close.
#[must_use]
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map(|found| format!("; did you mean `{found}`?")).unwrap_or_default()
}

/// `; did you mean `x`?`, or else `; ` and this.
#[must_use]
pub fn did_you_mean_or<'a>(word: &str, known: impl IntoIterator<Item = &'a str>, otherwise: &str) -> String {
    nearest(word, known).map_or_else(|| format!("; {otherwise}"), |found| format!("; did you mean `{found}`?"))
}

/// What a reader of YAML or JSON says of a mistake, with a suggestion where it lists what it knows (`unknown field`, `unknown variant`).
#[must_use]
pub fn with_suggestion(said: &str) -> String {
    let suggestion = said.split_once("unknown ").and_then(|(_, rest)| {
        let (word, known) = rest.split_once("expected")?;
        let word = word.split('`').nth(1)?;
        Some(did_you_mean(word, known.split('`').skip(1).step_by(2)))
    });
    format!("{said}{}", suggestion.unwrap_or_default())
}

/// How many letters have to be put in, left out or replaced to make one of the other (Levenshtein).
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, a) in one.iter().enumerate() {
        let mut before = at;
        let mut left = at.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (slot, b) in row.iter_mut().skip(1).zip(other) {
            let replaced = before.saturating_add(usize::from(a != b));
            before = *slot;
            left = replaced.min(before.saturating_add(1)).min(left.saturating_add(1));
            *slot = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_word_is_named() {
        for (word, known, found) in [
            ("sites", &["site", "work", "port"][..], Some("site")),
            ("prot", &["site", "work", "port"], Some("port")),
            ("folder", &["site", "work", "port"], None),
            ("TOKEN5", &["TOKEN-5", "TOKEN-6", "ROLE-3"], Some("TOKEN-5")),
            ("token-5", &["ROLE-3", "TOKEN-5"], Some("TOKEN-5")),
            (
                "role/denial/no-tokn",
                &["role/denial", "role/denial/no-token", "role/denied"],
                Some("role/denial/no-token"),
            ),
            ("role/denia", &["role/any", "role/denial"], Some("role/denial")),
            ("no/such/case", &["role/denial", "token/exp"], None),
            ("admim", &["member", "admin"], Some("admin")),
            ("", &["a"], None),
            ("x", &[], None),
        ] {
            assert_eq!(nearest(word, known.iter().copied()), found, "{word}");
        }
    }

    #[test]
    fn what_a_reader_says_gets_a_suggestion() {
        for (said, told) in [
            (
                "unknown field `stats`, expected one of `status`, `location`",
                "unknown field `stats`, expected one of `status`, `location`; did you mean `status`?",
            ),
            (
                "unknown variant `MUSST`, expected `MUST`",
                "unknown variant `MUSST`, expected `MUST`; did you mean `MUST`?",
            ),
            ("unknown field `x`, there are no fields", "unknown field `x`, there are no fields"),
            ("invalid type: string", "invalid type: string"),
        ] {
            assert_eq!(with_suggestion(said), told);
        }
    }

    #[test]
    fn the_distance_is_levenshteins() {
        for (one, other, changes) in
            [("", "", 0), ("a", "", 1), ("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)]
        {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(distance(&letters(one), &letters(other)), changes, "{one} {other}");
        }
    }
}
