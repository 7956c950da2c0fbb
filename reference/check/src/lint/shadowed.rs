//! What is said of a rule that another one leaves nothing to, and what to write instead.

use rolegate::problem::{Fix, Problem};
use rolegate::rules::{Apply, Conditions, Rule};
use rolegate::site::Site;

use super::advice::{Closing, Found, Proposal, answering, changed, page_rule};
use super::order::{is_known_as_it_is, leaves_nothing_to};
use super::scene::{Field, LOOKED_AT, Scene, Visit, WORD, on_line, place_of, warning};
use super::too_late::{for_routes, leads_alike, order_meant, page_below, with_both_roles};

/// A rule, and the first one above it that leaves it nothing.
pub(super) struct Shadow<'s, 'r, S> {
    scene: &'s Scene<'r, S>,
    /// The rule that never decides, with its place.
    place: usize,
    rule: &'s Rule,
    /// What answers first, with its place and as the reader is told of it.
    pub(super) at: usize,
    pub(super) above: &'r Rule,
    by: &'r Apply,
    line: String,
    /// All rules above that match these paths.
    before: Vec<(usize, &'r Rule)>,
}

impl<'s, 'r, S: Site> Shadow<'s, 'r, S> {
    /// What leaves nothing to the rule at `place`, if anything does.
    pub(super) fn over(scene: &'s Scene<'r, S>, place: usize, rule: &'s Rule) -> Option<Self> {
        let candidates = scene.candidates(&rule.pattern.example(WORD), &Visit::of(rule));
        let before: Vec<(usize, &Rule)> = candidates.into_iter().take_while(|(at, _)| *at < place).collect();
        let (at, above, by) =
            before.iter().find_map(|(at, above)| Some((*at, *above, leaves_nothing_to(scene, above, rule)?)))?;
        let line = place_of(above.span, rule.span);
        Some(Self { scene, place, rule, at, above, by, line, before })
    }

    /// What is said of it.
    pub(super) fn told(&self) -> Found {
        if let Some(found) = self.sealed_below_a_gate() {
            return found;
        }
        if self.rule.protects() && self.by.conditions.role.is_none() {
            return self.gate_shadowed();
        }
        self.never_decides()
    }

    /// A line in error for paths that a gate closes, and another rule answers for everybody else.
    fn sealed_below_a_gate(&self) -> Option<Found> {
        let Self { rule, line, .. } = self;
        let asks = |at: usize, other: &Rule| at < self.at && other.role().is_some();
        let (_, gate) =
            self.before.iter().find(|(at, other)| asks(*at, other) && other.pattern.covers(&rule.pattern))?;
        if !rule.is_sealed() {
            return None;
        }
        let gate = place_of(gate.span, rule.span);
        let message = format!("this line has no effect: {gate} and {line} answer these paths");
        let help =
            format!("take this line out: {gate} asks for a role here already, and {line} answers everybody else");
        let visitor = format!("what {gate} and {line} say");
        Some(self.found(warning(rule, Field::From, "rule-unreachable", message, visitor, help)))
    }

    /// A gate that asks nobody.
    fn gate_shadowed(&self) -> Found {
        let Self { rule, above, line, .. } = self;
        let message = format!("nobody is ever asked for a role here: {line} matches these paths first");
        let visitor = match self.by.force {
            true => format!("what {line} says, without being asked for a role"),
            false => format!("the file, or where there is none what {line} says, without being asked for a role"),
        };
        let first = |at: usize, other: &Rule| at < self.at && other.protects() && other.pattern == rule.pattern;
        let help = match self.before.iter().find(|(at, other)| first(*at, other)) {
            Some((_, gate)) => format!(
                "{line} answers all whom {} denies, those too who hold another role: a gate is met where it stands{}",
                place_of(gate.span, rule.span),
                with_both_roles(gate, rule)
            ),
            None => order_meant(above, rule, line),
        };
        let found = self.found(warning(rule, Field::From, "gate-shadowed", message, visitor, help));
        // RULES-9: higher up a line in error shuts out those too whom other gates admit; to mend it comes first.
        if rule.is_sealed() {
            return found;
        }
        let answers = answers(self.scene, self.place, rule, above);
        if let Some(gate) = for_routes(self.scene, above, rule) {
            let below = page_below(self.scene, &gate).filter(|_| answers.is_empty());
            let changes = together_with((self.at, above), (self.place, &gate), &answers, below);
            return with_routes(found, line, &gate, rule).proposing(routes(line, changes, rule));
        }
        let with_answers = (!answers.is_empty()).then(|| self.moved_with(&answers));
        found.proposing(with_answers.into_iter().chain([self.moved_with(&[])]))
    }

    /// The gate above what answers first, with these answers of its own.
    fn moved_with(&self, answers: &[(usize, &Rule)]) -> Proposal {
        let Self { rule, above, line, .. } = self;
        let lines: Vec<String> = answers.iter().map(|(_, answer)| place_of(answer.span, rule.span)).collect();
        let help = match (is_of_another_file(above, rule), lines.is_empty()) {
            (true, _) => written_above(above, rule, answers),
            (false, true) => format!("move this line above {line}"),
            (false, false) => format!("move this line and its answer on {} above {line}", lines.join(" and ")),
        };
        let changes = together((self.at, above), (self.place, rule), answers);
        Proposal { help, changes, closes: Some(Closing::by(rule)) }
    }

    /// A rule that closes nothing, or that a gate answers for.
    fn never_decides(&self) -> Found {
        let Self { rule, above, line, .. } = self;
        let message = format!("this rule never decides: {line} matches these paths first");
        let help = match self.is_too_late() {
            true => format!(
                "{line} answers first, so the order is what is wrong: a rule for fewer paths stands above one for more, and below the gates \
                 for its paths"
            ),
            false => format!("{line} goes first, so this line has no effect"),
        };
        let found =
            self.found(warning(rule, Field::From, "rule-unreachable", message, format!("what {line} says"), help));
        if let Some((gate_at, gate)) = self.own_gate() {
            return found.proposing(self.moved_with_its_gate(gate_at, gate));
        }
        let fix = removable(above, rule).filter(|_| self.is_last() && (!self.is_elsewhere() || above.is_gate()));
        let found = Found { problem: Problem { fix, ..found.problem }, ..found };
        found.proposing(self.joined().chain(self.moved_or_removed()))
    }

    /// RULES-11.duplicate-lines: whether this line decides before what is above nowhere, also where the last of two alike counts.
    fn is_last(&self) -> bool {
        self.scene.last_alike(self.above).is_none_or(|last| last < self.place)
    }

    /// Whether the rule is for other requests than the one above.
    fn is_elsewhere(&self) -> bool {
        let Self { above, rule, .. } = self;
        above.pattern != rule.pattern || above.origin != rule.origin || above.query != rule.query
    }

    /// What is narrower was meant to go first, more likely than not; a comment in its place would hide that.
    fn is_too_late(&self) -> bool {
        self.is_elsewhere() && !self.above.is_gate() && !leads_alike(self.above, self.rule)
    }

    /// What answers those whom a gate denies is met where the gate is met, and comes with it.
    fn own_gate(&self) -> Option<(usize, &'r Rule)> {
        let Self { rule, .. } = self;
        let is_own = |gate: &Rule| {
            gate.protects() && !gate.is_sealed() && (&gate.pattern, &gate.origin) == (&rule.pattern, &rule.origin)
        };
        let below = |at: usize| at > self.at && rule.role().is_none();
        let (at, gate) = self.before.iter().find(|(at, other)| below(*at) && is_own(other))?;
        leaves_nothing_to(self.scene, self.above, gate).map(|_| (*at, *gate))
    }

    /// The rule, above what answers first together with the gate that it answers for.
    fn moved_with_its_gate(&self, gate_at: usize, gate: &Rule) -> Option<Proposal> {
        let Self { rule, above, line, .. } = self;
        let answers = answers(self.scene, gate_at, gate, above);
        if let Some(shown) = for_routes(self.scene, above, gate) {
            return routes(line, together_with((self.at, above), (gate_at, &shown), &answers, None), gate);
        }
        let help = match is_of_another_file(above, gate) {
            true => written_above(above, gate, &answers),
            false => format!("move it above {line} together with the gate on {}", place_of(gate.span, rule.span)),
        };
        let changes = together((self.at, above), (gate_at, gate), &answers);
        Some(Proposal { help, changes, closes: Some(Closing::by(gate)) })
    }

    fn gates(&self) -> impl Iterator<Item = (usize, &'r Rule)> {
        self.before.iter().filter(|(_, other)| other.is_gate()).copied()
    }

    /// One rule of a gate above and this one.
    fn joined(&self) -> impl Iterator<Item = Proposal> {
        self.gates().filter_map(|gate| joined(self.scene, gate, (self.place, self.rule), self.by))
    }

    /// The rule above what answers first, or gone.
    fn moved_or_removed(&self) -> Vec<Proposal> {
        let Self { rule, above, line, .. } = self;
        let removed = |help: String| Proposal { help, changes: vec![(self.place, Vec::new())], closes: None };
        let mut proposals = Vec::new();
        // What says nothing of its own has nothing to go first for.
        let may_go = self.is_last() && is_known_as_it_is(above, rule) && !self.is_too_late();
        if may_go && self.is_elsewhere() && !above.is_gate() {
            proposals.push(removed(format!("remove this line: {line} leads to the same place")));
        }
        // What asks for no role never goes above what does, and what leads to the same place has nothing to go there for.
        let would_matter = may_go || !leads_alike(above, rule);
        if would_matter && self.gates().all(|(gate, _)| gate < self.at) && !above.is_gate() {
            let or = if may_go { ", or remove it" } else { "" };
            let help = match is_of_another_file(above, rule) {
                true => format!("{}{or}", written_above(above, rule, &[])),
                false => format!("move this line above {line}{or}"),
            };
            let changes = together((self.at, above), (self.place, rule), &[]);
            proposals.push(Proposal { help, changes, closes: None });
        }
        if may_go {
            proposals.push(removed("remove this line".to_owned()));
        }
        proposals
    }

    /// A finding about the whole line.
    fn found(&self, found: Found) -> Found {
        Found::from(Problem { span: self.rule.span, ..found.problem })
    }
}

/// The rules below a gate that answer those whom it denies, for the same paths, and that never decide because of `above` either.
fn answers<'r, S: Site>(scene: &Scene<'r, S>, place: usize, gate: &Rule, above: &Rule) -> Vec<(usize, &'r Rule)> {
    let below = scene.rules().iter().enumerate().skip(place + 1).take(LOOKED_AT);
    let same = |rule: &Rule| !rule.is_gate() && (&rule.pattern, &rule.origin) == (&gate.pattern, &gate.origin);
    below.filter(|(_, rule)| same(rule) && leaves_nothing_to(scene, above, rule).is_some()).collect()
}

/// Whether a rule can stand above the other in no file: the lines of `_redirects` go before all entries of `netlify.toml`.
fn is_of_another_file(above: &Rule, rule: &Rule) -> bool {
    above.span.file != rule.span.file
}

/// What moves a rule and its answers above one of another file, as lines of that.
fn written_above(above: &Rule, rule: &Rule, answers: &[(usize, &Rule)]) -> String {
    let moved = || [rule].into_iter().chain(answers.iter().map(|(_, answer)| *answer));
    let lines: Vec<String> = moved().map(|rule| format!("`{rule}`")).collect();
    let entries: Vec<String> = moved().map(|rule| place_of(rule.span, above.span)).collect();
    format!(
        "{} goes before all entries of {}: write {} above {}, and take out {}",
        above.span.file,
        rule.span.file,
        lines.join(" and "),
        place_of(above.span, rule.span),
        entries.join(" and ")
    )
}

/// The rule as a line of the file of `above`.
fn as_line(above: &Rule, rule: &Rule) -> Rule {
    Rule { span: above.span, ..changed(rule, |_| {}) }
}

/// What is said of a gate over the routes of an app, where nobody can prove what to write.
fn with_routes(found: Found, line: &str, gate: &Rule, rule: &Rule) -> Found {
    let help = format!(
        "there is no file below `{}` to keep, and {line} shows everybody the page of the app: for those alone who hold the role it would be \
         `{gate}` above {line}, and a page for everybody else below it",
        rule.pattern
    );
    Found { problem: Problem { help, ..found.problem }, ..found }
}

/// A gate over the routes of an app, with its answers, above the rule that shows the app.
fn routes(line: &str, changes: Vec<(usize, Vec<Rule>)>, gate: &Rule) -> Option<Proposal> {
    let (_, moved) = changes.first()?;
    let (_, moved) = moved.split_last()?;
    let lines: Vec<String> = moved.iter().map(|rule| format!("`{rule}`")).collect();
    // The gate alone would leave everybody else without anything.
    (lines.len() > 1).then(|| Proposal {
        help: format!(
            "there is no file below `{}`, and those who hold the role are to get the app: write {} above {line}, in the place of what \
             stands below it",
            gate.pattern,
            lines.join(" and ")
        ),
        closes: Some(Closing::by(gate)),
        changes,
    })
}

/// The same with an answer that nobody has written yet.
fn together_with(
    (at, above): (usize, &Rule),
    (place, gate): (usize, &Rule),
    answers: &[(usize, &Rule)],
    below: Option<Rule>,
) -> Vec<(usize, Vec<Rule>)> {
    let mut changes = together((at, above), (place, gate), answers);
    if let (Some((_, moved)), Some(below)) = (changes.first_mut(), below) {
        let below = if is_of_another_file(above, gate) { as_line(above, &below) } else { below };
        moved.insert(1, below);
    }
    changes
}

/// A gate and its answers moved above a rule.
fn together(
    (at, above): (usize, &Rule),
    (place, gate): (usize, &Rule),
    answers: &[(usize, &Rule)],
) -> Vec<(usize, Vec<Rule>)> {
    let moved = [gate].into_iter().chain(answers.iter().map(|(_, answer)| *answer));
    let moved = moved.map(|rule| if is_of_another_file(above, rule) { as_line(above, rule) } else { rule.clone() });
    let gone = [place].into_iter().chain(answers.iter().map(|(place, _)| *place));
    [(at, moved.chain([above.clone()]).collect())].into_iter().chain(gone.map(|place| (place, Vec::new()))).collect()
}

/// A gate that shows its own paths, and a rule for the same paths that those whom it admits never reach: one rule with the
/// role of the one and the destination of the other, and a page for everybody else.
pub(super) fn joined<S: Site>(
    scene: &Scene<'_, S>,
    (at, gate): (usize, &Rule),
    (place, rule): (usize, &Rule),
    denied: &Apply,
) -> Option<Proposal> {
    let (own, apply) = (gate.apply()?, rule.apply()?);
    let is_plain = apply.conditions == Conditions::default() && apply.headers.is_empty() && apply.signed.is_none();
    let leads_elsewhere = (200..300).contains(&apply.status) && !gate.pattern.covers(&apply.to.reach());
    let same_paths = gate.pattern == rule.pattern && gate.query == rule.query && gate.origin == rule.origin;
    if !gate.protects() || !gate.pattern.covers(&own.to.reach()) || !is_plain || !same_paths {
        return None;
    }
    if !leads_elsewhere && !apply.is_proxy() {
        return None;
    }
    let with_target = answering(gate, |own| {
        own.to = apply.to.clone();
        own.status = apply.status;
        own.force = true;
    });
    let of_denied = (!denied.to.is_absolute() && !denied.to.takes_captures()).then(|| denied.to.to_string());
    let page = of_denied.filter(|page| scene.shows(page)).or_else(|| scene.denial_page().map(str::to_owned));
    let fallback = page.and_then(|page| page_rule(gate, &page, 401, false));
    let lines: Vec<Rule> = [Some(with_target), fallback].into_iter().flatten().collect();
    let told: Vec<String> = lines.iter().map(|line| format!("`{line}`")).collect();
    let help = format!(
        "write one rule with the role and the destination in the place of {}, and take this one out: {}",
        place_of(gate.span, rule.span),
        told.join(", then ")
    );
    Some(Proposal { help, changes: vec![(at, lines), (place, Vec::new())], closes: None })
}

/// A gate also covers other spellings of its files (NOLEAK-3), which nothing decides that stands for its path alone, and what
/// it would show stays hidden from those whom it denies (ROLE-12). It leaves nothing behind only where the gate above asks
/// for the same role and shows the same.
fn removable(above: &Rule, rule: &Rule) -> Option<Fix> {
    let shows = |rule: &Rule| rule.apply().map(|apply| apply.to.clone());
    let says_the_same = || {
        (rule.role(), &rule.pattern, &rule.query, shows(rule))
            == (above.role(), &above.pattern, &above.query, shows(above))
    };
    if rule.is_gate() && !says_the_same() || !is_known_as_it_is(above, rule) {
        return None;
    }
    on_line(rule, Fix::CommentOut)
}
