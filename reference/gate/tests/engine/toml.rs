//! Files of `netlify.toml` at random, as the owner's tools and people write them, and what both sides read in them.

use rolegate::{RequestPath, RuleFiles, RuleSet, Severity};
use serde_json::Value;

use crate::case::Dice;

const BESIDE: &[&str] = &[
    "[build]\npublish = \"dist\"\n[build.environment]\nNODE_VERSION = \"20\"\n",
    "[context.production]\ncommand = \"make\"\n[context.production.environment]\nA = \"b\"\n",
    "[context.\"a/b\".build]\nbase = \"\"\n",
    "[[edge_functions]]\npath = \"/e/*\"\nfunction = \"e\"\nheader = { x-present = true }\n",
    "[[plugins]]\npackage = \"p\"\n[plugins.inputs]\nlist = []\n",
    "[functions]\ndirectory = \"f\"\n[functions.\"*\"]\ntimeout = 10\n",
    "[dev]\nport = 8888.0\n",
    "[images]\nremote_images = []\n",
];
const VALUE: &[&str] = &[
    "\"a\"",
    "\" a , b \"",
    "\"\"\"\n  default-src 'self';\n\timg-src *;\n\"\"\"",
    "'''\na,\n  b'''",
    "\"a\\n  b: c\"",
    "\"a\\r\\nb\"",
    "[\"a\", \"b\"]",
    "\"max-age=0,must-revalidate\"",
];
const STATUS: &[&str] = &["200", "200.0", "2e2", "302", "302.0", "\"301\"", "4.04e2", "2_00"];
const EMPTY: &[&str] = &[
    "[redirects.query]\n",
    "[redirects.conditions]\n",
    "[redirects.headers]\n",
    "[redirects.query]\n[redirects.headers]\n",
];

pub fn file(dice: &mut Dice) -> String {
    let mut text = dice.pick(&["", "redirectsOrigin = \"config\"\nheadersOrigin = \"config\"\n"]).to_owned();
    for number in 0..1 + dice.below(6) {
        match dice.below(3) {
            // No table stands twice.
            0 => {
                let beside = dice.pick(BESIDE);
                if !text.contains(beside.lines().next().unwrap_or_default()) || beside.starts_with("[[") {
                    text += beside;
                }
            }
            1 => {
                text += &format!("[[redirects]]\nfrom = \"{}\"\n", dice.pick(&["/a", "/b/*", "/:x/c"]));
                text += &format!("to = \"/d/{number}\"\n");
                if dice.below(4) > 0 {
                    text += &format!("status = {}\n", dice.pick(STATUS));
                }
                text += dice.pick(&["", "force = true\n", "force = false\n"]);
                text += dice.pick(EMPTY);
            }
            // The owner drops an entry that says what another one says.
            _ if text.contains("[[headers]]") => {}
            _ => {
                text += &format!("[[headers]]\nfor = \"{}\"\n[headers.values]\n", dice.pick(&["/h", "/h/*"]));
                for name in ["X-One", "X-Two"].iter().take(1 + dice.below(2)) {
                    text += &format!("{name} = {}\n", dice.pick(VALUE));
                }
            }
        }
    }
    text
}

/// What the gate reads: its errors, and each rule and header field.
pub fn own(text: &str) -> (Vec<String>, Vec<String>) {
    let parsed = RuleSet::read(RuleFiles { redirects: b"", toml: text.as_bytes(), headers: b"" });
    let problems = parsed.problems.iter();
    let errors = problems.filter(|problem| problem.severity == Severity::Error).map(|problem| problem.message.clone());
    let rules = parsed.rules.rules().iter().filter_map(|rule| {
        let apply = rule.apply()?;
        Some(format!("{} {}{}", rule.pattern, apply.status, if apply.force { "!" } else { "" }))
    });
    let path = RequestPath::parse(b"/h").unwrap();
    let fields = parsed.rules.headers().fields(&path);
    let fields = joined(fields.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())));
    (errors.collect(), rules.chain(fields).collect())
}

/// The same of what the owner's packages read; a line break with the white space around it is one space (TOML-4).
pub fn theirs(answer: &Value) -> (Vec<String>, Vec<String>) {
    let texts =
        |value: &Value| value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    let rules = answer["redirects"].as_array().unwrap().iter().map(|rule| {
        let force = if rule["force"] == true { "!" } else { "" };
        format!("{} {}{force}", rule["from"].as_str().unwrap(), rule["status"].as_u64().unwrap_or(301))
    });
    let fields = answer["headers"].as_array().unwrap().iter().flat_map(|entry| entry["values"].as_object().unwrap());
    let fields = joined(fields.map(|(name, value)| (name.clone(), on_one_line(value.as_str().unwrap()))));
    (texts(&answer["errors"]), rules.chain(fields).collect())
}

fn on_one_line(text: &str) -> String {
    text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The values of each name, however many entries set it.
fn joined(fields: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let mut named: Vec<(String, String)> = Vec::new();
    for (name, value) in fields {
        match named.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            Some((_, values)) => *values = format!("{values}, {value}"),
            None => named.push((name.to_lowercase(), value)),
        }
    }
    named.sort();
    named.into_iter().map(|(_, value)| value).collect()
}
