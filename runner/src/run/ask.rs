//! One case: sent, judged, and asked again for what must hold for every refused request.

use std::sync::Arc;

use super::Shared;
use super::compose::{compose, now};
use super::keeper::Clients;
use super::learn::learn;
use super::send::{Sender, Unanswered, Way};
use crate::corpus::entitlement::Entitlements;
use crate::corpus::expectation::Alternative;
use crate::corpus::request::{Form, Request};
use crate::corpus::template::Template;
use crate::corpus::{Case, CaseRef, Suite};
use crate::deploy::SiteFiles;
use crate::event::{Finished, Lengths};
use crate::gates::Gate;
use crate::invariants::{Invariant, Metadata, describes, no_content, secrets, uniform};
use crate::judge::{Judgement, Scene, judge, leaks, summary, upstream};
use crate::own::{Jar, OwnSite, bear_the_same};
use crate::upstream::ASK;
use crate::verdict::{AFTER, Fault, Mismatch, Verdict};
use crate::wire::raw::Connection;
use crate::wire::{Answer, Exchange, Response, Sent};

/// What the control of a case has shown.
pub(super) struct Proof {
    pub(super) control: CaseRef,
    pub(super) verdict: Verdict,
    metadata: Metadata,
}

impl Proof {
    /// What a control has shown.
    pub(super) fn of(shared: &Shared, finished: &Finished) -> Self {
        let control = &finished.case;
        let (suite, case) = (control.suite(), control.case());
        // What describes a public file is no secret.
        let shows_protected = case.shows_protected(suite);
        let response = finished.exchange.as_ref().and_then(|exchange| exchange.answer.response());
        let own = suite.own.as_ref();
        // A site of a user may send its visitors to another spelling as well, so that not every alternative shows something.
        let may_show = |own: &OwnSite| {
            case.expected.alternatives().filter_map(Alternative::shown).any(|file| own.marks.is_closed(file))
        };
        let shows_protected = shows_protected
            || (own.is_some_and(|own| may_show(own)) && response.is_some_and(|response| response.status == 200));
        let admitted = response.filter(|_| shows_protected).map(Metadata::of);
        // A length that a public file has too betrays nothing.
        let admitted = admitted.map(|metadata| match (own, metadata.length) {
            (Some(own), Some(length)) if own.marks.is_public_length(length) => Metadata { length: None, ..metadata },
            _ => metadata,
        });
        // A gate elsewhere may give every file the date of its deployment, which is no secret then.
        let elsewhere = matches!(shared.gate, Gate::Remote(_));
        let metadata = admitted.map(|metadata| if elsewhere { metadata.without_date() } else { metadata });
        Self { control: control.clone(), verdict: finished.verdict.clone(), metadata: metadata.unwrap_or_default() }
    }
}

/// What one suite needs while it is being asked.
pub(super) struct Stage {
    pub(super) suite: Arc<Suite>,
    pub(super) prefix: String,
    pub(super) files: SiteFiles,
    pub(super) entitlements: Entitlements,
}

/// Sends one case, judges the answer and, with the proof of its control, checks the invariants.
pub(super) async fn ask(
    shared: &Shared,
    clients: &Clients,
    stage: &Stage,
    asked: &CaseRef,
    proof: Option<&Proof>,
) -> Finished {
    let (suite, case) = (&*stage.suite, asked.case());
    let mut finished = Finished {
        case: asked.clone(),
        // Until there is an answer, nothing can be said.
        verdict: Verdict::Error(Fault::Unreachable("it was not asked".to_owned())),
        exchange: None,
        lengths: Lengths::default(),
        target: Some(clients.target.clone()),
        is_proven: true,
        attempts: 0,
    };
    if let Some((feature, reason)) = shared.lacks.lacking(case, &stage.prefix) {
        finished.verdict = Verdict::Unsupported { feature, reason };
        return finished;
    }
    let may_have = stage.entitlements.of_case(case);
    let scene = Scene { origin: &clients.origin, prefix: &stage.prefix, files: &stage.files, may_have: &may_have };
    let sender = Sender { shared, clients, scene };
    let answered = match answer(sender, stage, case, &mut finished.attempts).await {
        Ok(answered) => answered,
        Err(none) => {
            finished.verdict = Verdict::Error(none.fault);
            finished.exchange = none.exchange.map(|exchange| *exchange);
            return finished;
        }
    };
    let (verdict, exchange) = judged(sender, suite, case, proof, answered).await;
    finished.verdict = verdict;
    finished.exchange = Some(exchange);
    finished
}

/// What came back.
struct Answered {
    exchange: Exchange,
    /// The connection on which nothing but the request was asked, if there is one that stays open.
    connection: Option<Connection>,
    /// By what the upstream knows the request, if it can.
    ask: Option<String>,
}

/// Sends a case until it is answered: again and by itself where the connection fails, or what came may be of another request.
async fn answer(sender: Sender<'_>, stage: &Stage, case: &Case, attempts: &mut u32) -> Result<Answered, Unanswered> {
    let Sender { shared, scene, .. } = sender;
    let suite = &*stage.suite;
    let mut ask = None;
    let mut way = Way { over_http2: case.over_http2, ..Way::default() };
    let mut drops = 0;
    loop {
        let answered = async {
            let mut sent = composed(&sender, suite, case)?;
            // A raw request says itself what it says; what comes of it at the upstream cannot be told apart.
            ask = (suite.needs_upstream() && sent.raw.is_none()).then(|| shared.upstream.next_ask());
            sent.headers.extend(ask.iter().map(|ask| (ASK.to_owned(), ask.clone().into_bytes())));
            let keeps_cookies = suite.own.as_ref().is_some_and(|own| own.keeps_cookies.contains(&case.id));
            let mut jar = Jar::default();
            for request in &case.before {
                let first = Case { request: request.clone(), before: Vec::new(), ..case.clone() };
                let exchange = sender.send(composed(&sender, suite, &first)?, way, &mut 0).await?;
                if keeps_cookies {
                    jar.take(&exchange);
                }
            }
            sent.headers.extend(jar.line().map(|line| ("Cookie".to_owned(), line.into_bytes())));
            sender.send_on(sent, way, attempts).await
        };
        match answered.await {
            Ok((exchange, _)) if sender.is_lost(&exchange, way) && leaks(None, &exchange, &scene).is_empty() => {
                way.apart = true;
            }
            Ok((exchange, _))
                if sender.is_dropped(&exchange)
                    && matches!(judge(&case.expected, &exchange, &scene).verdict, Verdict::Fail(_)) =>
            {
                way.apart = true;
                if sender.may_send_again(&mut drops).await {
                    continue;
                }
                // A gate may hang up on a request, and that is an answer; one that hangs up on everybody gives none.
                let control = suite.case(&case.control).unwrap_or(case);
                if is_answered(&sender, composed(&sender, suite, control)).await {
                    return Ok(Answered { exchange, connection: None, ask });
                }
                let fault = Fault::NotAsked("connections drop, that of the control too".to_owned());
                return Err(Unanswered { fault, exchange: Some(Box::new(exchange)) });
            }
            Ok((exchange, connection)) => return Ok(Answered { exchange, connection, ask }),
            Err(none) if none.is_of_the_connection() && sender.may_send_again(&mut drops).await => {}
            Err(none) => return Err(none),
        }
    }
}

/// The verdict on what came back, with what must hold beside the expectation of the case.
async fn judged(
    sender: Sender<'_>,
    suite: &Suite,
    case: &Case,
    proof: Option<&Proof>,
    Answered { exchange, connection, ask }: Answered,
) -> (Verdict, Exchange) {
    let Sender { shared, clients, scene } = sender;
    let mut judgement = judge(&case.expected, &exchange, &scene);
    if learn(sender, suite, case, &exchange, &judgement).await {
        judgement = judge(&case.expected, &exchange, &scene);
    }
    let received = ask.as_ref().map(|ask| shared.upstream.received(ask));
    if let (Some(received), Verdict::Pass) = (received, &judgement.verdict) {
        let mismatches = upstream(judgement.fitting, &received);
        if !mismatches.is_empty() {
            judgement = Judgement { verdict: Verdict::Fail(mismatches), fitting: None };
        }
    }
    if !shared.options.without.contains_key(&Invariant::NoContent)
        && says_no_more(&judgement.verdict)
        && let Some(mismatch) = no_content(&exchange)
    {
        judgement = Judgement { verdict: Verdict::Fail(vec![mismatch]), fitting: None };
    }
    let mut verdict = match proof.filter(|proof| proof.verdict == Verdict::Pass && suite.has_protected_files()) {
        Some(proof) => {
            Again { sender, shared, clients, suite, case, scene, proof }.check(judgement, &exchange, connection).await
        }
        None => judgement.verdict,
    };
    if matches!(verdict, Verdict::Pass | Verdict::Observed(_))
        && !shared.options.without.contains_key(&Invariant::Secrets)
        && let Some(mismatch) = secrets(&exchange, &suite.settings.secret, suite.own.is_some())
    {
        verdict = Verdict::Fail(vec![mismatch]);
    }
    if verdict == Verdict::Pass && case.features.iter().any(|feature| feature == "listener") {
        verdict = shared.listener.verdict().await;
    }
    if let (Verdict::Fail(_), Some(page)) = (&verdict, &shared.options.open_page)
        && let Some(refused) = refused_to_all(&sender, &exchange, page).await
    {
        verdict = refused;
    }
    (verdict, exchange)
}

/// Whether a verdict says no more of an answer than that something came behind it.
fn says_no_more(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Pass | Verdict::Observed(_) => true,
        Verdict::Fail(mismatches) => mismatches.iter().all(Mismatch::is_of_content_behind),
        _ => false,
    }
}

/// That an answer says nothing of the rules, where a page that everybody was shown is refused alike: now, to whoever asks from here, or to such a request.
async fn refused_to_all(sender: &Sender<'_>, exchange: &Exchange, page: &str) -> Option<Verdict> {
    let status = |exchange: &Exchange| exchange.answer.response().map(|response| response.status);
    let came = status(exchange).filter(|status| *status >= 400 && *status != 404)?;
    let sent = &exchange.sent;
    let is_telling = |name: &str| !["cookie", "authorization"].iter().any(|one| name.eq_ignore_ascii_case(one));
    let headers: Vec<_> = sent.headers.iter().filter(|(name, _)| is_telling(name)).cloned().collect();
    let user_agent: Vec<_> =
        headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("user-agent")).cloned().collect();
    let ask = async |sent: Sent| match sender.send(sent, Way::default(), &mut 0).await {
        Ok(answered) => Ok(status(&answered) == Some(came)),
        // Another case has found it out meanwhile.
        Err(Unanswered { fault: fault @ Fault::NotAsked(_), .. }) => Err(Verdict::Error(fault)),
        Err(_) => Ok(false),
    };
    match ask(Sent { headers: user_agent, ..Sent::get(&sender.clients.target, page) }).await {
        Ok(false) => {}
        Ok(true) => {
            let why = format!(
                "the site refuses everybody from here: `{page}` is answered with {came} now, and was shown before"
            );
            sender.shared.weather.leave(&why);
            return Some(Verdict::Error(Fault::NotAsked(why)));
        }
        Err(left_alone) => return Some(left_alone),
    }
    if sent.raw.is_some() || !sent.body.is_empty() {
        return None;
    }
    let such = Sent { headers, method: sent.method.clone(), ..Sent::get(&sender.clients.target, page) };
    ask(such).await.ok().filter(|is_refused| *is_refused)?;
    let feature = sent.method.clone();
    let reason = format!("the server answers {came} to such a request for a public page as well");
    Some(Verdict::Unsupported { feature, reason })
}

/// The request of a case, as it is sent to the gate that runs.
pub(super) fn composed(sender: &Sender<'_>, suite: &Suite, case: &Case) -> Result<Sent, Fault> {
    let Sender { shared, clients, scene } = sender;
    let mut sent = compose(suite, case, &shared.place(clients, scene.prefix), now()).map_err(Fault::Harness)?;
    let Some(user_agent) = &shared.options.user_agent else { return Ok(sent) };
    match &mut sent.raw {
        // Behind the request line.
        Some(raw) => {
            let line = format!("User-Agent: {user_agent}\r\n").into_bytes();
            let at = memchr::memmem::find(raw, b"\r\n").map_or(raw.len(), |at| at.saturating_add(2));
            raw.splice(at..at, line);
        }
        None => sent.headers.push(("User-Agent".to_owned(), user_agent.clone().into_bytes())),
    }
    Ok(sent)
}

/// Whether a request is answered at all.
async fn is_answered(sender: &Sender<'_>, sent: Result<Sent, Fault>) -> bool {
    let Ok(sent) = sent else { return false };
    let way = Way { exact: true, ..Way::default() };
    sender.send(sent, way, &mut 0).await.is_ok_and(|exchange| !sender.is_dropped(&exchange))
}

/// The verdict on what a further requirement says of the answer to a case.
pub(super) fn further(stage: &Stage, further: &Case, finished: &Finished) -> Verdict {
    let unproven = |why: &str| Verdict::Unproven(why.to_owned());
    let requirement = further.requirements.first().map_or("", String::as_str);
    let case = finished.case.case();
    match (&finished.verdict, &finished.exchange, &finished.target) {
        (Verdict::Error(_) | Verdict::Unsupported { .. }, ..) => finished.verdict.clone(),
        (Verdict::Leak(_), ..) => unproven("protected content came, of which it is not said"),
        (_, Some(exchange), Some(target)) => {
            let may_have = stage.entitlements.of_case(case);
            let origin = target.origin();
            let scene = Scene { origin: &origin, prefix: &stage.prefix, files: &stage.files, may_have: &may_have };
            crate::judge::further(&case.expected, requirement, exchange, &scene)
        }
        _ => unproven(crate::judge::NO_ANSWER),
    }
}

/// Asks again, to check what must hold for every refused request.
struct Again<'a> {
    sender: Sender<'a>,
    shared: &'a Shared,
    clients: &'a Clients,
    suite: &'a Suite,
    case: &'a Case,
    scene: Scene<'a>,
    proof: &'a Proof,
}

impl Again<'_> {
    /// `connection` is the one on which nothing but the request was asked, if there is one that stays open.
    async fn check(&self, judgement: Judgement<'_>, exchange: &Exchange, connection: Option<Connection>) -> Verdict {
        let Judgement { verdict, fitting } = judgement;
        let shows = fitting.and_then(|one| one.shown()).is_some();
        let on = |invariant| !self.shared.options.without.contains_key(&invariant);
        if shows || !matches!(verdict, Verdict::Pass | Verdict::Observed(_)) {
            // Of somebody's site the finding has to say all that came back of a closed file.
            let Verdict::Fail(mut mismatches) = verdict else { return verdict };
            if self.suite.own.is_some() && on(Invariant::Metadata) {
                mismatches.extend(self.described(exchange).await.map(describes));
            }
            return Verdict::Fail(mismatches);
        }
        let mut found = Vec::new();
        if on(Invariant::Metadata)
            && let Some(place) = self.described(exchange).await
        {
            // A leak needs bytes of the content; of a user's file what describes it may be the same by chance.
            return Verdict::Fail(vec![describes(place)]);
        }
        // Before anything else is asked, so that the control comes right after the request.
        let alive = match on(Invariant::Liveness) {
            true => self.liveness(exchange, fitting, connection).await,
            false => Ok(Verdict::Pass),
        };
        let denied = fitting.and_then(|one| one.name.as_deref()) == Some("denied");
        if on(Invariant::Uniform) && denied && self.case.request.carries_token() && exchange.sent.raw.is_none() {
            match self.told_from_no_token(exchange).await {
                Ok(mismatch) => found.extend(mismatch),
                Err(none) => return Verdict::Error(none.fault),
            }
        }
        match alive {
            Ok(Verdict::Pass) => {}
            Ok(Verdict::Fail(mismatches)) => found.extend(mismatches),
            Ok(other) => return other,
            Err(none) => return Verdict::Error(none.fault),
        }
        if found.is_empty() { verdict } else { Verdict::Fail(found) }
    }

    /// The field of an answer that describes the content. On a site of others it has to belong to the file alone: what a server says of every page, or where
    /// nothing lies, is no secret.
    async fn described(&self, exchange: &Exchange) -> Option<&'static str> {
        let place = self.proof.metadata.leaked(exchange)?;
        let Some(own) = &self.suite.own else { return Some(place) };
        if let Some(known) = own.found_out.is_of_a_file(place, exchange) {
            return known.then_some(place);
        }
        let is_telling = |name: &str| !["cookie", "authorization"].iter().any(|one| name.eq_ignore_ascii_case(one));
        let sent = &exchange.sent;
        let headers: Vec<_> = sent.headers.iter().filter(|(name, _)| is_telling(name)).cloned().collect();
        let (mut is_of_the_file, member) = (true, self.proof.control.case());
        for path in std::iter::once(&own.open).chain(&own.nothing) {
            let plain = Sent {
                headers: headers.clone(),
                method: sent.method.clone(),
                ..Sent::get(&self.clients.target, path.as_str())
            };
            // What is not proved is not said.
            let elsewhere = self.sender.send(plain, Way::default(), &mut 0).await.ok()?;
            is_of_the_file &= self.proof.metadata.leaked(&elsewhere) != Some(place);
            // A server may make it up from the path, so that a member and a stranger are told the same where nothing lies.
            // Two empty answers have the same length, and that says nothing.
            let may_be_made_up = matches!(place, "ETag" | "Last-Modified");
            if is_of_the_file && may_be_made_up && *path != own.open {
                let request = Request { form: Form::Path(Template::text(path)), ..member.request.clone() };
                let asked = Case { request, before: Vec::new(), ..member.clone() };
                let asked = Sent { method: sent.method.clone(), ..composed(&self.sender, self.suite, &asked).ok()? };
                let told = self.sender.send(asked, Way::default(), &mut 0).await.ok()?;
                is_of_the_file &= !bear_the_same(place, &elsewhere, &told);
            }
        }
        own.found_out.keep(place, exchange, is_of_the_file);
        is_of_the_file.then_some(place)
    }

    /// What tells the answer from that to the same request without any cookie, or without the field in which the token stood.
    async fn told_from_no_token(&self, exchange: &Exchange) -> Result<Option<Mismatch>, Unanswered> {
        let mut request = self.case.request.clone();
        request.token = None;
        request.cookies.clear();
        request.headers.retain(|(_, value)| value.tokens().next().is_none());
        let case = Case { request, ..self.case.clone() };
        let mut sent = compose(self.suite, &case, &self.shared.place(self.clients, self.scene.prefix), now())
            .map_err(Fault::Harness)?;
        sent.byte_exact = exchange.sent.byte_exact;
        // Many cases are the same but for their token.
        let kept = self.clients.kept.answer(&sent);
        if kept.is_some_and(|kept| uniform(&exchange.answer, &kept).is_none()) {
            return Ok(None);
        }
        let answer = self.without_token(sent.clone()).await?;
        let mismatch = uniform(&exchange.answer, &answer);
        self.clients.kept.keep_answer(&sent, &answer);
        Ok(mismatch)
    }

    async fn without_token(&self, sent: Sent) -> Result<Answer, Unanswered> {
        let way = Way::default();
        let again = self.sender.send(sent.clone(), way, &mut 0).await?;
        if self.sender.is_lost(&again, way) {
            return Ok(self.sender.send(sent, Way { apart: true, ..way }, &mut 0).await?.answer);
        }
        // What becomes of a connection that rested is no answer to compare with.
        if matches!(&again.answer, Answer::Closed(bytes) if bytes.is_empty()) {
            return Ok(self.sender.send(sent, Way { exact: true, ..way }, &mut 0).await?.answer);
        }
        Ok(again.answer)
    }

    /// The control right after the hostile request, on the same connection and on a new one. The connection on which it was answered will do, or one on which
    /// an earlier control was asked; what fails on either counts where it fails on one of its own too.
    async fn liveness(
        &self,
        exchange: &Exchange,
        fitting: Option<&Alternative>,
        connection: Option<Connection>,
    ) -> Result<Verdict, Unanswered> {
        if let Some(connection) = connection
            && self.still_admits(connection, exchange, fitting).await? == Verdict::Pass
        {
            return Ok(Verdict::Pass);
        }
        self.sender.turn().await?;
        if let Some(mut kept) = self.clients.kept.connection() {
            let hostile = kept.exchange(exchange.sent.clone()).await;
            // One that was closed meanwhile says nothing of the request.
            let was_closed = matches!(&hostile.answer, Answer::Closed(bytes) if bytes.is_empty());
            if !was_closed {
                let verdict = self.still_admits(kept, &hostile, fitting).await?;
                if matches!(verdict, Verdict::Pass | Verdict::Leak(_)) {
                    return Ok(verdict);
                }
            }
            self.sender.turn().await?;
        }
        let mut fresh = self.clients.wire.connect().await?;
        let hostile = fresh.exchange(exchange.sent.clone()).await;
        self.still_admits(fresh, &hostile, fitting).await
    }

    /// Whether the control is admitted after the hostile request, which has just been answered on this connection.
    async fn still_admits(
        &self,
        mut connection: Connection,
        hostile: &Exchange,
        fitting: Option<&Alternative>,
    ) -> Result<Verdict, Unanswered> {
        let control = self.proof.control.case();
        let control_sent = || {
            compose(self.suite, control, &self.shared.place(self.clients, self.scene.prefix), now())
                .map_err(Fault::Harness)
        };
        let leaked = leaks(fitting, hostile, &self.scene);
        if !leaked.is_empty() {
            return Ok(Verdict::Leak(leaked));
        }
        let mut checked = Vec::new();
        if hostile.answer.response().is_some_and(Response::keeps_connection) && hostile.sent.raw.is_none() {
            self.sender.turn().await?;
            let again = connection.exchange(control_sent()?).await;
            // A gate may close a connection that it first meant to keep (RFC 9112 §9.6), or ask for a pause; that is no answer, and no failure.
            let is_none = matches!(&again.answer, Answer::Closed(bytes) if bytes.is_empty());
            if !is_none && self.sender.refusal(&again).is_none() {
                checked.push(("on the same connection", again));
            }
        }
        let way = Way { exact: true, ..Way::default() };
        let (again, new) = self.sender.send_on(control_sent()?, way, &mut 0).await?;
        checked.push(("on a new connection", again));
        if let Some(new) = new {
            self.clients.kept.keep_connection(new);
        }
        let mismatches: Vec<Mismatch> = checked
            .iter()
            .filter(|(_, again)| judge(&control.expected, again, &self.scene).verdict != Verdict::Pass)
            .map(|(place, again)| Mismatch {
                what: format!("{AFTER}, {place}"),
                expected: "admitted as before".to_owned(),
                actual: summary(&again.answer),
            })
            .collect();
        Ok(if mismatches.is_empty() { Verdict::Pass } else { Verdict::Fail(mismatches) })
    }
}
