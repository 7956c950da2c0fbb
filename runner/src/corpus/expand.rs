//! Axes: one written case becomes one case for each combination of values.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A generated axis.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sweep {
    /// The first integer.
    #[serde(default)]
    pub from: Option<i64>,
    /// The last integer, included.
    #[serde(default)]
    pub to: Option<i64>,
    /// A path; one value for each byte other than `/`, with that byte percent-encoded.
    #[serde(default)]
    pub percent_encode: Option<String>,
    /// The case of the hexadecimal digits.
    #[serde(default)]
    pub hex: Option<HexCase>,
}

/// The case of hexadecimal digits.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum HexCase {
    /// `%2f`
    Lower,
    /// `%2F`
    Upper,
}

/// A named list of labelled values.
#[derive(Clone, Debug)]
pub struct Axis {
    name: String,
    values: Vec<(String, Value)>,
}

/// One combination: the labels, joined for the id, and the value of each axis.
#[derive(Clone, Debug, Default)]
pub struct Combination {
    /// The labels in axis order.
    pub labels: Vec<String>,
    values: Vec<(String, Value)>,
}

/// Reads the axes of a case, written ones first.
///
/// # Errors
/// A sentence that says what is wrong and what to write instead.
pub fn axes(each: Option<&Map<String, Value>>, sweep: Option<&Map<String, Value>>) -> Result<Vec<Axis>, String> {
    let mut axes = Vec::new();
    for (name, values) in each.into_iter().flatten() {
        let values = match values {
            Value::Array(items) => {
                items.iter().map(|item| Ok((label(name, item)?, item.clone()))).collect::<Result<Vec<_>, String>>()?
            }
            Value::Object(map) => map.iter().map(|(label, value)| (label.clone(), value.clone())).collect(),
            _ => return Err(format!("axis `{name}` is a list of values or a map of labels to values")),
        };
        axes.push(Axis { name: name.clone(), values });
    }
    for (name, spec) in sweep.into_iter().flatten() {
        let sweep: Sweep = serde_json::from_value(spec.clone()).map_err(|error| format!("axis `{name}`: {error}"))?;
        axes.push(Axis { name: name.clone(), values: swept(name, &sweep)? });
    }
    for axis in &axes {
        if axis.values.is_empty() {
            return Err(format!("axis `{}` has no values", axis.name));
        }
        for (at, (label, _)) in axis.values.iter().enumerate() {
            if !is_label(label) {
                return Err(format!(
                    "axis `{}`: `{label}` makes no good id; write the map form, `label: value`, with letters, digits, `-`, `_`, `.`",
                    axis.name
                ));
            }
            if axis.values.iter().skip(at.saturating_add(1)).any(|(other, _)| other == label) {
                return Err(format!("axis `{}` has the label `{label}` twice", axis.name));
            }
        }
    }
    Ok(axes)
}

/// Every combination of the values, the last axis running fastest.
#[must_use]
pub fn combinations(axes: &[Axis]) -> Vec<Combination> {
    let mut all = vec![Combination::default()];
    for axis in axes {
        all = all
            .iter()
            .flat_map(|so_far| {
                axis.values.iter().map(|(label, value)| {
                    let mut next = so_far.clone();
                    next.labels.push(label.clone());
                    next.values.push((axis.name.clone(), value.clone()));
                    next
                })
            })
            .collect();
    }
    all
}

impl Combination {
    /// The tree with `$(axis)` and `$(axis.member)` replaced; a text that is nothing but the placeholder takes the value with its
    /// type. A value may hold placeholders of other axes.
    #[must_use]
    pub fn fill(&self, tree: &Value) -> Value {
        let mut filled = self.fill_once(tree);
        for _ in &self.values {
            filled = self.fill_once(&filled);
        }
        filled
    }

    fn fill_once(&self, tree: &Value) -> Value {
        match tree {
            Value::String(text) => self.fill_text(text),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.fill_once(item)).collect()),
            Value::Object(map) => {
                Value::Object(map.iter().map(|(name, value)| (self.fill_name(name), self.fill_once(value))).collect())
            }
            other => other.clone(),
        }
    }

    /// Whether any axis is used in the tree.
    #[must_use]
    pub fn unused<'a>(&'a self, trees: &[&Value]) -> Option<&'a str> {
        let mut text: String = trees.iter().map(|tree| tree.to_string()).collect();
        text.extend(self.values.iter().map(|(_, value)| value.to_string()));
        let used = |name: &str| text.contains(&format!("$({name})")) || text.contains(&format!("$({name}."));
        self.values.iter().map(|(name, _)| name.as_str()).find(|name| !used(name))
    }

    fn fill_name(&self, name: &str) -> String {
        match self.fill_text(name) {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }

    fn fill_text(&self, text: &str) -> Value {
        let mut filled = text.to_owned();
        for (name, value) in &self.values {
            let whole = std::iter::once((format!("$({name})"), value));
            let members =
                value.as_object().into_iter().flatten().map(|(member, value)| (format!("$({name}.{member})"), value));
            for (placeholder, value) in whole.chain(members) {
                if filled == placeholder {
                    return value.clone();
                }
                if filled.contains(&placeholder) {
                    let value = match value {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    filled = filled.replace(&placeholder, &value);
                }
            }
        }
        Value::String(filled)
    }
}

fn label(axis: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Null => Ok("null".to_owned()),
        _ => Err(format!("axis `{axis}`: this value makes no id; write the map form, `label: value`")),
    }
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn swept(name: &str, sweep: &Sweep) -> Result<Vec<(String, Value)>, String> {
    match (sweep.from, sweep.to, &sweep.percent_encode) {
        (Some(from), Some(to), None) if from <= to && to.saturating_sub(from) < 4096 => {
            Ok((from..=to).map(|number| (number.to_string(), Value::from(number))).collect())
        }
        (None, None, Some(path)) => {
            let upper = sweep.hex != Some(HexCase::Lower);
            let bytes = path.as_bytes();
            Ok(bytes
                .iter()
                .enumerate()
                .filter(|(_, byte)| **byte != b'/')
                .map(|(at, _)| (format!("at-{at}"), Value::String(encode_at(bytes, at, upper))))
                .collect())
        }
        _ => Err(format!(
            "axis `{name}`: write `{{ from: 0, to: 255 }}` (at most 4096 values) or `{{ percent-encode: /path }}`"
        )),
    }
}

fn encode_at(bytes: &[u8], at: usize, upper: bool) -> String {
    let mut text = String::new();
    for (index, byte) in bytes.iter().enumerate() {
        match (index == at, upper) {
            (true, true) => text.push_str(&format!("%{byte:02X}")),
            (true, false) => text.push_str(&format!("%{byte:02x}")),
            (false, _) => text.push(char::from(*byte)),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn expand(each: Value, sweep: Value, tree: &Value) -> Vec<(String, Value)> {
        let axes = axes(each.as_object(), sweep.as_object()).unwrap();
        combinations(&axes).iter().map(|one| (one.labels.join("/"), one.fill(tree))).collect()
    }

    #[test]
    fn axes_multiply_in_written_order() {
        let got = expand(
            json!({"a": ["x", "y"], "b": {"one": {"base": "admin"}}}),
            json!({}),
            &json!({"path": "/$(a)", "token": "$(b)"}),
        );
        assert_eq!(
            got,
            [
                ("x/one".to_owned(), json!({"path": "/x", "token": {"base": "admin"}})),
                ("y/one".to_owned(), json!({"path": "/y", "token": {"base": "admin"}})),
            ]
        );
    }

    #[test]
    fn values_that_go_together_and_values_that_hold_others() {
        let rows =
            json!({"row": {"one": {"path": "/a", "status": 301}}, "name": {"x": "ann"}, "text": {"t": "hi $(name)"}});
        let got =
            expand(rows, json!({}), &json!({"path": "$(row.path)/b", "status": "$(row.status)", "text": "$(text)"}));
        assert_eq!(got, [("one/x/t".to_owned(), json!({"path": "/a/b", "status": 301, "text": "hi ann"}))]);
    }

    #[test]
    fn sweeps() {
        let got =
            expand(json!({}), json!({"bit": {"from": 0, "to": 1}}), &json!({"signature": {"flip-bit": "$(bit)"}}));
        assert_eq!(got[1], ("1".to_owned(), json!({"signature": {"flip-bit": 1}})));
        let got = expand(json!({}), json!({"p": {"percent-encode": "/a/b", "hex": "upper"}}), &json!("$(p)"));
        assert_eq!(got, [("at-1".to_owned(), json!("/%61/b")), ("at-3".to_owned(), json!("/a/%62"))]);
    }

    #[test]
    fn a_label_must_make_an_id() {
        assert!(axes(json!({"p": ["/a b"]}).as_object(), None).unwrap_err().contains("map form"));
        assert!(axes(json!({"p": ["a", "a"]}).as_object(), None).unwrap_err().contains("twice"));
    }
}
