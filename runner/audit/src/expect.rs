//! What the rules say becomes what must come back. Where a gate may choose, every choice is accepted.

use std::collections::BTreeMap;

use gatecheck::corpus::expectation::{Alternative, Expected, LocationExpectation, REFUSALS};
use gatecheck::corpus::source::Level;
use gatecheck::corpus::template::Template;

use crate::model::{Answer, Said};

/// The name of the alternative that a visitor who is not let in gets.
pub const DENIED: &str = "denied";
/// The name of the alternative that sends a visitor to another spelling of the path (STATIC-3).
pub const RESPELLED: &str = "sent to another spelling";

/// What must come back.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The alternatives.
    pub expected: Expected,
    /// How binding they are.
    pub level: Level,
}

/// How a request is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Writing {
    /// As a browser writes it.
    Plain,
    /// So that servers read it in two ways, or refuse it.
    Odd,
}

/// What a request is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// How the request is written.
    pub writing: Writing,
    /// What a stranger gets at the path that the gate is for.
    pub at_the_gate: Option<&'a Said>,
    /// The requirement under which sources disagree, if they do.
    pub contested: Option<&'static str>,
    /// Whether the request asks for a part or a condition, so that 206, 304, 412 and 416 are answers too.
    pub conditional: bool,
    /// What the same request would get if the condition that nobody can choose held.
    pub otherwise: Option<&'a Said>,
}

/// What must come back for what the rules say.
#[must_use]
pub fn wanted(said: &Said, context: Context<'_>) -> Wanted {
    let mut alternatives = of(said, context);
    alternatives.extend(context.otherwise.into_iter().flat_map(|other| of(other, context)));
    match context.contested {
        Some(id) => Wanted {
            expected: Expected::Observe {
                labels: vec![(format!("as the reference reads it ({id})"), alternatives)],
                reference: None,
            },
            level: Level::Survey,
        },
        None => Wanted { expected: Expected::Judge(alternatives), level: Level::Must },
    }
}

fn of(said: &Said, context: Context<'_>) -> Vec<Alternative> {
    let mut all = vec![as_said(said)];
    let shows = matches!(said.answer, Answer::Shown { .. });
    if let (Answer::Shown { status: 200, file }, true) = (&said.answer, context.conditional) {
        // RFC 9110 §13.1, §14.2: a part, what the visitor has already, or what the condition refuses.
        all.push(Alternative { admits: Some(file.clone()), ..status(&[206, 304, 412, 416]) });
    }
    if said.denied && context.conditional {
        all.push(Alternative { name: Some(DENIED.to_owned()), ..status(&[412, 416]) });
    }
    // STATIC-3: a gate may send a visitor to another spelling of the same path. Which one is not known here, so it has to stay on the site.
    if shows || context.writing == Writing::Odd || matches!(said.answer, Answer::NotFound) {
        all.push(Alternative {
            name: Some(RESPELLED.to_owned()),
            location: Some(LocationExpectation::Any),
            same_origin: true,
            ..status(&[301, 302, 307, 308])
        });
    }
    if context.writing == Writing::Odd {
        let refused: Vec<u16> = REFUSALS.iter().copied().chain([401, 403]).collect();
        all.push(Alternative { closed: true, name: Some("refused".to_owned()), ..status(&refused) });
        all.extend(context.at_the_gate.filter(|gate| gate.denied).map(as_said));
    }
    all
}

fn as_said(said: &Said) -> Alternative {
    let name = said.denied.then(|| DENIED.to_owned());
    let plain = match &said.answer {
        Answer::Refused(code) => {
            let all: Vec<u16> = REFUSALS.iter().copied().chain([401, 403, *code]).collect();
            Alternative { closed: true, ..status(&all) }
        }
        // Where a gate has no page for a denial, some say so with another status.
        Answer::NotFound if said.denied => status(&[404, 401, 403]),
        Answer::NotFound => status(&[404]),
        Answer::Forwarded => Alternative { status: Vec::new(), ..status(&[]) },
        Answer::Redirect { status: code, location } => {
            Alternative { location: Some(LocationExpectation::Is(Template::text(location))), ..status(&[*code]) }
        }
        Answer::Shown { status: code, file } => Alternative { shows: Some(file.clone()), ..status(&[*code]) },
    };
    Alternative { name, ..plain }
}

fn status(status: &[u16]) -> Alternative {
    Alternative {
        name: None,
        status: status.to_vec(),
        location: None,
        same_origin: false,
        shows: None,
        part: None,
        admits: None,
        hides: Vec::new(),
        empty_body: false,
        headers: BTreeMap::new(),
        earlier_shows: Vec::new(),
        closed: false,
        then_closed: false,
        upstream: None,
    }
}
