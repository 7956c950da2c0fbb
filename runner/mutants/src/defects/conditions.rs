//! Country, language and cookie conditions (COND-1 to COND-3).

use Defect::{Decide, Request, RuleList};
use rolegate::decide::{Decision, Outcome, PassedOver};
use rolegate::rules::{ConditionKey, Conditions, Effect, Rule, RuleSet};
use rolegate::visitor::Visitor;

use crate::scene::{Asked, Scene};
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "condition/any-language-of-the-visitor",
        "COND-1",
        "every entry of `Accept-Language` counts, not only the first",
        Decide(|scene, visitor| {
            let plain = scene.decide(visitor);
            let entries = scene.asked.text("accept-language").unwrap_or_default();
            let others =
                entries.split(',').skip(1).map(|entry| scene.decide_at(&speaking(scene.asked, entry), visitor));
            let mut found = plain;
            for other in others {
                if other.by.unwrap_or(usize::MAX) < found.by.unwrap_or(usize::MAX) {
                    found = other;
                }
            }
            found
        }),
    ),
    Mutant::new(
        "condition/language-in-full",
        "COND-1",
        "`en` does not cover `en-GB`",
        Decide(|scene, visitor| {
            let entry = scene.asked.text("accept-language").unwrap_or_default();
            let tag = entry.split([',', ';']).next().unwrap_or_default().trim().to_lowercase();
            scene.decide_with(visitor, |rule| {
                let Some(apply) = rule.apply() else { return true };
                let list = apply.conditions.values(ConditionKey::Language);
                list.is_empty() || !tag.contains('-') || list.iter().any(|one| one.to_lowercase() == tag)
            })
        }),
    ),
    Mutant::new(
        "condition/language-by-its-beginning",
        "COND-1",
        "a language that only begins with the same letters counts",
        Request(|asked| {
            let Some(entry) = asked.text("accept-language") else { return };
            if let (Some(start), Some(rest)) = (entry.get(..2), entry.get(2..))
                && rest.starts_with(|c: char| c.is_ascii_alphabetic())
            {
                *asked = speaking(asked, &format!("{start}-{rest}"));
            }
        }),
    ),
    Mutant::new(
        "condition/language-with-case",
        "COND-1",
        "languages are compared with regard to case",
        Decide(|scene, visitor| {
            let entry = scene.asked.text("accept-language").unwrap_or_default();
            scene.decide_with(visitor, |rule| {
                let Some(apply) = rule.apply() else { return true };
                let list = apply.conditions.values(ConditionKey::Language);
                list.is_empty()
                    || list.iter().any(|one| entry.starts_with(one.as_str()))
                    || !list.iter().any(|one| entry.to_lowercase().starts_with(&one.to_lowercase()))
            })
        }),
    ),
    Mutant::new(
        "condition/country-with-case",
        "COND-1",
        "countries are compared with regard to case",
        RuleList(|rules| {
            conditions(rules, |conditions| {
                let mut codes = conditions.values(ConditionKey::Country).to_vec();
                for code in codes.iter_mut().filter(|code| code.chars().any(|c| c.is_ascii_lowercase())) {
                    *code = "??".to_owned();
                }
                conditions.set(ConditionKey::Country, codes);
            })
        }),
    ),
    Mutant::new(
        "condition/country-by-header",
        "COND-3",
        "the country comes from a header that any client can send",
        Request(|asked| {
            let names = ["x-country", "cf-ipcountry", "x-nf-country", "x-geo-country", "x-country-code"];
            asked.country = names.iter().find_map(|name| asked.text(name));
        }),
    ),
    Mutant::new(
        "condition/country-by-any-field-of-a-proxy",
        "COND-3",
        "through a trusted proxy every field that names a country is believed",
        Request(|asked| {
            let names =
                ["cf-ipcountry", "x-nf-country", "x-geo-country", "x-country-code", "cloudfront-viewer-country"];
            if let Some(country) = names.iter().find_map(|name| asked.text(name)) {
                asked.country = Some(country);
            }
        }),
    ),
    Mutant::new(
        "condition/country-source-ignored",
        "COND-3",
        "the configured source of the country is left out of account",
        Request(|asked| asked.country = None),
    ),
    Mutant::new(
        "condition/overrides-ignored",
        "COND-1",
        "the cookies `nf_country` and `nf_lang` override nothing",
        Request(|asked| {
            for (_, value) in asked.headers.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case("cookie")) {
                let text =
                    String::from_utf8_lossy(value).replace("nf_country=", "x-country=").replace("nf_lang=", "x-lang=");
                *value = text.into_bytes();
            }
        }),
    ),
    Mutant::new(
        "condition/one-is-enough",
        "COND-1",
        "of several conditions one that holds is enough",
        Decide(|scene, visitor| {
            scene.decide_over(visitor, |rule| {
                let Effect::Apply(apply) = &rule.effect else { return Some(rule.clone()) };
                let others = apply.conditions.others().iter();
                let mut singles = others.filter(|one| one.key != ConditionKey::Unknown).map(|one| {
                    let mut single = Conditions::default();
                    single.role.clone_from(&apply.conditions.role);
                    single.set(one.key, one.values.clone());
                    single
                });
                let held = singles.find(|single| holds(scene, visitor, rule, single));
                Some(held.map_or_else(|| rule.clone(), |held| with(rule, held)))
            })
        }),
    ),
    Mutant::new(
        "condition/lists-need-every-item",
        "COND-1",
        "only the first item of a list of countries or languages counts",
        RuleList(|rules| {
            conditions(rules, |conditions| {
                for key in [ConditionKey::Country, ConditionKey::Language] {
                    let first = conditions.values(key).iter().take(1).cloned().collect();
                    conditions.set(key, first);
                }
            })
        }),
    ),
    Mutant::new(
        "condition/empty-cookie-counts",
        "COND-1",
        "a cookie without a value satisfies a cookie condition",
        Request(|asked| {
            for (_, value) in asked.headers.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case("cookie")) {
                let text = String::from_utf8_lossy(value).into_owned();
                let filled: Vec<String> =
                    text.split(';')
                        .map(|pair| {
                            if pair.trim_end().ends_with('=') {
                                format!("{}x", pair.trim_end())
                            } else {
                                pair.to_owned()
                            }
                        })
                        .collect();
                *value = filled.join(";").into_bytes();
            }
        }),
    ),
    Mutant::new(
        "condition/cookie-by-its-beginning",
        "COND-1",
        "a cookie whose name only begins with the wanted one satisfies the condition",
        Decide(|scene, visitor| {
            let names: Vec<String> = scene.asked.lend(|request| {
                rolegate::cookie::pairs(request.cookie_lines())
                    .map(|(name, _)| String::from_utf8_lossy(name).into_owned())
                    .collect()
            });
            scene.decide_over(visitor, |rule| {
                let mut rule = rule.clone();
                if let Effect::Apply(apply) = &mut rule.effect {
                    let mut wanted = apply.conditions.values(ConditionKey::Cookie).to_vec();
                    let begun = |name: &&String| wanted.iter().any(|wanted| name.starts_with(wanted.as_str()));
                    let more: Vec<String> = names.iter().filter(begun).cloned().collect();
                    wanted.extend(more);
                    apply.conditions.set(ConditionKey::Cookie, wanted);
                }
                Some(rule)
            })
        }),
    ),
    Mutant::new(
        "condition/failed-one-denies",
        "COND-2",
        "a visitor from another country is denied the file although no role is asked for",
        Decide(|scene, visitor| {
            let decision = scene.decide(visitor);
            let failed = decision.passed_over.iter().any(|(_, why)| matches!(why, PassedOver::Condition(_)));
            if failed && decision.by.is_none() && matches!(decision.outcome, Outcome::Serve { .. }) {
                return Decision { outcome: Outcome::NotFound { forced: true, page: None }, ..decision };
            }
            decision
        }),
    ),
    Mutant::new(
        "condition/ignored",
        "COND-1",
        "country, language and cookie conditions are ignored",
        RuleList(|rules| {
            conditions(rules, |conditions| {
                for key in [ConditionKey::Country, ConditionKey::Language, ConditionKey::Cookie] {
                    conditions.set(key, Vec::new());
                }
            })
        }),
    ),
];

fn speaking(asked: &Asked, entry: &str) -> Asked {
    let mut other = asked.clone();
    other.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("accept-language"));
    other.headers.push(("Accept-Language".to_owned(), entry.trim().as_bytes().to_vec()));
    other
}

fn conditions(mut rules: Vec<Rule>, edit: impl Fn(&mut Conditions)) -> Vec<Rule> {
    for rule in &mut rules {
        if let Effect::Apply(apply) = &mut rule.effect {
            edit(&mut apply.conditions);
        }
    }
    rules
}

fn with(rule: &Rule, conditions: Conditions) -> Rule {
    let mut rule = rule.clone();
    if let Effect::Apply(apply) = &mut rule.effect {
        apply.conditions = conditions;
    }
    rule
}

/// Whether a rule would decide with these conditions.
fn holds(scene: &Scene<'_>, visitor: &Visitor, rule: &Rule, conditions: &Conditions) -> bool {
    let rules = RuleSet::of([with(rule, conditions.clone())]);
    scene.decide_as(scene.asked, &rules, visitor).by.is_some()
}
