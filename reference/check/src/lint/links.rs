//! Files under a gate that have other names by links (STATIC-4).

use rolegate::path::RequestPath;
use rolegate::rules::Rule;
use rolegate::site::{Site, Spellings};

use super::advice::Found;
use super::scene::{Field, LOOKED_AT, Scene, Visit, name_as_path, warning};

/// What the gate closes under a name that no gate speaks of.
pub(super) fn problem<S: Site>(scene: &Scene<'_, S>, rule: &Rule) -> Option<Found> {
    if !rule.protects() {
        return None;
    }
    let folder = rule.pattern.stem().filter(|_| rule.pattern.ends_in_splat()).map(|stem| stem.join("/"));
    let below =
        folder.filter(|folder| !folder.is_empty()).map_or_else(|| "/".to_owned(), |folder| format!("/{folder}/"));
    let visit = Visit::of(rule);
    let matches = |name: &str| Spellings::of(scene.site, name).iter().any(|path| rule.pattern.matches_name(path));
    let mut found = scene.linked_below(&below).filter(|name| matches(name)).flat_map(|name| {
        let others = scene.site.same_file(name).iter().map(move |other| (name, other.as_ref()));
        others.filter(|(_, other)| !is_gated(scene, other, &visit)).take(LOOKED_AT)
    });
    let (name, other) = found.next()?;
    let more = match found.take(LOOKED_AT).count() {
        0 => String::new(),
        1 => "; so does one more file".to_owned(),
        count => format!("; so do {count} more files"),
    };
    let (name, other) = (name_as_path(name), name_as_path(other));
    let message = format!("`{name}` has the name `{other}` as well by a link, and no gate names that{more}");
    let visitor = format!("`{other}` as if this gate named it");
    let help =
        format!("write the same rule for `{other}`, or put a copy in the place of the link if it is for everybody");
    Some(warning(rule, Field::From, "link-into-gate", message, visitor, help))
}

fn is_gated<S: Site>(scene: &Scene<'_, S>, name: &str, visit: &Visit) -> bool {
    Spellings::of(scene.site, name).iter().any(|path| {
        let path = RequestPath::of(super::scene::segments(path));
        let candidates = scene.candidates(&path, visit);
        candidates.len() >= LOOKED_AT
            || candidates.iter().any(|(_, other)| other.protects() && other.pattern.matches(&path))
    })
}
