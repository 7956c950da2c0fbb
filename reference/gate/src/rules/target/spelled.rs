//! Destinations as a rule file spells them.

use std::fmt;

use super::{Destination, Kind, Part};
use crate::request::Scheme;

impl fmt::Display for Destination {
    /// The destination as a rule file spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Fixed(fixed) => {
                let Some(more) = fixed.more.as_deref() else { return f.write_str(&fixed.path) };
                let site = more.site.as_ref().map(|(scheme, host)| (*scheme, host.as_ref()));
                write_spelled(f, site, &fixed.written(), more.query.as_deref(), more.fragment.as_deref())
            }
            Kind::Template(template) => {
                let site = template.site.as_ref().map(|(scheme, host)| (*scheme, Parts(host)));
                let (query, fragment) = (template.query.as_deref().map(Parts), template.fragment.as_deref().map(Parts));
                write_spelled(f, site, &Parts(&template.path), query, fragment)
            }
        }
    }
}

fn write_spelled<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    site: Option<(Scheme, T)>,
    path: &T,
    query: Option<T>,
    fragment: Option<T>,
) -> fmt::Result {
    if let Some((scheme, host)) = site {
        write!(f, "{}://{host}", scheme.name())?;
    }
    path.fmt(f)?;
    query.iter().try_for_each(|query| write!(f, "?{query}"))?;
    fragment.iter().try_for_each(|fragment| write!(f, "#{fragment}"))
}

/// Parts as a rule file spells them.
struct Parts<'a>(&'a [Part]);

impl fmt::Display for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Literal(text) => f.write_str(text),
            Part::Capture(name) => write!(f, ":{name}"),
        })
    }
}
