//! `aliases.yaml`: what became of ids that are no more, so that a pattern, a baseline or a report that names one still means the same cases.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::Suite;

/// `aliases.yaml`: an id that was released (of a case, of a written case, of a suite) to what became of it. What stood below the old id stands below the new
/// one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct AliasesFile(#[schemars(with = "BTreeMap<String, Fate>")] pub BTreeMap<String, Spanned<Value>>);

/// What became of an id.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(untagged)]
pub enum Fate {
    /// The id that it has now.
    Renamed(String),
    /// It is asked no more.
    Retired(Retired),
}

/// A case that is asked no more.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Retired {
    /// Why.
    pub retired: String,
}

/// An id that is no more.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Alias {
    /// The id as it was released.
    pub old: String,
    /// What became of it.
    pub fate: Fate,
}

/// Whether `id` is `whole` or stands below it: what is left behind `whole`, empty or with its slash.
#[must_use]
pub fn below<'a>(id: &'a str, whole: &str) -> Option<&'a str> {
    id.strip_prefix(whole).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Reads one alias.
pub(super) fn understand(old: &str, value: Value) -> Result<Alias, String> {
    let fate = serde_json::from_value(value)
        .map_err(|_| format!("`{old}`: write the id that it has now, or `{{ retired: WHY }}`"))?;
    if matches!(&fate, Fate::Retired(why) if why.retired.trim().is_empty()) {
        return Err(format!("`{old}`: `retired` is empty; write why it is asked no more"));
    }
    Ok(Alias { old: old.to_owned(), fate })
}

/// Where each case stands, by its id: what stands below an id is found without a look at all the others.
pub(super) struct Ids(BTreeMap<String, Place>);

/// The place of a suite, and that of a case in it.
type Place = (usize, usize);

impl Ids {
    pub(super) fn of(suites: &[Suite]) -> Self {
        let cases = suites.iter().enumerate().flat_map(|(suite, one)| {
            one.cases.iter().enumerate().map(move |(case, one)| (one.id.clone(), (suite, case)))
        });
        Self(cases.collect())
    }

    /// What is left of each id behind `whole`, and where its case stands.
    fn below<'a>(&'a self, whole: &'a str) -> impl Iterator<Item = (&'a str, Place)> {
        let from = (Bound::Included(whole), Bound::Unbounded);
        let alike = self.0.range::<str, _>(from).take_while(move |(id, _)| id.starts_with(whole));
        alike.filter_map(move |(id, place)| Some((below(id, whole)?, *place)))
    }
}

/// Gives every case the ids that it had, and says what is wrong with an alias.
pub(super) fn apply(alias: &Alias, ids: &Ids, suites: &mut [Suite]) -> Result<(), String> {
    let Alias { old, fate } = alias;
    if ids.below(old).next().is_some() {
        return Err(format!("`{old}` is an id that there is; an alias names one that is no more"));
    }
    let Fate::Renamed(new) = fate else { return Ok(()) };
    let mut found = false;
    for (rest, (suite, case)) in ids.below(new) {
        let Some(case) = suites.get_mut(suite).and_then(|suite| suite.cases.get_mut(case)) else { continue };
        found = true;
        Arc::make_mut(case).former.push(format!("{old}{rest}"));
    }
    if found {
        Ok(())
    } else {
        Err(format!("`{old}` leads to `{new}`, which is no case and no suite; write the id as it is now"))
    }
}
