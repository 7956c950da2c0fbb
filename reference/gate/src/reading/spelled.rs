//! Rules as a rule file spells them; reading that again gives the same rules.

use std::fmt;

use percent_encoding::{AsciiSet, percent_encode};

use crate::meaning::rules::destination::{More, Part};
use crate::meaning::rules::pattern::Segment;
use crate::rules::{Conditions, Destination, Effect, Pattern, QueryConstraint, QueryValue, RoleCondition, Rule};
use crate::uri::{SEGMENT, form_encode};

impl fmt::Display for Rule {
    /// The rule as a rule file spells it; reading that again gives the same rule.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}")?;
        }
        write!(f, "{}", self.pattern)?;
        for QueryConstraint { key, value } in &self.query {
            match value {
                QueryValue::Capture(name) => write!(f, " {}=:{name}", form_encode(key))?,
                QueryValue::Literal(text) => write!(f, " {}={}", form_encode(key), form_encode(text))?,
            }
        }
        match &self.effect {
            // A role named without anything else is what seals a line.
            Effect::Seal => f.write_str(" Role"),
            Effect::Apply(apply) => {
                // Headers have no spelling in this file.
                let crate::rules::Apply { to, status, force, conditions, headers: _, signed } = apply.as_ref();
                write!(f, " {to} {status}{}{conditions}", if *force { "!" } else { "" })?;
                signed.iter().try_for_each(|variable| write!(f, " Sign={variable}"))
            }
        }
    }
}

impl fmt::Display for Conditions {
    /// Each condition with a space before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.role {
            Some(RoleCondition::AnyToken) => f.write_str(" Role=*")?,
            Some(RoleCondition::AnyOf(roles)) => write!(f, " Role={}", roles.join(","))?,
            None => {}
        }
        self.others().iter().try_for_each(|condition| match condition.key.name() {
            Some(name) => write!(f, " {name}={}", condition.values.join(",")),
            None => condition.values.iter().try_for_each(|unknown| write!(f, " {unknown}")),
        })
    }
}

impl fmt::Display for Pattern {
    /// The pattern as a rule file spells it; reading that again gives the same pattern.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ends_in_star = false;
        let mut run = |f: &mut fmt::Formatter<'_>, segments: &[Segment]| {
            for segment in segments {
                match segment {
                    Segment::Placeholder(name) => write!(f, "/:{}", &**name)?,
                    Segment::Prefix(prefix) => {
                        ends_in_star = true;
                        write!(f, "/{}*", Spelled(prefix, PREFIX))?;
                    }
                    Segment::Literal(text) => write!(f, "/{}", Spelled(text, LITERAL))?,
                }
            }
            Ok(())
        };
        run(f, &self.head)?;
        for middle in &self.middles {
            f.write_str("/*")?;
            run(f, middle)?;
        }
        if self.splat && !ends_in_star {
            f.write_str("/*")?;
        } else if self.head.is_empty() && self.middles.is_empty() {
            f.write_str("/")?;
        }
        Ok(())
    }
}

/// What is encoded beside what a path encodes: stars, which are none here.
const LITERAL: &AsciiSet = &SEGMENT.add(b'*');
/// The same in front of a star that is one: `(…)*` is an expression to other programs, and sealed as such (RULES-9).
const PREFIX: &AsciiSet = &LITERAL.add(b'(');

/// Literal text, so encoded that no part of it is read as a placeholder or a splat.
struct Spelled<'a>(&'a str, &'static AsciiSet);

impl fmt::Display for Spelled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = match self.0.strip_prefix(':') {
            Some(rest) => {
                f.write_str("%3A")?;
                rest
            }
            None => self.0,
        };
        percent_encode(rest.as_bytes(), self.1).fmt(f)
    }
}

impl fmt::Display for Destination {
    /// The destination as a rule file spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let More { site, query, fragment } = self.more.as_deref().unwrap_or(&More::NONE);
        if let Some((scheme, host)) = site {
            write!(f, "{}://{}", scheme.name(), Parts(host))?;
        }
        write!(f, "{}", Parts(&self.path))?;
        query.iter().try_for_each(|query| write!(f, "?{}", Parts(query)))?;
        fragment.iter().try_for_each(|fragment| write!(f, "#{}", Parts(fragment)))
    }
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
