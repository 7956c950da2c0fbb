//! Preimages: what to ask for so that a rule leads to a given path, for those who look at rules and not at requests.

use std::ops::RangeInclusive;

use crate::cost::step;
use crate::meaning::rules::destination::Part;
use crate::meaning::rules::pattern::Segment;
use crate::path::{self, RequestPath};
use crate::rules::{Captured, EXAMPLE, QueryValue, Rule};
use crate::uri::form_encode;

/// A path and a query that a rule matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The path.
    pub path: RequestPath,
    /// The query with all that the rule asks for, encoded; none where it asks for nothing.
    pub query: Option<String>,
}

/// A stretch of the path that a destination becomes.
enum Token {
    /// This text, decoded.
    Text(String),
    /// What stands for a name: a part of a segment.
    Name(String),
    /// What stands for the splat, be it nothing.
    Splat,
    /// A slash and the splat, or nothing.
    Below,
}

/// What a name has to stand for.
type Found<'a> = Vec<(&'a str, &'a str)>;

impl Rule {
    /// A path that the rule matches and leads to `wanted`, whatever the query, if a plain one is to be had.
    pub fn path_to(&self, wanted: &RequestPath) -> Option<RequestPath> {
        let mut names = self.apply()?.to.names_in_path();
        let is_of_path = names.all(|name| self.pattern.captures_name(name));
        self.way_to(wanted).map(|way| way.path).filter(|_| is_of_path)
    }

    /// What the rule matches and what it then leads to `wanted`, if it is plainly to be had.
    pub fn way_to(&self, wanted: &RequestPath) -> Option<Way> {
        let to = &self.apply()?.to;
        let tokens = tokens(self)?;
        let mut found = Found::new();
        let mut tries = 64 + 2 * wanted.name().len();
        if !fit(&tokens, wanted.name(), &mut found, &mut tries) {
            return None;
        }
        let value = |name: &str| found.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
        let path = self.path_where(&value);
        let mut captures = self.pattern.captures(&path)?;
        let query: Vec<String> = self
            .query
            .iter()
            .map(|constraint| {
                let key = form_encode(&constraint.key);
                match &constraint.value {
                    QueryValue::Literal(text) => format!("{key}={}", form_encode(text)),
                    QueryValue::Capture(name) => {
                        let value = value(name).unwrap_or(EXAMPLE).as_bytes();
                        captures.add_text(name, value.to_vec());
                        format!("{key}={}", form_encode(value))
                    }
                }
            })
            .collect();
        let way = Way { path, query: (!query.is_empty()).then(|| query.join("&")) };
        leads_to(to.substitute(&captures), wanted).then_some(way)
    }

    /// The path that the pattern matches where names have these values.
    fn path_where<'v>(&self, value: &dyn Fn(&str) -> Option<&'v str>) -> RequestPath {
        let splat = value(Captured::SPLAT);
        let mut rest = splat.unwrap_or(EXAMPLE).split('/').filter(|segment| !segment.is_empty());
        let mut path: Vec<String> = Vec::new();
        let run = |segments: &[Segment], rest: &mut dyn Iterator<Item = &'v str>, path: &mut Vec<String>| {
            path.extend(segments.iter().map(|segment| match segment {
                Segment::Literal(text) => text.to_string(),
                Segment::Placeholder(name) => value(name).unwrap_or(EXAMPLE).to_owned(),
                Segment::Prefix(text) => format!("{}{}", &**text, rest.next().unwrap_or_default()),
            }));
        };
        run(&self.pattern.head, &mut rest, &mut path);
        for middle in &self.pattern.middles {
            // SUBST-1: of several stars the first one has the name.
            path.extend(rest.by_ref().map(str::to_owned));
            run(middle, &mut rest, &mut path);
        }
        if self.pattern.splat {
            path.extend(rest.map(str::to_owned));
        }
        RequestPath::of(path)
    }
}

fn leads_to(target: crate::rules::Substituted, wanted: &RequestPath) -> bool {
    let path = RequestPath::parse(target.path.as_bytes());
    !target.astray && !target.ambiguous && path.is_ok_and(|path| path.same_but_for_slash(wanted))
}

/// The stretches of the path to which a rule leads, none where it cannot be read.
fn tokens(rule: &Rule) -> Option<Vec<Token>> {
    let (segments, true) = rule.apply()?.to.segments() else { return None };
    let mut tokens = Vec::new();
    for segment in &segments {
        match segment.as_slice() {
            [Part::Capture(name)] if name == Captured::SPLAT => {
                tokens.push(Token::Below);
                continue;
            }
            _ => tokens.push(Token::Text("/".to_owned())),
        }
        for part in segment {
            tokens.push(match part {
                Part::Literal(text) => Token::Text(path::decode_segment(text.as_bytes()).ok()?.into_owned()),
                Part::Capture(name) if name == Captured::SPLAT => Token::Splat,
                Part::Capture(name) => Token::Name(name.clone()),
            });
        }
    }
    Some(tokens)
}

/// Whether the tokens can be `rest`, and what the names stand for then: as much as they can have, the first one first.
fn fit<'a>(tokens: &'a [Token], rest: &'a str, found: &mut Found<'a>, tries: &mut usize) -> bool {
    step(1);
    let Some((token, after)) = tokens.split_first() else { return rest.is_empty() };
    let Some(left) = tries.checked_sub(1) else { return false };
    *tries = left;
    match token {
        Token::Text(text) => rest.strip_prefix(text.as_str()).is_some_and(|rest| fit(after, rest, found, tries)),
        Token::Name(name) => stands_for(name, 1..=rest.find('/').unwrap_or(rest.len()), after, rest, found, tries),
        Token::Splat => stands_for(Captured::SPLAT, 0..=rest.len(), after, rest, found, tries),
        Token::Below => {
            let below = rest.strip_prefix('/');
            below.is_some_and(|rest| stands_for(Captured::SPLAT, 1..=rest.len(), after, rest, found, tries))
                || stands_for(Captured::SPLAT, 0..=0, after, rest, found, tries)
        }
    }
}

/// The same where `name` can stand for so many bytes at the start of `rest`, and `after` comes next.
fn stands_for<'a>(
    name: &'a str,
    ends: RangeInclusive<usize>,
    after: &'a [Token],
    rest: &'a str,
    found: &mut Found<'a>,
    tries: &mut usize,
) -> bool {
    if let Some((_, known)) = found.iter().find(|(known, _)| *known == name) {
        let rest = rest.strip_prefix(known).filter(|_| ends.contains(&known.len()));
        return rest.is_some_and(|rest| fit(after, rest, found, tries));
    }
    let begins = |rest: &str| match after.first() {
        Some(Token::Text(text)) => rest.starts_with(text.as_str()),
        Some(_) => true,
        None => rest.is_empty(),
    };
    step(rest.len());
    let cuts = ends.rev().filter_map(|end| rest.split_at_checked(end)).filter(|(_, rest)| begins(rest));
    for (text, rest) in cuts {
        found.push((name, text));
        if fit(after, rest, found, tries) {
            return true;
        }
        found.pop();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RuleSet;

    #[test]
    fn ways_to_a_path() {
        for (line, wanted, way) in [
            ("/a/* /:splat 200", "/m/n", Some("/a/m/n")),
            ("/a/* /m/:splat 200", "/m/n", Some("/a/n")),
            ("/a/* /m/:splat 200", "/x/n", None),
            ("/a/* /m/:splat 200", "/m", Some("/a")),
            ("/:x/* /m/:x/:splat 200", "/m/n/o", Some("/n/o")),
            ("/:x/:y /:x/:x 200", "/m/m", Some("/m/example")),
            ("/:x/:y /:x/:x 200", "/m/n", None),
            ("/a /m/n 200", "/m/n", Some("/a")),
            ("/a /m/n 200", "/m", None),
            // With text before and behind a name.
            ("/f/:p /a/:p.html 200", "/a/z.html", Some("/f/z")),
            ("/f/:p /a/:p.html 200", "/a/z.pdf", None),
            ("/f/:p /a/:p.html 200", "/a/.html", None),
            ("/f/:p /a/x-:p-y 200", "/a/x--y-y", Some("/f/-y")),
            ("/f/:p/:q /a/:p-:q 200", "/a/1-2-3", Some("/f/1-2/3")),
            ("/p/:id /m/:id/pdf/:id.pdf 200", "/m/7/pdf/7.pdf", Some("/p/7")),
            ("/p/:id /m/:id/pdf/:id.pdf 200", "/m/7/pdf/8.pdf", None),
            ("/f/* /a/:splat.pdf 200", "/a/b/z.pdf", Some("/f/b/z")),
            ("/f/* /a/:splat/z 200", "/a/b/c/z", Some("/f/b/c")),
            ("/f/* /a/:splat/z 200", "/a/z", Some("/f")),
            ("/f/* /a/:splat/b/:splat 200", "/a/x/b/x", Some("/f/x")),
            ("/f* /a/:splat 200", "/a/x/y", Some("/fx/y")),
            ("/f/*/g /a/:splat 200", "/a/x/y", Some("/f/x/y/g")),
            // In the form in which it is met.
            ("/e/* /e/../a/:splat 200", "/a/z", Some("/e/z")),
            ("/e/* /a/./:splat 200", "/a/z", Some("/e/z")),
            ("/e/:x /:x/%2E%2e/a 200", "/a", Some("/e/example")),
            ("/e/* /a/:splat/../b 200", "/a/b", None),
            ("/e/* https://b.example/x/../a/:splat 200", "/a/z", Some("/e/z")),
            ("/e/:x /caf%C3%A9/:x 200", "/café/ü", Some("/e/%C3%BC")),
            // By the query.
            ("/get id=:id /files/:id 200", "/files/7", Some("/get?id=7")),
            ("/get id=:id a=b /files/:id.pdf 200", "/files/a b.pdf", Some("/get?id=a+b&a=b")),
            ("/get/:id id=:id /files/:id 200", "/files/7", Some("/get/7?id=7")),
            ("/get id=:id / 200", "", Some("/get?id=example")),
        ] {
            let rule = RuleSet::parse(line.as_bytes()).rules.rules()[0].clone();
            let wanted = RequestPath::of(wanted.split('/').filter(|segment| !segment.is_empty()));
            let asked = rule.way_to(&wanted).map(|way| {
                let query = way.query.map(|query| format!("?{query}")).unwrap_or_default();
                way.path.encoded() + &query
            });
            assert_eq!(asked.as_deref(), way, "{line}");
        }
    }

    #[test]
    fn a_destination_of_many_names_is_left_alone() {
        let names: Vec<String> = (10..40).map(|at| format!(":n{at}")).collect();
        let (from, names) = (names.join("/"), names.join("-"));
        let rule = RuleSet::parse(format!("/{from} /{names}-x 200").as_bytes()).rules.rules()[0].clone();
        assert_eq!(rule.way_to(&RequestPath::of(["-".repeat(200)])), None);
    }
}
