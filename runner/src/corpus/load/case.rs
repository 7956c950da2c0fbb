//! A written case becomes the cases that its axes span.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Loader, check_recipe};
use crate::corpus::expectation::{Alternative, Expected, Names};
use crate::corpus::question::Question;
use crate::corpus::recipe::{self, Recipes};
use crate::corpus::request::{Request, TokenRef};
use crate::corpus::source::{CaseSource, Level, LoweredLevel, Requirement, SuiteSource};
use crate::corpus::{Case, expand};

/// What the cases of a suite may refer to.
pub(super) struct Context<'a> {
    pub(super) file: &'a str,
    pub(super) suite_id: &'a str,
    pub(super) suite: &'a SuiteSource,
    pub(super) names: &'a Names,
    pub(super) recipes: &'a Recipes,
    pub(super) ledger: &'a BTreeMap<&'a str, &'a Requirement>,
}

impl Loader {
    pub(super) fn case(&mut self, context: &Context<'_>, source: &CaseSource) -> Vec<Case> {
        let place = Some(source.id.referenced);
        let id = &source.id.value;
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
            self.say(context.file, place, format!("`{id}` is no case id; use lower-case letters, digits and hyphens"));
        }
        for feature in &source.features.0 {
            self.known_feature(context.file, place, feature);
        }
        if let Some(token) = source.holder.as_ref().filter(|token| context.recipes.find(token).is_none()) {
            self.say(context.file, place, format!("`holder`: {}", recipe::unknown(token, context.recipes.0.keys())));
        }
        let Some((level, question)) = self.level(context, source) else { return Vec::new() };
        let each = source.each.as_ref().map(|each| &each.value);
        let sweep = source.sweep.as_ref().map(|sweep| &sweep.value);
        let axes = match expand::axes(each, sweep) {
            Ok(axes) => axes,
            Err(error) => {
                let place = source
                    .each
                    .as_ref()
                    .map(|each| each.referenced)
                    .or(source.sweep.as_ref().map(|sweep| sweep.referenced));
                self.say(context.file, place, error);
                return Vec::new();
            }
        };
        let mut cases = Vec::new();
        for combination in expand::combinations(&axes) {
            let observe = source.observe.as_ref().map(|observe| Value::Object(observe.value.clone()));
            let trees: Vec<&Value> =
                [Some(&source.request.value), source.expect.as_ref().map(|expect| &expect.value), observe.as_ref()]
                    .into_iter()
                    .flatten()
                    .collect();
            if let Some(name) = combination.unused(&trees) {
                self.say(
                    context.file,
                    place,
                    format!("axis `{name}` is not used; write `$({name})` where its value belongs"),
                );
                break;
            }
            let request = match understand_request(combination.fill(&source.request.value), context.recipes) {
                Ok(request) => request,
                Err(error) => {
                    self.say(context.file, Some(source.request.referenced), format!("request: {error}"));
                    break;
                }
            };
            let expected = match understand_expected(&combination, source, context.names) {
                Ok(expected) => expected,
                Err(error) => {
                    let at = source
                        .expect
                        .as_ref()
                        .map(|expect| expect.referenced)
                        .or(source.observe.as_ref().map(|observe| observe.referenced))
                        .or(place);
                    self.say(context.file, at, error);
                    break;
                }
            };
            if matches!(expected, Expected::Observe { .. }) != (level == Level::Survey) {
                self.say(context.file, place, "a SURVEY case has `observe`, every other case has `expect`".to_owned());
                break;
            }
            let suite_id = context.suite_id;
            let or_suite = |own: &Option<String>, of_suite: &Option<String>| own.clone().or_else(|| of_suite.clone());
            let at = cases.len();
            let case = Case {
                id: std::iter::once(format!("{suite_id}/{id}"))
                    .chain(combination.labels.iter().cloned())
                    .collect::<Vec<_>>()
                    .join("/"),
                former: Vec::new(),
                written_id: id.clone(),
                file: None,
                line: source.id.referenced.line(),
                expect_line: source
                    .expect
                    .as_ref()
                    .map_or(source.id.referenced.line(), |expect| expect.referenced.line()),
                requirements: source.requirement.value.0.clone(),
                level,
                question,
                why: source.why.clone(),
                family: or_suite(&source.family, &context.suite.family),
                sources: context.suite.source.0.iter().chain(&source.source.0).cloned().collect(),
                features: context.suite.features.0.iter().chain(&source.features.0).cloned().collect(),
                control: format!(
                    "{suite_id}/{}",
                    source.control.as_ref().map_or(&context.suite.control.value, |control| &control.value)
                ),
                holder: source.holder.clone(),
                before: Vec::new(),
                over_http2: false,
                quotes: context.suite.quote.0.iter().chain(&source.quote.0).cloned().collect(),
                of: None,
                request,
                expected,
            };
            let further = self.further(context, source, &combination.labels, &case, at);
            cases.push(case);
            cases.extend(further);
        }
        cases
    }

    /// What other requirements say of the answer: a case for each, which is asked with this one.
    fn further(
        &mut self,
        context: &Context<'_>,
        source: &CaseSource,
        labels: &[String],
        case: &Case,
        at: usize,
    ) -> Vec<Case> {
        let mut said: BTreeMap<&str, Vec<Alternative>> = BTreeMap::new();
        for (id, one) in case.expected.alternatives().flat_map(|one| &one.also) {
            said.entry(id).or_default().push(one.clone());
        }
        let mut further = Vec::new();
        for (id, alternatives) in said {
            let place = source.expect.as_ref().map(|expect| expect.referenced).or(Some(source.id.referenced));
            let Some(requirement) = context.ledger.get(id) else {
                self.say(context.file, place, format!("`also`: no requirement `{id}` in requirements.yaml"));
                continue;
            };
            if case.level == Level::Survey || requirement.level == Level::Survey {
                let message = format!("`also: {id}` binds nobody: neither the case nor the requirement can be SURVEY");
                self.say(context.file, place, message);
                continue;
            }
            let written_id = format!("{}@{id}", source.id.value);
            let full = std::iter::once(format!("{}/{written_id}", context.suite_id)).chain(labels.iter().cloned());
            let lowered = if source.level.is_some() { Level::Should } else { Level::Must };
            further.push(Case {
                id: full.collect::<Vec<_>>().join("/"),
                written_id,
                requirements: std::iter::once(id.to_owned())
                    .chain(case.requirements.iter().filter(|other| *other != id).cloned())
                    .collect(),
                level: requirement.level.min(lowered),
                question: requirement.question(),
                why: None,
                of: Some(at),
                expected: Expected::Judge(alternatives),
                ..case.clone()
            });
        }
        further
    }

    fn level(&mut self, context: &Context<'_>, source: &CaseSource) -> Option<(Level, Question)> {
        let place = Some(source.requirement.referenced);
        let ids = &source.requirement.value.0;
        for id in ids {
            if !context.ledger.contains_key(id.as_str()) {
                self.say(context.file, place, format!("no requirement `{id}` in requirements.yaml"));
            }
        }
        let Some(first) = ids.first() else {
            self.say(context.file, place, "a case names at least one requirement".to_owned());
            return None;
        };
        let tested = *context.ledger.get(first.as_str())?;
        let required = tested.level;
        let lowered = match source.level {
            None => required,
            Some(LoweredLevel::Should) => Level::Should,
            Some(LoweredLevel::Survey) => Level::Survey,
        };
        if lowered > required {
            self.say(
                context.file,
                place,
                format!("`{first}` is {}; a case can lower that level, never raise it", required.as_str()),
            );
        }
        Some((lowered, tested.question()))
    }
}

fn understand_request(value: Value, recipes: &Recipes) -> Result<Request, String> {
    let request = Request::understand(value)?;
    match &request.token {
        Some(TokenRef::Named(name)) => {
            recipes.find(name).ok_or_else(|| recipe::unknown(name, recipes.0.keys()))?;
        }
        Some(TokenRef::Inline(recipe)) => check_recipe(recipe, recipes)?,
        None => {}
    }
    for name in request.templates().flat_map(|text| text.tokens()) {
        recipes.find(name).ok_or_else(|| recipe::unknown(name, recipes.0.keys()))?;
    }
    Ok(request)
}

fn understand_expected(
    combination: &expand::Combination,
    source: &CaseSource,
    names: &Names,
) -> Result<Expected, String> {
    match (&source.expect, &source.observe) {
        (Some(expect), None) if source.reference.is_none() => {
            names.resolve(&combination.fill(&expect.value)).map(Expected::Judge)
        }
        (None, Some(observe)) => {
            let mut labels = Vec::new();
            for (label, value) in &observe.value {
                labels.push((
                    label.clone(),
                    names.resolve(&combination.fill(value)).map_err(|error| format!("`{label}`: {error}"))?,
                ));
            }
            let reference =
                source.reference.as_ref().map(|label| match combination.fill(&Value::String(label.clone())) {
                    Value::String(label) => label,
                    other => other.to_string(),
                });
            if let Some(label) = &reference
                && !labels.iter().any(|(known, _)| known == label)
            {
                return Err(format!("`reference: {label}` is none of the labels of `observe`"));
            }
            Ok(Expected::Observe { labels, reference })
        }
        (Some(_), None) => Err("`reference` goes with `observe`".to_owned()),
        _ => Err("a case has either `expect` or `observe`".to_owned()),
    }
}
