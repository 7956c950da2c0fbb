//! What is proposed, in the words of `netlify.toml`, whose entries are no lines.

use rolegate::rules::{Apply, Conditions, QueryValue, RoleCondition, Rule};

/// The words of a proposal for `netlify.toml`: lines of `_redirects` in it as the fields of an entry.
pub(super) fn in_toml<'r>(help: &str, rules: impl Iterator<Item = &'r Rule>) -> String {
    rules.fold(help.to_owned(), |help, rule| {
        let fields: Vec<String> = fields(rule).iter().map(|field| format!("`{field}`")).collect();
        let entry = format!("an entry with {}", fields.join(", "));
        let help = [rule.to_string(), rule.text.clone()]
            .iter()
            .filter(|text| !text.is_empty())
            .fold(help, |help, text| help.replace(&format!("`{text}`"), &entry));
        let Some(Apply { status, conditions, .. }) = rule.apply() else { return help };
        let help = help.replace(&format!("`{status}!`"), "`force = true`");
        match table(conditions) {
            Some(table) => help.replace("`Role=`", &format!("`conditions = {table}`")),
            None => help,
        }
    })
}

/// The fields of an entry that says what the rule says.
fn fields(rule: &Rule) -> Vec<String> {
    let origin = rule.origin.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut fields = vec![format!("from = {}", quoted(&format!("{origin}{}", rule.pattern)))];
    let query: Vec<String> = rule
        .query
        .iter()
        .map(|constraint| {
            let value = match &constraint.value {
                QueryValue::Capture(name) => format!(":{name}"),
                QueryValue::Literal(text) => String::from_utf8_lossy(text).into_owned(),
            };
            format!("{} = {}", quoted(&String::from_utf8_lossy(&constraint.key)), quoted(&value))
        })
        .collect();
    if !query.is_empty() {
        fields.push(format!("query = {{ {} }}", query.join(", ")));
    }
    let Some(apply) = rule.apply() else { return fields };
    fields.push(format!("to = {}", quoted(&apply.to.to_string())));
    fields.push(format!("status = {}", apply.status));
    if apply.force {
        fields.push("force = true".to_owned());
    }
    fields.extend(table(&apply.conditions).map(|table| format!("conditions = {table}")));
    fields.extend(apply.signed.iter().map(|variable| format!("signed = {}", quoted(variable))));
    fields
}

/// The conditions as a table in one line.
fn table(conditions: &Conditions) -> Option<String> {
    let list = |values: &[String]| values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", ");
    let role = conditions.role.as_ref().map(|role| match role {
        RoleCondition::AnyToken => "Role = [\"*\"]".to_owned(),
        RoleCondition::AnyOf(roles) => format!("Role = [{}]", list(roles)),
    });
    let others = conditions
        .others()
        .iter()
        .filter_map(|condition| Some(format!("{} = [{}]", condition.key.name()?, list(&condition.values))));
    let items: Vec<String> = role.into_iter().chain(others).collect();
    (!items.is_empty()).then(|| format!("{{ {} }}", items.join(", ")))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use rolegate::rules::{RuleFiles, RuleSet};

    use super::*;

    #[test]
    fn lines_as_fields() {
        for (line, help, expected) in [
            (
                "/* /login.html 401!",
                "below it: `/* /login.html 401!`",
                "below it: an entry with `from = \"/*\"`, `to = \"/login.html\"`, `status = 401`, `force = true`",
            ),
            (
                "/a id=:id q=\"x\" /b/:id 200 Role=a,b Country=de",
                "add the same `Role=` here",
                "add the same `conditions = { Role = [\"a\", \"b\"], Country = [\"de\"] }` here",
            ),
            (
                "/a id=:id q=x\"y /b/:id 200 Role=*",
                "`/a id=:id q=x\"y /b/:id 200 Role=*`",
                "an entry with `from = \"/a\"`, `query = { \"id\" = \":id\", \"q\" = \"x\\\"y\" }`, `to = \"/b/:id\"`, `status = 200`, \
                 `conditions = { Role = [\"*\"] }`",
            ),
            ("/a /b 302!", "write `302!` to force the rule", "write `force = true` to force the rule"),
        ] {
            let set = RuleSet::parse(line.as_bytes()).rules;
            let told = in_toml(help, set.rules().iter());
            assert_eq!(told, expected, "{line}");
            let entry = fields(&set.rules()[0]).join("\n");
            let read = RuleSet::read(RuleFiles {
                redirects: b"",
                toml: format!("[[redirects]]\n{entry}\n").as_bytes(),
                headers: b"",
            });
            assert_eq!(read.rules.rules()[0].to_string(), set.rules()[0].to_string());
        }
    }
}
