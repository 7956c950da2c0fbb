//! The map as JSON.

use std::sync::Arc;

use rolegate::RuleSet;
use rolegate_check::map::{Area, Gets, Map, Reply, Row, Who};
use rolegate_server::Source;
use serde::Serialize;

/// The member `map` of a report.
#[derive(Serialize)]
pub(in crate::check) struct MapReport {
    visitors: Vec<Visitor>,
    /// How many roles are named beyond those of `visitors`.
    further_roles: usize,
    areas: Vec<AreaReport>,
    /// Where no gate has a say; what everybody gets stands in `gets` alone.
    everybody: Vec<RowReport>,
    /// For so many paths nobody knows.
    not_asked: usize,
}

#[derive(Serialize)]
struct Visitor {
    /// `anonymous`, `role`, or `other`: with a role that no rule names.
    kind: &'static str,
    role: Option<String>,
}

#[derive(Serialize)]
struct AreaReport {
    paths: String,
    gates: Vec<Place>,
    rows: Vec<RowReport>,
    /// Where else what lies or is shown here is given to whom it is not given here.
    ways: Vec<RowReport>,
}

#[derive(Serialize)]
struct Place {
    file: String,
    line: usize,
}

#[derive(Serialize)]
struct RowReport {
    label: String,
    when: Vec<String>,
    target: String,
    scheme: &'static str,
    host: Option<String>,
    /// The file at the path.
    file: Option<String>,
    /// What each visitor gets, in their order.
    gets: Vec<GetsReport>,
}

#[derive(Serialize)]
struct GetsReport {
    class: &'static str,
    status: u16,
    /// The file that is shown, where the visitor is sent, the URL that is asked, or the function that runs.
    what: Option<String>,
    words: String,
    /// The rule that decides.
    by: Option<Place>,
}

/// The map.
pub(in crate::check) fn report(map: &Map, rules: &RuleSet, source: &Source) -> MapReport {
    let place = |place: &usize| {
        let span = rules.rules().get(*place)?.span;
        Some(Place { file: source.name(span.file), line: span.line })
    };
    let gets = |gets: &Arc<Gets>| {
        let (status, what) = match &gets.reply {
            Reply::File { status, file, .. } => (*status, Some(file.clone())),
            Reply::Redirect { status, location } => (*status, Some(location.clone())),
            Reply::Forwarded { url } => (200, Some(url.clone())),
            Reply::Function { path } => (200, Some(path.clone())),
            Reply::NoFile { path } => (404, Some(path.clone())),
            Reply::NotFound => (404, None),
            Reply::Refused { status } => (*status, None),
        };
        GetsReport { class: gets.class.name(), status, what, words: gets.words(), by: gets.by.as_ref().and_then(place) }
    };
    let row = |row: &Row| RowReport {
        label: row.label.clone(),
        when: row.when.clone(),
        target: row.asked.target.clone(),
        scheme: row.asked.scheme.name(),
        host: row.asked.host.clone(),
        file: row.file.clone(),
        gets: row.gets.iter().map(gets).collect(),
    };
    let area = |area: &Area| AreaReport {
        paths: area.paths.clone(),
        gates: area.gates.iter().filter_map(place).collect(),
        rows: area.rows.iter().map(row).collect(),
        ways: area.ways.iter().map(row).collect(),
    };
    MapReport {
        visitors: map.visitors.iter().map(visitor).collect(),
        further_roles: map.further_roles,
        areas: map.areas.iter().map(area).collect(),
        everybody: map.everybody.iter().map(row).collect(),
        not_asked: map.not_asked,
    }
}

fn visitor(who: &Who) -> Visitor {
    let (kind, role) = match who {
        Who::Anonymous => ("anonymous", None),
        Who::Role(role) => ("role", Some(role.clone())),
        Who::Other => ("other", None),
    };
    Visitor { kind, role }
}
