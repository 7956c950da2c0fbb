//! HOST-3: which addresses of a site the rules name, and which of them a request came to.
//!
//! Servers in front choose a site by its name and hand on the port as the visitor wrote it, so a port is no way past a rule:
//! all ports that the operator calls the site's own are one address, a port that a rule names is another, and with any
//! other a host that rules name is refused.

use std::collections::HashMap;

use crate::meaning::rules::Rule;
use crate::request::{Origin, Scheme};

/// The origins that rules name, by scheme and by host without its port.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses {
    named: HashMap<(Scheme, String), Vec<Origin>>,
}

/// A host that rules name, with a port by which nobody can tell which of them it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnknownPort;

impl Addresses {
    pub(crate) fn of(rules: &[Rule]) -> Addresses {
        let mut named: HashMap<(Scheme, String), Vec<Origin>> = HashMap::new();
        for origin in rules.iter().filter_map(|rule| rule.origin.as_ref()) {
            let of_name = named.entry((origin.scheme(), origin.name().to_owned())).or_default();
            if !of_name.contains(origin) {
                of_name.push(origin.clone());
            }
        }
        Addresses { named }
    }

    /// `host` as the rules name it, where ports that `is_own` knows are those of the site; a host that they do not name as
    /// it is.
    pub(crate) fn find<'a>(
        &'a self,
        scheme: Scheme,
        host: &'a str,
        is_own: impl Fn(u16) -> bool,
    ) -> Result<&'a str, UnknownPort> {
        let asked = Origin::new(scheme, host);
        let Some(named) = self.named.get(&(scheme, asked.name().to_owned())) else { return Ok(host) };
        // The default port is never written, and always the site's.
        let is_own = |origin: &Origin| origin.port().is_none_or(|port| port.parse().is_ok_and(&is_own));
        let asked_is_own = is_own(&asked);
        let mut same = named.iter().filter(|origin| if asked_is_own { is_own(origin) } else { **origin == asked });
        match (same.next(), same.next()) {
            (Some(origin), None) => Ok(origin.host()),
            // None, or two that are one address.
            _ => Err(UnknownPort),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::request::Scheme;
    use crate::rules::RuleSet;

    #[test]
    fn host_3_a_port_is_no_way_past_a_rule() {
        let rules = RuleSet::parse(
            b"http://a.example/* /x 302\nhttp://b.example:8080/* /x 302\nhttp://c.example/* /x 302\n\
              http://c.example:9000/* /x 302\nhttp://d.example/* /x 302\nhttp://d.example:8888/* /x 302\n\
              https://e.example/* /x 302\nhttp://[::1]/* /x 302\nhttp://f.example:8888/* /x 302",
        )
        .rules;
        let own = |port: u16| [8888, 8443].contains(&port);
        for (host, address) in [
            ("a.example", Some("a.example")),
            ("A.Example.:080", Some("a.example")),
            ("a.example:8888", Some("a.example")),
            ("a.example:08443", Some("a.example")),
            ("a.example:8081", None),
            ("a.example:443", None),
            ("a.example:0", Some("a.example")),
            ("a.example:74424", None),
            ("a.example:99999999999999999999", None),
            // A rule that names a port is for that one.
            ("b.example:8080", Some("b.example:8080")),
            ("b.example", None),
            ("b.example:8888", None),
            ("c.example:9000", Some("c.example:9000")),
            ("c.example:8888", Some("c.example")),
            ("c.example:9001", None),
            // Two spellings of one address.
            ("d.example", None),
            ("d.example:8888", None),
            ("f.example", Some("f.example:8888")),
            ("f.example:8443", Some("f.example:8888")),
            // Rules name these for another scheme, or not at all.
            ("e.example:8081", Some("e.example:8081")),
            ("g.example:8081", Some("g.example:8081")),
            ("[0::1]:8888", Some("[::1]")),
            ("[::1]:8081", None),
        ] {
            assert_eq!(rules.address(Scheme::Http, host, own).ok(), address, "{host}");
        }
    }
}
