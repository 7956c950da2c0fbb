//! Requests made up from rules, each by somebody.

use rolegate::path::RequestPath;
use rolegate::query::Parameters;
use rolegate::request::{Origin, Request, Scheme};
use rolegate::rules::{ConditionKey, Rule, Way};
use rolegate::visitor::Visitor;
use rolegate::witness::{WORD, Witness};

/// So many values of a condition are tried after the first.
const FURTHER_VALUES: usize = 3;

/// A request that is made up.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Visit {
    pub(super) target: String,
    pub(super) host: Option<String>,
    pub(super) scheme: Scheme,
    pub(super) country: Option<String>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(in crate::lint) visitor: Visitor,
}

impl Visit {
    /// A visit that the rule matches and all whose conditions but the role hold, of a visitor without a token.
    pub(in crate::lint) fn of(rule: &Rule) -> Visit {
        Visit::with_word(rule, WORD)
    }

    /// The same, and for each country and language that the rule names after the first a visit of somebody from there.
    pub(in crate::lint) fn one_for_each_value(rule: &Rule) -> Vec<Visit> {
        let first = Visit::of(rule);
        let conditions = rule.apply().map(|apply| apply.conditions.others()).unwrap_or_default();
        let further = conditions.iter().flat_map(|condition| {
            let values = condition.values.iter().skip(1).take(FURTHER_VALUES);
            values.filter_map(|value| match condition.key {
                ConditionKey::Country => Some(Visit { country: Some(value.clone()), ..first.clone() }),
                ConditionKey::Language => Some(first.saying("accept-language", value.clone())),
                ConditionKey::Cookie | ConditionKey::Unknown => None,
            })
        });
        [first.clone()].into_iter().chain(further).collect()
    }

    /// The same, with another word in the place of each free segment.
    pub(in crate::lint) fn with_word(rule: &Rule, word: &str) -> Visit {
        let Witness { target, host, scheme, country, headers } = Witness::of(rule, word);
        Visit { target, host, scheme, country, headers, visitor: Visitor::Anonymous }
    }

    /// The same visit to another path, with the same query.
    pub(in crate::lint) fn at(&self, path: &RequestPath) -> Visit {
        let query = self.target.find('?').and_then(|at| self.target.get(at..)).unwrap_or_default();
        Visit { target: path.encoded() + query, ..self.clone() }
    }

    /// The same visit to where another one goes, with the query of that one.
    pub(in crate::lint) fn where_goes(&self, other: &Visit) -> Visit {
        Visit { target: other.target.clone(), ..self.clone() }
    }

    /// The same visit by a way to something.
    pub(in crate::lint) fn by_way(&self, way: &Way) -> Visit {
        let query = way.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        Visit { target: way.path.encoded() + &query, ..self.clone() }
    }

    /// The same visit without a query.
    pub(in crate::lint) fn without_query(&self) -> Visit {
        Visit { target: self.path_text().to_owned(), ..self.clone() }
    }

    /// The same visit with one parameter more.
    pub(in crate::lint) fn with_a_parameter(&self) -> Visit {
        let sign = if self.target.contains('?') { '&' } else { '?' };
        let is_sent = |name: &&str| self.target.contains(&format!("{name}="));
        let name = ["x", "xx", "xxx"].into_iter().find(|name| !is_sent(name)).unwrap_or("x-1");
        Visit { target: format!("{}{sign}{name}=1", self.target), ..self.clone() }
    }

    /// The same visit of somebody of whom nothing else is known, without a query.
    pub(in crate::lint) fn bare(&self) -> Visit {
        Visit { country: None, headers: Vec::new(), ..self.without_query() }
    }

    /// The same visit by somebody who sends all of these cookies and comes from this country.
    pub(in crate::lint) fn from(&self, country: Option<&str>, cookies: &[String]) -> Visit {
        let cookies: Vec<String> = cookies.iter().map(|name| format!("{name}=1")).collect();
        Visit { country: country.map(str::to_owned), ..self.saying("cookie", cookies.join("; ")) }
    }

    /// The same visit with this header line in the place of those of the same name.
    fn saying(&self, name: &'static str, value: String) -> Visit {
        let others = self.headers.iter().filter(|(other, _)| *other != name).cloned();
        Visit { headers: others.chain([(name, value)]).collect(), ..self.clone() }
    }

    /// The same visit to the host of a rule that names one.
    pub(in crate::lint) fn on_the_host_of(&self, rule: &Rule) -> Visit {
        let Visit { host, scheme, .. } = Visit::of(rule);
        Visit { host, scheme, ..self.clone() }
    }

    /// The same visit to a host that no rule names.
    pub(in crate::lint) fn elsewhere(&self) -> Visit {
        Visit { host: None, ..self.clone() }
    }

    /// The same visit over the scheme that it does not have.
    pub(in crate::lint) fn over_the_other_scheme(&self) -> Visit {
        let scheme = match self.scheme {
            Scheme::Http => Scheme::Https,
            Scheme::Https => Scheme::Http,
        };
        Visit { scheme, ..self.clone() }
    }

    /// The same visit by somebody else.
    pub(in crate::lint) fn by(&self, visitor: &Visitor) -> Visit {
        Visit { visitor: visitor.clone(), ..self.clone() }
    }

    pub(super) fn headers(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect()
    }

    pub(super) fn request<'v>(&'v self, headers: &'v [(&'v str, &'v [u8])]) -> Request<'v> {
        Request {
            method: "GET",
            target: self.target.as_bytes(),
            host: self.host.as_deref(),
            scheme: self.scheme,
            headers,
            country: self.country.as_deref(),
        }
    }

    /// The request target.
    pub(in crate::lint) fn target(&self) -> &str {
        &self.target
    }

    /// The request target, with scheme and host before it where the visit names one.
    pub(in crate::lint) fn address(&self) -> String {
        let host = self.host.as_ref().map(|host| format!("{}://{host}", self.scheme.name()));
        host.unwrap_or_default() + &self.target
    }

    /// Where the visit goes, with scheme and host, so that two can be compared.
    pub(in crate::lint) fn place(&self) -> (Scheme, Option<&str>, &str) {
        (self.scheme, self.host.as_deref(), &self.target)
    }

    /// The path, where it can be read.
    pub(in crate::lint) fn path(&self) -> Option<RequestPath> {
        RequestPath::parse(self.path_text().as_bytes()).ok()
    }

    pub(super) fn path_text(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(super) fn parameters(&self) -> Parameters {
        let query = self.target.split_once('?').map(|(_, query)| query).unwrap_or_default();
        Parameters::parse(query.as_bytes())
    }

    pub(super) fn origin(&self) -> Option<Origin> {
        self.host.as_deref().map(|host| Origin::new(self.scheme, host))
    }
}
