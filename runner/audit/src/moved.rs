//! The recipes of the corpus for a user's gate: for the role that its rules ask for, with the roles where it looks for them, and from the issuer and for the
//! audience that it asks for. So what is wrong with a token is the one thing that its case names.

use gatecheck::corpus::recipe::{Edit, Recipe, Recipes};
use gatecheck::corpus::request::TokenRef;
use gatecheck::corpus::{DEFAULT_ROLE_PATH, Settings, Suite};
use gatecheck::mint::role_path;
use serde_json::Value;

use crate::renamed;

/// The gate for which recipes are made.
#[derive(Debug)]
pub(crate) struct Home<'a> {
    role: &'a str,
    /// The names on the way to the roles; none where they are the corpus' own.
    path: Option<Vec<String>>,
    /// The claims that every token bears.
    claims: Vec<(&'static str, String)>,
    /// An issuer or an audience of a suite, and the gate's own that takes its place.
    names: Vec<(String, String)>,
}

/// How the roles begin in the texts of the corpus.
const ROLES: &str = r#""app_metadata":{"authorization":{"#;

impl<'a> Home<'a> {
    /// A gate with these settings that asks for this role, for the recipes of a suite.
    pub(crate) fn of(suite: &Suite, settings: &Settings, role: &'a str) -> Self {
        let claims = [("iss", &settings.issuer), ("aud", &settings.audience)];
        let claims = claims.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
        let theirs = [(&suite.settings.issuer, &settings.issuer), (&suite.settings.audience, &settings.audience)];
        let names = theirs.into_iter().filter_map(|(theirs, own)| Some((theirs.clone()?, own.clone()?))).collect();
        let path = (settings.role_path != DEFAULT_ROLE_PATH).then(|| role_path(&settings.role_path));
        Self { role, path, claims, names }
    }

    /// The recipes of a suite for this gate.
    pub(crate) fn recipes(&self, suite: &Suite) -> Recipes {
        Recipes(suite.recipes.0.iter().map(|(name, made)| (name.clone(), self.recipe(made))).collect())
    }

    /// The token of a case for this gate; the recipe of a named one is made where it stands.
    pub(crate) fn token(&self, token: &TokenRef) -> TokenRef {
        match token {
            TokenRef::Inline(made) => TokenRef::Inline(Box::new(self.recipe(made))),
            TokenRef::Named(name) => TokenRef::Named(name.clone()),
        }
    }

    /// Whether a token is the same for this gate as it is in the corpus: a text that puts the roles where the corpus looks for them in a way of its own is not.
    pub(crate) fn has_moved(&self, recipes: &Recipes, token: &TokenRef) -> bool {
        let Some(path) = &self.path else { return true };
        let recipe = match token {
            TokenRef::Inline(recipe) => Some(&**recipe),
            TokenRef::Named(name) => recipes.find(name),
        };
        let text = recipe.and_then(|recipe| recipes.flatten(recipe).ok()?.claims_text).unwrap_or_default();
        role_path(DEFAULT_ROLE_PATH)
            .iter()
            .filter(|name| *name != "roles" && !path.contains(name))
            .all(|name| !text.contains(name.as_str()))
    }

    fn recipe(&self, recipe: &Recipe) -> Recipe {
        let text = |text: &str| self.named(&renamed::text(text, self.role));
        let maybe = |value: &Option<String>| value.as_deref().map(text);
        let edit = |edit: &Edit| Edit {
            append: maybe(&edit.append),
            prepend: maybe(&edit.prepend),
            insert: maybe(&edit.insert),
            replace: maybe(&edit.replace),
            with: maybe(&edit.with),
            set: maybe(&edit.set),
            ..edit.clone()
        };
        let mut made = Recipe {
            roles: recipe.roles.as_ref().map(|made| value(made, &text)),
            claims: recipe.claims.iter().map(|(name, made)| (name.clone(), value(made, &text))).collect(),
            header: recipe.header.iter().map(|(name, made)| (name.clone(), value(made, &text))).collect(),
            header_text: maybe(&recipe.header_text),
            claims_text: maybe(&recipe.claims_text).map(|text| self.written(&text)),
            edits: recipe.edits.iter().map(edit).collect(),
            ..recipe.clone()
        };
        if made.base.is_none() {
            for (name, own) in &self.claims {
                made.claims.entry((*name).to_owned()).or_insert_with(|| Value::from(literal(own)));
            }
        }
        made
    }

    /// A text with the gate's own issuer and audience in the place of those of the suite, with and without the slash at their end, and in capitals.
    fn named(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (theirs, own) in &self.names {
            let bare = theirs.trim_end_matches('/');
            let mut shorter = own.clone();
            shorter.pop();
            text = text.replace(theirs.as_str(), &literal(own)).replace(bare, &literal(&shorter));
            let capitals = bare.split_once("://").zip(bare.split_once('.')).map(|((scheme, host), (_, rest))| {
                let host = host.split('.').next().unwrap_or_default().to_uppercase();
                format!("{scheme}://{host}.{rest}")
            });
            if let Some(capitals) = capitals {
                text = text.replace(&format!("{capitals}/"), &literal(&own.to_uppercase()));
            }
        }
        text
    }

    /// A text of claims with the roles where the gate looks for them, and with the claims that every token bears, unless it names them itself.
    fn written(&self, text: &str) -> String {
        let text = match &self.path {
            Some(path) => at_the_path(text, path),
            None => text.to_owned(),
        };
        let Some((before, after)) = text.split_once('{') else { return text };
        if before.contains('"') || before.replace("$(x:", "").contains("$(") {
            return text;
        }
        let members = self.claims.iter().filter(|(name, _)| !text.contains(&format!("\"{name}\"")));
        let members: Vec<String> = members.map(|(name, own)| format!("\"{name}\":{}", json(own))).collect();
        let comma = if members.is_empty() || after.trim_start().starts_with('}') { "" } else { "," };
        format!("{before}{{{}{comma}{after}", members.join(","))
    }
}

fn value(made: &Value, text: &dyn Fn(&str) -> String) -> Value {
    match made {
        Value::String(made) => Value::String(text(made)),
        Value::Array(items) => items.iter().map(|item| value(item, text)).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, made)| (text(name), value(made, text))).collect())
        }
        other => other.clone(),
    }
}

/// A text that stands for itself in a recipe.
pub(crate) fn literal(text: &str) -> String {
    text.replace("$(", "$$(")
}

fn json(text: &str) -> String {
    literal(&Value::from(text).to_string())
}

/// The text with the roles at this path, wherever it has them where the corpus looks for them.
fn at_the_path(text: &str, path: &[String]) -> String {
    let Some((last, above)) = path.split_last() else { return text.to_owned() };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(ROLES) {
        let Some((body, behind)) = closed(after).and_then(|(body, behind)| Some((body, behind.strip_prefix('}')?)))
        else {
            break;
        };
        out.push_str(before);
        above.iter().for_each(|name| out.push_str(&format!("{}:{{", json(name))));
        out.push_str(&body.replace("\"roles\":", &format!("{}:", json(last))));
        above.iter().for_each(|_| out.push('}'));
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// What stands before the brace that closes an object whose first brace is behind us, and what stands behind it.
fn closed(text: &str) -> Option<(&str, &str)> {
    let (mut depth, mut in_text, mut is_escaped) = (1_usize, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if in_text => is_escaped = true,
            '"' => in_text = !in_text,
            '{' if !in_text => depth = depth.saturating_add(1),
            '}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some((text.get(..at)?, text.get(at.saturating_add(1)..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_claims_are_made_for_the_gate() {
        let names = |path: &str| role_path(path);
        for (text, path, moved) in [
            (r#"{"exp":1,"app_metadata":{"authorization":{"roles":["a"]}}}"#, "roles", r#"{"exp":1,"roles":["a"]}"#),
            (
                r#"{"app_metadata":{"authorization":{"roles":["a}"],"roles":{}}},"x":1}"#,
                "a.b",
                r#"{"a":{"b":["a}"],"b":{}},"x":1}"#,
            ),
            (
                r#"{"app_metadata":{"authorization":{"roles":"$(x:00)"}}"#,
                "/https:~1~1x.y",
                r#"{"https://x.y":"$(x:00)""#,
            ),
            (r#"{"app_metadata":{"authorization":"x"}}"#, "roles", r#"{"app_metadata":{"authorization":"x"}}"#),
        ] {
            assert_eq!(at_the_path(text, &names(path)), moved, "{text}");
        }
        let home = Home {
            role: "x",
            path: None,
            claims: vec![("iss", "a".to_owned()), ("aud", "$(b)\"".to_owned())],
            names: vec![],
        };
        for (text, written) in [
            (r#"{"exp":1}"#, r#"{"iss":"a","aud":"$$(b)\"","exp":1}"#),
            (r#"$(x:ef) { }"#, r#"$(x:ef) {"iss":"a","aud":"$$(b)\"" }"#),
            (r#"{"iss":1}"#, r#"{"aud":"$$(b)\"","iss":1}"#),
            (r#""{\"exp\":1}""#, r#""{\"exp\":1}""#),
            ("$(claims){}", "$(claims){}"),
            ("not json", "not json"),
        ] {
            assert_eq!(home.written(text), written, "{text}");
        }
    }

    #[test]
    fn names_of_a_suite_become_those_of_the_gate() {
        let names = vec![("https://login.example/".to_owned(), "me".to_owned())];
        let home = Home { role: "x", path: None, claims: Vec::new(), names };
        for (text, named) in [
            ("https://login.example/", "me"),
            ("https://login.example", "m"),
            ("https://login.example/a", "mea"),
            ("https://LOGIN.example/", "ME"),
            ("https://login.example@evil.example/", "m@evil.example/"),
            ("https://other.example/", "https://other.example/"),
        ] {
            assert_eq!(home.named(text), named);
        }
    }
}
