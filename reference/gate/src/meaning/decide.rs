//! The decision: a pure function of rules, request, visitor and site.
//!
//! The rules are walked in list order (MATCH-1). A rule is a candidate when host, path and query match; the first
//! candidate whose conditions hold decides. A role condition that does not hold marks the request as denied: from then
//! on neither the request's own file nor what that rule would have shown is an answer, whatever comes later.

mod denial;
mod fetched;

use std::borrow::Cow;
use std::cell::OnceCell;

use smallvec::SmallVec;

use crate::authority::Origin;
use crate::cost::step;
use crate::elsewhere::parameters::{Named, Sent};
pub use crate::elsewhere::remote::Remote;
use crate::meaning::rules::{Apply, Captures, ConditionKey, ConditionKeys, Effect, Rule, Substituted};
use crate::path::{Ambiguity, Refused, RequestPath, Target};
use crate::query::Parameters;
use crate::request::Request;
use crate::said::Said;
use crate::site::{Site, Spellings, is_same_file};
use crate::uri::{self, Segments, segments};
use crate::visitor::Visitor;
use denial::Denial;

/// What the gate decided about a request, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is answered.
    pub outcome: Outcome,
    /// NOLEAK-1: what the request target was read as; whoever acts on the decision goes by it. `None` where it was refused.
    pub read: Option<Target>,
    /// The rule that decided, by its place in the list; `None` where no rule did.
    pub by: Option<usize>,
    /// The destination of the deciding rule after substitution, without a query that is passed on.
    pub target: Option<String>,
    /// The rules that did not decide, in list order, each with the reason.
    pub passed_over: SmallVec<[(usize, PassedOver); 2]>,
    /// Whether the visitor did not satisfy a role condition that covers the path.
    pub denied: bool,
    /// NOLEAK-4: whether a role rule or a sealed rule had a say, so that the answer differs from visitor to visitor.
    pub role_dependent: bool,
    /// NOLEAK-4.conditions: the conditions beside the role that had a say, whether they hold for the visitor or not.
    pub conditions: ConditionKeys,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The request target has no safe canonical form, or none that a server beside this one is sure to share (FRONT-1).
    BadRequest(Refused),
    /// There is nothing to show: 404.
    NotFound {
        /// Whether there may be a file that the visitor must not see (ROLE-3).
        forced: bool,
        /// The page of the site that says so.
        page: Option<String>,
    },
    /// The request is forwarded (PROXY-1).
    Proxy {
        /// Where to.
        url: String,
    },
    /// The visitor is sent elsewhere (STATUS-1).
    Redirect {
        /// A status from 300 to 399.
        status: u16,
        /// The value of `Location` (LOC-1 to LOC-3).
        location: String,
    },
    /// Another file is shown under the request's URL (STATUS-2, STATUS-3).
    Rewrite {
        /// The status to show it with.
        status: u16,
        /// The name of the file.
        file: String,
    },
    /// The file at the requested path is shown: 200.
    Serve {
        /// The name of the file.
        file: String,
    },
}

/// Why a rule did not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PassedOver {
    /// These conditions beside the role do not hold.
    Condition(ConditionKeys),
    /// The rule is for another scheme or host.
    Host,
    /// STATUS-5: the rule would redirect the request to itself.
    Loop,
    /// STATUS-5.own-tree: the path lies where such a redirect leads already.
    OwnTree,
    /// The rule is for another path.
    Path,
    /// The rule is for other query parameters.
    Query,
    /// The visitor does not hold a role that the rule asks for.
    Role,
    /// RULES-9: the line is in error and admits nobody.
    Sealed,
}

/// A list of rules, in the order in which they are looked at.
pub trait RuleList {
    /// The rules.
    fn rules(&self) -> &[Rule];

    /// Whether one of them decides who sees its path.
    fn has_gates(&self) -> bool {
        self.rules().iter().any(Rule::is_gate)
    }

    /// The places of the rules that are looked at, in list order: of all, or of all that can match one of `paths`.
    fn places(&self, _paths: &[Segments<'_>], _asked: &Asked<'_>) -> impl Iterator<Item = usize> {
        0..self.rules().len()
    }

    /// FRONT-3: whether every server reads in the query what the rules for one of `paths` have read in it.
    fn are_parameters_plain(&self, paths: &[Segments<'_>], asked: &Asked<'_>) -> bool {
        let sent = asked.sent();
        let covers = |rule: &Rule| {
            let is_asked = rule.origin.is_none() || rule.origin.as_ref() == asked.origin();
            is_asked && paths.iter().any(|path| rule.pattern.matches_segments(path))
        };
        let mut naming = self.rules().iter().filter(|rule| !rule.query.is_empty());
        naming.all(|rule| !covers(rule) || Named::by(&rule.query).are_plain_in(&sent))
    }
}

/// The list itself: all of it is walked.
impl RuleList for [Rule] {
    fn rules(&self) -> &[Rule] {
        self
    }
}

/// The decision about a request. By a list that finds the rules that can match, such as a [`crate::RuleSet`], it is the same as by
/// the whole list, and [`Decision::passed_over`] holds fewer rules.
pub fn decide(list: &(impl RuleList + ?Sized), request: &Request<'_>, visitor: &Visitor, site: &impl Site) -> Decision {
    // NOLEAK-1; FRONT-1
    let parse = if site.is_read_elsewhere() { Target::parse_plain } else { Target::parse };
    match parse(request.target) {
        Ok(target) => {
            let decision = decide_at(list, request, &target, visitor, site);
            let conditions = had_a_say(&decision, list.rules(), site);
            Decision { read: Some(target), conditions, ..decision }
        }
        Err(refused) => undecided(Outcome::BadRequest(refused)),
    }
}

/// What no rule has had a say about.
fn undecided(outcome: Outcome) -> Decision {
    Decision {
        outcome,
        read: None,
        by: None,
        target: None,
        passed_over: SmallVec::new(),
        denied: false,
        role_dependent: false,
        conditions: ConditionKeys::default(),
    }
}

/// NOLEAK-4.conditions: what the rules asked for that might have decided otherwise, for a visitor who says something else.
fn had_a_say(decision: &Decision, rules: &[Rule], site: &impl Site) -> ConditionKeys {
    let apply = |place: usize| rules.get(place).and_then(Rule::apply);
    // SHADOW-1: where the file is shown, it would be shown as well if an unforced rule before had held.
    let is_shadow = matches!(decision.outcome, Outcome::Serve { .. }) && site.is_listed();
    let failed = decision.passed_over.iter().filter_map(|(place, why)| match why {
        // RULES-10: what nobody knows holds for nobody. One condition that fails is enough for all who fail it.
        PassedOver::Condition(unmet) if !unmet.contains(ConditionKey::Unknown) => {
            apply(*place).filter(|apply| apply.force || !is_shadow).map(|_| *unmet)
        }
        _ => None,
    });
    let held = decision.by.and_then(apply).map(|apply| apply.conditions.keys());
    failed.chain(held).fold(ConditionKeys::default(), ConditionKeys::and)
}

fn decide_at(
    list: &(impl RuleList + ?Sized),
    request: &Request<'_>,
    target: &Target,
    visitor: &Visitor,
    site: &impl Site,
) -> Decision {
    let own_file = site.file(&target.path);
    let own_file = own_file.as_deref();
    let name = target.path.name();
    let gated = own_file.filter(|_| list.has_gates());
    let spellings = gated.map(|file| Spellings::of(site, file).and(site.other_names(file))).unwrap_or_default();
    let others = spellings.iter().filter(|other| *other != name);
    step(request.target.len());
    let asked = Asked {
        request,
        target,
        paths: std::iter::once(name).chain(others).map(segments).collect(),
        parameters: target.query.as_deref().map(Parameters::parse).unwrap_or_default(),
        origin: OnceCell::new(),
        said: OnceCell::new(),
        own_file,
    };
    let decision = walk(list, &asked, visitor, site);
    // FRONT-3: whoever shows what was decided goes by the query too.
    if is_shown_elsewhere(&decision.outcome, site) && !list.are_parameters_plain(&asked.paths, &asked) {
        return Decision { outcome: Outcome::BadRequest(Refused::Ambiguous(Ambiguity::Named)), ..decision };
    }
    decision
}

/// Whether another server shows what was decided, and gets the query of the request.
fn is_shown_elsewhere(outcome: &Outcome, site: &impl Site) -> bool {
    match outcome {
        Outcome::Proxy { .. } => true,
        Outcome::Rewrite { .. } | Outcome::Serve { .. } => site.is_read_elsewhere(),
        Outcome::BadRequest(_) | Outcome::NotFound { .. } | Outcome::Redirect { .. } => false,
    }
}

/// What is asked, made ready once for all rules.
pub struct Asked<'a> {
    request: &'a Request<'a>,
    target: &'a Target,
    /// The segments of the path, and then NOLEAK-3 those of every other path that names the same file; none where no rule is a gate.
    paths: SmallVec<[Segments<'a>; 1]>,
    parameters: Parameters,
    origin: OnceCell<Option<Origin>>,
    said: OnceCell<Said<'a>>,
    /// The file that the path names.
    own_file: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// COST-1: what the request says of its visitor is read where the first rule asks for it, and then known.
    fn said(&self) -> &Said<'a> {
        self.said.get_or_init(|| Said::of(self.request))
    }

    /// The segments of the path.
    fn segments(&self) -> &[&'a str] {
        self.paths.first().map(|path| path.as_slice()).unwrap_or_default()
    }

    /// NOLEAK-3: those of every other path that names the same file.
    fn spellings(&self) -> impl Iterator<Item = &Segments<'a>> {
        self.paths.iter().skip(1)
    }

    /// The parameters of the query.
    pub(crate) fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// FRONT-3: the parameters as other servers may read them.
    pub(crate) fn sent(&self) -> Sent {
        self.target.query.as_deref().map(Sent::of).unwrap_or_default()
    }

    /// Where the request came to.
    pub(crate) fn origin(&self) -> Option<&Origin> {
        let origin = self.origin.get_or_init(|| {
            // HTTP-4: the host of an absolute target counts. HOST-2: the scheme is that of the connection.
            let host = self.target.host.as_deref().or(self.request.host);
            host.map(|host| Origin::new(self.request.scheme, host))
        });
        origin.as_ref()
    }
}

fn walk(list: &(impl RuleList + ?Sized), asked: &Asked<'_>, visitor: &Visitor, site: &impl Site) -> Decision {
    let mut passed_over = SmallVec::new();
    let (mut denial, mut role_dependent, mut in_tree) = (Denial::default(), false, false);
    let in_order = list.places(&asked.paths, asked).filter_map(|place| Some((place, list.rules().get(place)?)));
    for (place, rule) in in_order {
        step(1);
        let test = test(rule, asked, visitor, &mut in_tree);
        role_dependent |= test.covers && rule.is_gate();
        let (apply, target) = match test.result {
            Ok(decided) => decided,
            Err(why) => {
                // ROLE-2, ROLE-7, RULES-9
                if matches!(why, PassedOver::Role | PassedOver::Sealed) {
                    denial.record(rule);
                }
                passed_over.push((place, why));
                continue;
            }
        };
        let outcome = answer(list, apply, &target, asked, &denial, site);
        let (denied, target) = (denial.stands_before(apply), Some(target.into_text()));
        return Decision { by: Some(place), target, passed_over, denied, role_dependent, ..undecided(outcome) };
    }
    let denied = denial.is_recorded();
    let outcome = match asked.own_file {
        // ROLE-3: where no rule decides, the file at the path stays closed to everybody who was denied, be it the very page that
        // says so.
        Some(file) if denied && site.not_found_page().is_some_and(|page| is_same_file(site, file, &page)) => {
            Outcome::NotFound { forced: true, page: None }
        }
        Some(file) if !denied => Outcome::Serve { file: file.to_owned() },
        _ => Outcome::NotFound { forced: denied, page: denial.not_found_page(list, asked, site) },
    };
    Decision { passed_over, denied, role_dependent, ..undecided(outcome) }
}

/// Whether a rule decides, and whether it had a say at all.
struct Test<'r> {
    /// Whether host, path and query match, be it under another spelling of the file (NOLEAK-3).
    covers: bool,
    result: Result<(&'r Apply, Substituted), PassedOver>,
}

/// `in_tree` says whether the path lies in the tree that a rule before this one leads into.
fn test<'r>(rule: &'r Rule, asked: &Asked<'_>, visitor: &Visitor, in_tree: &mut bool) -> Test<'r> {
    let passed_over = |covers, why| Test { covers, result: Err(why) };

    // ROLE-9, HOST-1
    if rule.origin.is_some() && rule.origin.as_ref() != asked.origin() {
        return passed_over(false, PassedOver::Host);
    }
    // MATCH-1 to MATCH-8
    let path_matches = rule.pattern.matches_segments(asked.segments());
    // NOLEAK-3: a gate on one spelling of a file covers the others.
    let matches = path_matches || (rule.is_gate() && asked.spellings().any(|path| rule.pattern.matches_segments(path)));
    if !matches {
        return passed_over(false, PassedOver::Path);
    }
    // RULES-9: whatever the query, so that the seal covers too much rather than too little.
    let Effect::Apply(apply) = &rule.effect else {
        return passed_over(true, PassedOver::Sealed);
    };
    // QUERY-1 to QUERY-3
    if !rule.query_matches(&asked.parameters) {
        return passed_over(false, PassedOver::Query);
    }
    let tree = path_matches.then(|| rule.own_tree()).flatten();
    *in_tree |= tree.as_ref().is_some_and(|tree| lies_in(tree, rule, apply, asked));
    // ROLE-7: the role before all other conditions, so that a denial is never lost.
    if let Some(role) = &apply.conditions.role
        && !role.holds(visitor)
    {
        return passed_over(true, PassedOver::Role);
    }
    if !path_matches {
        return passed_over(true, PassedOver::Path);
    }
    // STATUS-5.own-tree: whoever asks; two such redirects would else send each other's visitors ever deeper.
    if tree.is_some() && *in_tree {
        return passed_over(true, PassedOver::OwnTree);
    }
    // COND-1, COND-2, RULES-10
    if !apply.conditions.others().is_empty() {
        let unmet = apply.conditions.unmet(asked.said());
        if !unmet.is_empty() {
            return passed_over(true, PassedOver::Condition(unmet));
        }
    }
    let target = destination(rule, apply, asked);
    // STATUS-5
    if apply.is_redirect() && leads_to_itself(&target, asked) {
        return passed_over(true, PassedOver::Loop);
    }
    Test { covers: true, result: Ok((apply, target)) }
}

/// Where the rule leads the request.
fn destination(rule: &Rule, apply: &Apply, asked: &Asked<'_>) -> Substituted {
    if !apply.to.takes_captures() {
        return apply.to.substitute(&Captures::default());
    }
    match rule.captures(asked.segments(), asked.target.path.trailing_slash(), &asked.parameters) {
        Some(captures) => apply.to.substitute(&captures),
        // Path and query have matched, so there are captures; if there were none, the request would be led nowhere.
        None => Substituted { astray: true, ..apply.to.substitute(&Captures::default()) },
    }
}

/// The answer of the rule that decided.
fn answer(
    list: &(impl RuleList + ?Sized),
    apply: &Apply,
    target: &Substituted,
    asked: &Asked<'_>,
    denial: &Denial<'_>,
    site: &impl Site,
) -> Outcome {
    // SHADOW-1: an existing file wins over an unforced rule. SHADOW-3: not after a denial.
    if !apply.force
        && !denial.is_recorded()
        && site.is_listed()
        && let Some(file) = asked.own_file
    {
        return Outcome::Serve { file: file.to_owned() };
    }
    let lifted = Denial::default();
    let standing = if denial.stands_before(apply) { denial } else { &lifted };
    let not_found = |forced| Outcome::NotFound { forced, page: standing.not_found_page(list, asked, site) };
    let is_redirect = apply.is_redirect();
    // FRONT-1: the server behind a rule that forwards, or one in front, goes by the target too.
    if !is_redirect
        && target.site.is_some()
        && let Err(refused) = Target::check_plain(asked.request.target)
    {
        return Outcome::BadRequest(refused);
    }
    // SUBST-3, SUBST-4: a request that supplies dots, or no label of the host, is led nowhere. SUBST-5: nothing is fetched by
    // a path of which its readers could make several.
    if target.astray || (target.ambiguous && !is_redirect) {
        return not_found(standing.is_recorded());
    }
    let query = asked.target.query.as_deref();
    if is_redirect {
        return Outcome::Redirect { status: apply.status, location: target.location(query) };
    }
    // ROLE-3, ROLE-12: after a denial no rule leads back to what was denied.
    if standing.protects(apply, target, asked, site) {
        return not_found(true);
    }
    // STATUS-2
    if target.site.is_some() {
        return Outcome::Proxy { url: target.location(query) };
    }
    // STATUS-2, STATUS-3; STATUS-4: one hop. SUBST-4: what has no canonical form names no file.
    let file = RequestPath::parse(target.path.as_bytes()).ok().and_then(|path| {
        let own = path.same_but_for_slash(&asked.target.path);
        if own { asked.own_file.map(str::to_owned) } else { site.file(&path).map(Cow::into_owned) }
    });
    match file {
        Some(file) => Outcome::Rewrite { status: apply.status, file },
        // STATUS-6
        None => not_found(false),
    }
}

/// STATUS-5.own-tree: whether the request lies in the tree that the rule leads into.
fn lies_in(tree: &RequestPath, rule: &Rule, apply: &Apply, asked: &Asked<'_>) -> bool {
    let is_below = || {
        let mut own = asked.segments().iter();
        tree.segments().all(|segment| own.next().is_some_and(|own| *own == segment))
    };
    is_below() && (!apply.to.is_absolute() || is_of_this_site(&destination(rule, apply, asked), asked))
}

fn is_of_this_site(target: &Substituted, asked: &Asked<'_>) -> bool {
    target.site.is_none() || target.origin().as_ref() == asked.origin()
}

/// STATUS-5: whether a redirect would lead to where the request came from, a trailing slash or a fragment aside.
fn leads_to_itself(target: &Substituted, asked: &Asked<'_>) -> bool {
    let same_path =
        || RequestPath::parse(target.path.as_bytes()).is_ok_and(|path| path.same_but_for_slash(&asked.target.path));
    let same_query = || {
        let sent = asked.target.query.as_deref().map(uri::clean).unwrap_or_default();
        target.resulting_query(asked.target.query.as_deref()).unwrap_or_default() == sent
    };
    is_of_this_site(target, asked) && same_path() && same_query()
}

#[cfg(test)]
mod tests;
