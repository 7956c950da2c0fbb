//! One request, until it is answered: in its turn, again after each pause that an answer asks for, over the wire that it needs. Every request of a run is sent
//! here, but for those of a connection that is kept on purpose.

use std::time::SystemTime;

use super::Shared;
use super::keeper::Clients;
use crate::event::{Event, Weather};
use crate::gates::Gate;
use crate::judge::{Scene, leaks};
use crate::refusal::Refusal;
use crate::upstream::ASK;
use crate::verdict::Fault;
use crate::wire::plain::Plain;
use crate::wire::raw::Connection;
use crate::wire::{Answer, Client, End, Exchange, Response, Sent};

/// What sends requests, to one running gate, for one case.
#[derive(Clone, Copy)]
pub(super) struct Sender<'a> {
    pub(super) shared: &'a Shared,
    pub(super) clients: &'a Clients,
    pub(super) scene: Scene<'a>,
}

/// How a request goes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Way {
    /// Over HTTP/2, whatever the run speaks.
    pub(super) over_http2: bool,
    /// On a connection of its own.
    pub(super) apart: bool,
    /// Over the byte-exact wire.
    pub(super) exact: bool,
}

/// Why there is no answer of the gate, with the answer that is none, if there was one.
pub(super) struct Unanswered {
    pub(super) fault: Fault,
    pub(super) exchange: Option<Box<Exchange>>,
}

impl Unanswered {
    /// Whether the connection itself failed.
    pub(super) fn is_of_the_connection(&self) -> bool {
        matches!(self.fault, Fault::Unreachable(_))
    }
}

impl From<std::io::Error> for Unanswered {
    fn from(error: std::io::Error) -> Self {
        Self { fault: Fault::Unreachable(error.to_string()), exchange: None }
    }
}

impl From<Fault> for Unanswered {
    fn from(fault: Fault) -> Self {
        Self { fault, exchange: None }
    }
}

impl<'a> Sender<'a> {
    /// Sends a request until it is answered; `sends` counts.
    pub(super) async fn send(&self, sent: Sent, way: Way, sends: &mut u32) -> Result<Exchange, Unanswered> {
        Ok(self.send_on(sent, way, sends).await?.0)
    }

    /// The same, with the connection on which nothing but this request was asked, if it is one of the byte-exact wire and another may follow.
    pub(super) async fn send_on(
        &self,
        sent: Sent,
        way: Way,
        sends: &mut u32,
    ) -> Result<(Exchange, Option<Connection>), Unanswered> {
        let mut put_off = 0;
        loop {
            self.turn().await?;
            *sends = sends.saturating_add(1);
            let (exchange, connection) = match self.by(sent.clone(), way).await? {
                (exchange, None) if self.hides_what_came_behind(&exchange, way) => {
                    self.turn().await?;
                    (self.by_the_wire(exchange).await, None)
                }
                answered => answered,
            };
            let Some(refusal) = self.refusal(&exchange) else { return Ok((exchange, connection)) };
            let Some(length) = self.shared.weather.wait(&refusal, &mut put_off).await else {
                let times = if *sends > 1 { format!(", {sends} times") } else { String::new() };
                let fault = Fault::NotAsked(format!("{}{times}", refusal.says()));
                return Err(Unanswered { fault, exchange: Some(Box::new(exchange)) });
            };
            if let Refusal::Limit { status, .. } | Refusal::Away { status } = refusal {
                let _ = self.shared.events.send(Event::Weather(Weather::Pause { status, length }));
            }
        }
    }

    /// Waits for the turn of a request.
    pub(super) async fn turn(&self) -> Result<(), Fault> {
        self.shared.weather.turn().await.map_err(Fault::NotAsked)
    }

    /// What an answer says, if it is none of the gate's. An answer with content in it always counts.
    pub(super) fn refusal(&self, exchange: &Exchange) -> Option<Refusal> {
        let of = if self.shared.options.user_agent.is_some() { Refusal::of_a_site } else { Refusal::of };
        let refusal = exchange
            .answer
            .response()
            .and_then(|response| of(response, SystemTime::now()))
            .filter(|_| leaks(None, exchange, &self.scene).is_empty());
        if refusal.is_none() {
            self.shared.weather.answered();
        }
        refusal
    }

    async fn by(&self, sent: Sent, way: Way) -> std::io::Result<(Exchange, Option<Connection>)> {
        // Over HTTP/1.1 an ordinary client throws away what comes behind an answer to HEAD.
        let ordinary = self.ordinary(way).filter(|plain| !sent.is_head() || plain.shares_connections());
        let exchange = match ordinary {
            Some(plain) if !sent.byte_exact && !way.exact && way.apart => plain.exchange_apart(sent).await,
            Some(plain) if !sent.byte_exact && !way.exact => {
                let exchange = plain.exchange(sent.clone()).await?;
                // A server may close a connection that rests at any time (RFC 9112 §9.5), and then a client sends the request again on another one.
                let rested =
                    sent.body.is_empty() && matches!(&exchange.answer, Answer::Closed(bytes) if bytes.is_empty());
                if rested && !plain.shares_connections() && !matches!(self.shared.gate, Gate::Remote(_)) {
                    self.clients.wire.exchange(sent).await
                } else {
                    Ok(exchange)
                }
            }
            _ if sent.raw.is_none() => {
                let mut connection = self.clients.wire.connect().await?;
                let exchange = connection.exchange(sent).await;
                let stays_open = exchange.answer.response().is_some_and(Response::keeps_connection);
                return Ok((exchange, Some(connection).filter(|connection| stays_open && connection.is_quiet())));
            }
            _ => self.clients.wire.exchange(sent).await,
        };
        Ok((exchange?, None))
    }

    /// Whether an ordinary client may have thrown away what came behind an answer, over HTTP/1.1. What an upstream behind the gate is asked is counted, and asked once.
    fn hides_what_came_behind(&self, exchange: &Exchange, way: Way) -> bool {
        let is_bare = |response: &Response| exchange.sent.is_answered_without_content(response.status);
        exchange.client == Client::Plain
            && !self.ordinary(way).is_some_and(Plain::shares_connections)
            && exchange.sent.body.is_empty()
            && !exchange.sent.headers.iter().any(|(name, _)| name == ASK)
            && exchange.answer.response().is_some_and(is_bare)
    }

    /// The answer to the same request over the byte-exact wire, where it is the same answer.
    async fn by_the_wire(&self, exchange: Exchange) -> Exchange {
        let status = |exchange: &Exchange| exchange.answer.response().map(|response| response.status);
        let again = self.clients.wire.exchange(exchange.sent.clone()).await;
        again.ok().filter(|again| status(again) == status(&exchange)).unwrap_or(exchange)
    }

    fn ordinary(&self, way: Way) -> Option<&'a Plain> {
        let second = self.clients.second.as_ref().filter(|_| way.over_http2);
        second.or(self.clients.plain.as_ref())
    }

    /// Whether the connection ended under a request that may not have been the one that ended it: a gate that is sent a header block over its
    /// bounds may end the HTTP/2 connection with everything on it (RFC 9113 §10.5.1), and only a connection of its own tells whom it meant.
    pub(super) fn is_lost(&self, exchange: &Exchange, way: Way) -> bool {
        let shared = self.ordinary(way).is_some_and(Plain::shares_connections);
        shared && !way.apart && exchange.client == Client::Plain && matches!(exchange.answer, Answer::Closed(_))
    }

    /// Whether the connection to a gate elsewhere dropped before the answer was whole. Of one that was started here its keeper knows more.
    pub(super) fn is_dropped(&self, exchange: &Exchange) -> bool {
        let ended = match &exchange.answer {
            Answer::Closed(_) => true,
            Answer::Response(response) => response.end == End::Closed,
            Answer::TimedOut(_) | Answer::TooLong(_) => false,
        };
        ended && matches!(self.shared.gate, Gate::Remote(_)) && leaks(None, exchange, &self.scene).is_empty()
    }

    /// Whether a request may be sent again whose connection dropped, so often already.
    pub(super) async fn may_send_again(&self, drops: &mut u32) -> bool {
        if *drops >= self.shared.options.retries || !self.shared.weather.may_drop() {
            return false;
        }
        *drops = drops.saturating_add(1);
        let _ = self.shared.events.send(Event::Weather(Weather::Dropped));
        tokio::time::sleep(AGAIN).await;
        true
    }
}

/// How long after a connection dropped the request is sent again.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(200);
