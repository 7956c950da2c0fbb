//! Who asks: nobody, whoever forged a token, and whoever holds a good one.

use std::collections::{BTreeMap, BTreeSet};

use gatecheck::corpus::recipe::{Edit, KeyText, Mac, Part, Recipe, Recipes, Signature};
use serde_json::{Map, Value, json};

use crate::model::{RuleView, Who};
use crate::moved::literal;

/// A kind of visitor, by what it has in hand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Visitor {
    /// The name in ids of cases: `anonymous`, `unsigned`, `holder-of-admin`.
    pub id: String,
    /// In words, for reports.
    pub words: String,
    /// The recipe of its token; none for a visitor without one.
    pub recipe: Option<String>,
    /// Who that is, as far as the rules care.
    pub who: Who,
    /// Whether it is let in by nothing: without a token, or with one that must not count.
    pub is_stranger: bool,
}

/// All visitors, with the recipes of their tokens.
#[derive(Clone, Debug, Default)]
pub struct Visitors {
    /// The recipes.
    pub recipes: Recipes,
    /// Whose token counts, by role; the empty name is a holder of no role.
    holders: BTreeMap<String, Visitor>,
    /// Whose token counts and holds nothing but what looks like a role, by that role.
    alike: BTreeMap<String, Visitor>,
    forged: Vec<Forgery>,
    /// Roles that rules name and nobody here holds.
    pub lacking: Vec<String>,
}

/// A way to forge a token.
#[derive(Clone, Debug)]
struct Forgery {
    id: &'static str,
    words: &'static str,
    change: Recipe,
}

/// What there is to make tokens with.
#[derive(Clone, Debug, Default)]
pub struct Means {
    /// The secret of the site.
    pub secret: Option<String>,
    /// Roles for which real tokens were given; the empty name is a token without a role.
    pub given: BTreeSet<String>,
    /// The claim `iss` that the gate asks for, and that tokens bear.
    pub issuer: Option<String>,
    /// The same of the claim `aud`.
    pub audience: Option<String>,
}

/// The recipe of a token that holds this role; of none where it is empty.
#[must_use]
pub fn holder_recipe(role: &str) -> String {
    if role.is_empty() { "holder-of-no-role".to_owned() } else { format!("holder-of-{role}") }
}

impl Visitors {
    /// The visitors for these rules.
    #[must_use]
    pub fn of(rules: &[RuleView], means: &Means) -> Self {
        let named: BTreeSet<String> = rules.iter().flat_map(|rule| rule.roles.iter().cloned()).collect();
        let forged = forgeries(means);
        let mut visitors = Self { forged, ..Self::default() };
        for role in named.iter().map(String::as_str).chain([""]) {
            let name = holder_recipe(role);
            visitors.recipes.0.insert(name.clone(), good(role, means));
            if means.secret.is_none() && !means.given.contains(role) {
                if !role.is_empty() {
                    visitors.lacking.push(role.to_owned());
                }
                continue;
            }
            let (words, roles) = match role {
                "" => ("whoever holds no role".to_owned(), Vec::new()),
                role => (format!("whoever holds `{role}`"), vec![role.to_owned()]),
            };
            let visitor =
                Visitor { id: name.clone(), words, recipe: Some(name), who: Who::Holder(roles), is_stranger: false };
            visitors.holders.insert(role.to_owned(), visitor);
            if means.secret.is_some() && !role.is_empty() {
                visitors.add_alike(role, &named, means);
            }
        }
        for role in named.iter().map(String::as_str).chain([""]) {
            for forgery in &visitors.forged {
                let name = forged_recipe(forgery.id, role);
                let recipe = Recipe { base: Some(holder_recipe(role)), ..forgery.change.clone() };
                visitors.recipes.0.insert(name, recipe);
            }
        }
        visitors
    }

    fn add_alike(&mut self, role: &str, named: &BTreeSet<String>, means: &Means) {
        let roles: Vec<String> = alike(role).into_iter().filter(|alike| !named.contains(alike)).collect();
        let recipe = format!("holder-of-what-looks-like-{role}");
        self.recipes.0.insert(recipe.clone(), Recipe { roles: Some(json!(roles)), ..good(role, means) });
        let visitor = Visitor {
            id: format!("alike-{role}"),
            words: format!("whoever holds what looks like `{role}`"),
            recipe: Some(recipe),
            who: Who::Holder(roles),
            is_stranger: false,
        };
        self.alike.insert(role.to_owned(), visitor);
    }

    /// Whoever has no token.
    #[must_use]
    pub fn anonymous() -> Visitor {
        Visitor {
            id: "anonymous".to_owned(),
            words: "everybody".to_owned(),
            recipe: None,
            who: Who::Nobody,
            is_stranger: true,
        }
    }

    /// Whoever forged a token that claims this role, in every way there is.
    #[must_use]
    pub fn forgers(&self, role: &str) -> Vec<Visitor> {
        let forger = |forgery: &Forgery| Visitor {
            id: forgery.id.to_owned(),
            words: format!("whoever sends {}", forgery.words),
            recipe: Some(forged_recipe(forgery.id, role)),
            who: Who::Nobody,
            is_stranger: true,
        };
        self.forged.iter().map(forger).collect()
    }

    /// Whoever holds what looks like this role and is none that the rules name.
    #[must_use]
    pub fn alike(&self, role: &str) -> Option<&Visitor> {
        self.alike.get(role)
    }

    /// Everybody who holds nothing but what looks like a role.
    pub fn alikes(&self) -> impl Iterator<Item = &Visitor> {
        self.alike.values()
    }

    /// The recipes of tokens that open few closed files or none: one that is forged, and one without a role where there is one.
    #[must_use]
    pub fn controls(&self) -> Vec<String> {
        let forged = self.forged.iter().find(|forgery| forgery.id == "wrong-key");
        let forged = forged.map(|forgery| forged_recipe(forgery.id, ""));
        forged.into_iter().chain(self.holder("").and_then(|holder| holder.recipe.clone())).collect()
    }

    /// How many ways there are to forge a token.
    #[must_use]
    pub fn forgeries(&self) -> usize {
        self.forged.len()
    }

    /// Whoever holds a role; a holder of no role by the empty name.
    #[must_use]
    pub fn holder(&self, role: &str) -> Option<&Visitor> {
        self.holders.get(role)
    }

    /// Everybody whose token counts.
    pub fn holders(&self) -> impl Iterator<Item = &Visitor> {
        self.holders.values()
    }

    /// The visitors in one line.
    #[must_use]
    pub fn told(&self) -> String {
        let roles: Vec<&str> = self.holders.keys().map(String::as_str).filter(|role| !role.is_empty()).collect();
        let mut told = format!("anonymous, {} bad tokens", self.forged.len());
        if !roles.is_empty() {
            told.push_str(&format!(", holders of {}", roles.join(", ")));
        }
        if self.holders.contains_key("") {
            told.push_str(if roles.is_empty() { ", a holder of no role" } else { ", none of them" });
        }
        if !self.alike.is_empty() {
            told.push_str(", what looks like them");
        }
        told
    }
}

/// Roles that a lenient comparison takes for this one (ROLE-5, ROLE-6).
fn alike(role: &str) -> BTreeSet<String> {
    let wide = |letter: char| match letter {
        letter if letter.is_ascii_graphic() => char::from_u32((letter as u32).wrapping_add(0xFEE0)).unwrap_or(letter),
        letter => letter,
    };
    let mut letters = role.chars();
    let first = letters.next();
    let rest = letters.as_str();
    let capital: String = first.into_iter().flat_map(char::to_uppercase).chain(rest.chars()).collect();
    let invisible: String = first.into_iter().chain(['\u{200b}']).chain(rest.chars()).collect();
    let mut shorter = role.to_owned();
    shorter.pop();
    let others = [
        role.to_uppercase(),
        role.to_lowercase(),
        capital,
        role.chars().map(wide).collect(),
        invisible,
        format!(" {role}"),
        format!("{role} "),
        format!("{role}s"),
        format!("{shorter}*"),
        shorter,
        format!("a{role}"),
        format!("{role},other"),
        "*".to_owned(),
        ".*".to_owned(),
        "%".to_owned(),
    ];
    others.into_iter().filter(|other| !other.is_empty() && other != role).collect()
}

fn forged_recipe(id: &str, role: &str) -> String {
    format!("{id} for {}", holder_recipe(role))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn good(role: &str, means: &Means) -> Recipe {
    let mut claims = object(json!({ "sub": "gatecheck-audit", "exp": "$(now+3600)" }));
    claims.extend(means.issuer.clone().map(|issuer| ("iss".to_owned(), json!(literal(&issuer)))));
    claims.extend(means.audience.clone().map(|audience| ("aud".to_owned(), json!(literal(&audience)))));
    let roles = if role.is_empty() { json!([]) } else { json!([role]) };
    Recipe { header: object(json!({ "alg": "HS256", "typ": "JWT" })), claims, roles: Some(roles), ..Recipe::default() }
}

/// Tokens that must not count. None of the first ones needs the secret: they are refused whatever it is.
fn forgeries(means: &Means) -> Vec<Forgery> {
    let header = |value: Value| object(value);
    let key = |text: &str| Some(KeyText::Text(text.to_owned()));
    let edit = |edit: Edit| vec![edit];
    let none = || Edit {
        append: None,
        prepend: None,
        insert: None,
        at: None,
        replace: None,
        with: None,
        set: None,
        drop: false,
        alphabet: None,
        trailing_bits: None,
        to: Part::Token,
    };
    let change = Recipe::default;
    let another = "another-secret-of-64-bytes-that-no-gate-was-ever-given-0000000000";
    let mut all = vec![
        (
            "unsigned",
            "a token that says it is unsigned",
            Recipe { header: header(json!({ "alg": "none" })), signature: Some(Signature::Empty), ..change() },
        ),
        (
            "unsigned-in-capitals",
            "a token that says it is unsigned, in capitals",
            Recipe { header: header(json!({ "alg": "NONE" })), signature: Some(Signature::Empty), ..change() },
        ),
        ("wrong-key", "a token signed with another key", Recipe { key: key(another), ..change() }),
        ("empty-key", "a token signed with the empty key", Recipe { key: key(""), ..change() }),
        ("guessed-key", "a token signed with the key `secret`", Recipe { key: key("secret"), ..change() }),
        ("no-signature", "a token with an empty signature", Recipe { signature: Some(Signature::Empty), ..change() }),
        ("zero-signature", "a token signed with zeros", Recipe { signature: Some(Signature::Zeros), ..change() }),
        (
            "unknown-algorithm",
            "a token of an unknown algorithm",
            Recipe { header: header(json!({ "alg": "XS256" })), key: key(another), ..change() },
        ),
        (
            "other-algorithm",
            "a token of another algorithm",
            Recipe { header: header(json!({ "alg": "HS512" })), mac: Some(Mac::HS512), key: key(another), ..change() },
        ),
        (
            "two-parts",
            "a token without a third part",
            Recipe { edits: edit(Edit { drop: true, to: Part::Signature, ..none() }), ..change() },
        ),
        (
            "expired-wrong-key",
            "a token that ran out, signed with another key",
            Recipe { claims: header(json!({ "exp": "$(now-3600)" })), key: key(another), ..change() },
        ),
        (
            "garbage",
            "what is no token",
            Recipe { edits: edit(Edit { set: Some("garbage".to_owned()), ..none() }), ..change() },
        ),
        ("empty", "an empty cookie", Recipe { edits: edit(Edit { set: Some(String::new()), ..none() }), ..change() }),
    ];
    if means.secret.is_some() {
        all.extend([
            ("expired", "a token that ran out", Recipe { claims: header(json!({ "exp": "$(now-3600)" })), ..change() }),
            (
                "not-yet-valid",
                "a token that is not valid yet",
                Recipe { claims: header(json!({ "nbf": "$(now+1800)" })), ..change() },
            ),
            (
                "tampered",
                "a token whose roles were changed",
                Recipe { signature: Some(Signature::Of("holder-of-no-role".to_owned())), ..change() },
            ),
            (
                "unsigned-with-mac",
                "a token that says it is unsigned, with the right signature",
                Recipe { header: header(json!({ "alg": "none" })), ..change() },
            ),
            (
                "half-signature",
                "a token with half its signature",
                Recipe { signature: Some(Signature::Truncate(16)), ..change() },
            ),
            (
                "flipped-bit",
                "a token with one bit of its signature changed",
                Recipe { signature: Some(Signature::FlipBit(0)), ..change() },
            ),
            (
                "other-hash",
                "a token of the right secret and another algorithm",
                Recipe { header: header(json!({ "alg": "HS384" })), mac: Some(Mac::HS384), ..change() },
            ),
        ]);
        let without = |claim: &str| Recipe { drop_claims: vec![claim.to_owned()], ..change() };
        let other = json!("https://another.example/");
        if means.issuer.is_some() {
            all.extend([
                (
                    "other-issuer",
                    "a token of another issuer",
                    Recipe { claims: header(json!({ "iss": other })), ..change() },
                ),
                ("no-issuer", "a token without an issuer", without("iss")),
            ]);
        }
        if means.audience.is_some() {
            all.extend([
                (
                    "other-audience",
                    "a token for another audience",
                    Recipe { claims: header(json!({ "aud": other })), ..change() },
                ),
                (
                    "other-audiences",
                    "a token for a list of other audiences",
                    Recipe { claims: header(json!({ "aud": [other] })), ..change() },
                ),
                ("no-audience", "a token without an audience", without("aud")),
            ]);
        }
    }
    all.into_iter().map(|(id, words, change)| Forgery { id, words, change }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_role_is_never_one() {
        let all = alike("reader");
        for one in
            ["READER", "Reader", "\u{FF52}\u{FF45}\u{FF41}\u{FF44}\u{FF45}\u{FF52}", "reader ", "reade", "reade*", "*"]
        {
            assert!(all.contains(one), "{one}: {all:?}");
        }
        for role in ["reader", "READER", "x", "*", "é"] {
            assert!(!alike(role).contains(role) && !alike(role).contains(""), "{role}");
        }
        let mut visitors = Visitors::default();
        let named = ["reader", "Reader", "*"].map(str::to_owned).into();
        visitors.add_alike("reader", &named, &Means::default());
        let Some(Visitor { who: Who::Holder(roles), .. }) = visitors.alike("reader") else { panic!("nobody") };
        assert!(!roles.is_empty() && roles.iter().all(|role| !named.contains(role)), "{roles:?}");
    }
}
