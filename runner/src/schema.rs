//! JSON Schemas of the corpus files, of gate files, of baselines and of the reports, generated from the types.

use schemars::{JsonSchema, schema_for};

use crate::baseline::EntrySource;
use crate::corpus::aliases::AliasesFile;
use crate::corpus::source::{Family, Requirement, SuiteSource, TokensFile};
use crate::gates::launch::GateFile;
use crate::report::compare::Comparison;
use crate::report::json::Report;

/// The ledger: a list of requirements.
#[derive(JsonSchema)]
#[serde(transparent)]
#[expect(dead_code, reason = "only its schema is used")]
struct Ledger(Vec<Requirement>);

/// The families: a list.
#[derive(JsonSchema)]
#[serde(transparent)]
#[expect(dead_code, reason = "only its schema is used")]
struct Families(Vec<Family>);

/// Known failures: a list.
#[derive(JsonSchema)]
#[serde(transparent)]
#[expect(dead_code, reason = "only its schema is used")]
struct KnownFailures(Vec<EntrySource>);

/// Every schema: file name in `conformance-cases/schema/` and JSON text, ending in a line feed.
#[must_use]
pub fn all() -> Vec<(&'static str, String)> {
    [
        ("aliases.json", schema_for!(AliasesFile)),
        ("baseline.json", schema_for!(KnownFailures)),
        ("comparison.json", schema_for!(Comparison)),
        ("families.json", schema_for!(Families)),
        ("gate.json", schema_for!(GateFile)),
        ("report.json", schema_for!(Report)),
        ("requirements.json", schema_for!(Ledger)),
        ("suite.json", schema_for!(SuiteSource)),
        ("tokens.json", schema_for!(TokensFile)),
    ]
    .into_iter()
    .map(|(name, schema)| (name, serde_json::to_string_pretty(&schema).map(|text| text + "\n").unwrap_or_default()))
    .collect()
}
