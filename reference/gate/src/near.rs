//! Names that are nearly those of rule files (LAYOUT-3): whoever gives a file such a name has meant a rule file, or may be taken to.

use crate::rules::within_one_edit;
use crate::span::RuleFile;

const ALL: [RuleFile; 3] = [RuleFile::Redirects, RuleFile::Toml, RuleFile::Headers];

/// Endings that a file gets from an editor or a tool that shows no endings.
const MEANT: [&str; 4] = [".txt", ".md", ".html", ".rtf"];

/// Endings of a copy that somebody keeps.
const KEPT: [&str; 7] = ["~", ".bak", ".old", ".orig", ".save", ".example", ".sample"];

/// Endings of the languages in which people take `netlify.toml` to be written as well.
const OTHERWISE: [&str; 4] = [".yml", ".yaml", ".json", ".jsonc"];

/// A rule file that a name is nearly that of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Near {
    /// The rule file.
    pub file: RuleFile,
    /// No other file is called so, whatever it holds.
    pub is_certain: bool,
    /// A copy that somebody keeps, and does not mean to be read.
    pub is_kept: bool,
    /// What it holds is written otherwise than in a rule file.
    pub is_otherwise: bool,
}

/// The rule file whose name `name` is but for case, an ending, what stands in front, and one letter too many, too few, other
/// or swapped. `None` for the name itself too.
pub fn near(name: &str) -> Option<Near> {
    if ALL.iter().any(|file| file.name() == name) {
        return None;
    }
    let lower = name.trim().to_lowercase();
    let without = |text: &str, endings: &[&str]| {
        endings.iter().find_map(|ending| text.strip_suffix(ending).filter(|rest| !rest.is_empty()).map(str::to_owned))
    };
    let kept = without(&lower, &KEPT);
    let is_kept = kept.is_some();
    let whole = kept.unwrap_or(lower);
    let toml = RuleFile::Toml.name();
    let short = without(&whole, &MEANT);
    if within_one_edit(&whole, toml) || short.is_some_and(|short| short == toml) || whole == "netlify.tml" {
        return Some(Near { file: RuleFile::Toml, is_certain: true, is_kept, is_otherwise: false });
    }
    if without(&whole, &OTHERWISE).is_some_and(|stem| stem == "netlify") {
        return Some(Near { file: RuleFile::Toml, is_certain: false, is_kept, is_otherwise: true });
    }
    let bare = without(&whole, &MEANT).unwrap_or_else(|| whole.clone());
    let stem = bare.trim_start_matches(['_', '-', '.']);
    let is_marked = stem.len() < bare.len();
    [(RuleFile::Redirects, "redirects"), (RuleFile::Headers, "headers")].into_iter().find_map(|(file, meant)| {
        let is_it =
            stem == meant || meant.strip_suffix('s') == Some(stem) || (is_marked && within_one_edit(stem, meant));
        is_it.then_some(Near { file, is_certain: is_marked && !is_kept, is_kept, is_otherwise: false })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_nearly_right() {
        for (name, file, is_certain, is_kept) in [
            ("_redirect", RuleFile::Redirects, true, false),
            ("_Redirects", RuleFile::Redirects, true, false),
            ("_redirects ", RuleFile::Redirects, true, false),
            ("__redirects", RuleFile::Redirects, true, false),
            (".redirects", RuleFile::Redirects, true, false),
            ("-redirects", RuleFile::Redirects, true, false),
            ("_redirects.txt", RuleFile::Redirects, true, false),
            ("_redirects.md", RuleFile::Redirects, true, false),
            ("_redirects.bak", RuleFile::Redirects, false, true),
            ("_redirects~", RuleFile::Redirects, false, true),
            ("REDIRECTS", RuleFile::Redirects, false, false),
            ("redirects.txt", RuleFile::Redirects, false, false),
            ("_haeders", RuleFile::Headers, true, false),
            ("headers", RuleFile::Headers, false, false),
            ("netlify.tom", RuleFile::Toml, true, false),
            ("netlfy.toml", RuleFile::Toml, true, false),
            ("NETLIFY.TOML", RuleFile::Toml, true, false),
            ("netlify.toml.txt", RuleFile::Toml, true, false),
            ("netlify.toml.bak", RuleFile::Toml, true, true),
        ] {
            let expected = Near { file, is_certain, is_kept, is_otherwise: false };
            assert_eq!(near(name), Some(expected), "{name}");
        }
        for (name, is_kept) in [("netlify.yml", false), ("Netlify.yaml", false), ("netlify.json.bak", true)] {
            let expected = Near { file: RuleFile::Toml, is_certain: false, is_kept, is_otherwise: true };
            assert_eq!(near(name), Some(expected), "{name}");
        }
        for name in [
            "_redirects",
            "_headers",
            "netlify.toml",
            "leaders",
            "readers",
            "index.html",
            "redirector.js",
            "~",
            ".bak",
            "",
        ] {
            assert_eq!(near(name), None, "{name}");
        }
    }
}
