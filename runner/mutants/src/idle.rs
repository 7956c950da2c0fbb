//! Gates that do nothing worth the name. None of them may pass a case: a suite whose cases pass here proves nothing anywhere.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use gatecheck::deploy::Deployment;
use gatecheck::gates::{GateError, InProcess, Running};
use rolegate::path::Target as RequestTarget;
use rolegate::rules::Rule;
use rolegate::site;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::gate::{listen, next_head};
use super::ground::{Site, Sites};
use super::scene::Reply;

/// What an idle gate does with every request.
#[derive(Clone, Copy, Debug)]
pub enum Habit {
    /// The same status and a short text.
    Always(u16),
    /// A redirect to the login page.
    Redirect(u16),
    /// 200 without a body.
    Empty,
    /// Closes the connection without an answer.
    Closes,
    /// Sends the request back.
    Echo,
    /// Does what the first rule says, whatever is asked.
    FirstRule,
    /// Sends bytes that are no response.
    Garbage,
    /// Answers nothing.
    Hang,
    /// Does what the last rule says, whatever is asked.
    LastRule,
    /// Something else for every request.
    Random,
    /// Drops the connection at the first byte.
    Reset,
    /// A redirect to the address that was asked for.
    SelfRedirect,
    /// 200, late.
    Slow,
}

/// Every idle gate by name.
pub const ALL: &[(&str, Habit)] = &[
    ("always-200", Habit::Always(200)),
    ("always-302", Habit::Redirect(302)),
    ("always-301", Habit::Redirect(301)),
    ("always-401", Habit::Always(401)),
    ("always-403", Habit::Always(403)),
    ("always-404", Habit::Always(404)),
    ("always-400", Habit::Always(400)),
    ("always-500", Habit::Always(500)),
    ("empty", Habit::Empty),
    ("closes", Habit::Closes),
    ("echo", Habit::Echo),
    ("first-rule", Habit::FirstRule),
    ("garbage", Habit::Garbage),
    ("hang", Habit::Hang),
    ("last-rule", Habit::LastRule),
    ("random", Habit::Random),
    ("reset", Habit::Reset),
    ("redirect-to-itself", Habit::SelfRedirect),
    ("slow", Habit::Slow),
];

/// An idle gate that the runner can start.
#[derive(Clone, Debug)]
pub struct IdleGate {
    name: &'static str,
    habit: Habit,
    sites: Arc<Sites>,
}

impl IdleGate {
    /// An idle gate on sites that it shares with others.
    #[must_use]
    pub fn new(name: &'static str, habit: Habit, sites: Arc<Sites>) -> Self {
        Self { name, habit, sites }
    }
}

impl InProcess for IdleGate {
    fn name(&self) -> String {
        format!("idle gate {}", self.name)
    }

    fn start<'a>(
        &'a self,
        deployment: &'a Deployment<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Running, GateError>> + Send + 'a>> {
        Box::pin(async move {
            let site = self.sites.of(deployment)?;
            let rules = site.rules.rules();
            let rule = match self.habit {
                Habit::FirstRule => rules.first().cloned(),
                Habit::LastRule => rules.last().cloned(),
                _ => None,
            };
            let habit = self.habit;
            let known = Arc::new((site, rule));
            Ok(listen(move |stream| serve(stream, habit, Arc::clone(&known))))
        })
    }
}

async fn serve(mut stream: DuplexStream, habit: Habit, known: Arc<(Arc<Site>, Option<Rule>)>) {
    let mut came = Vec::new();
    let mut count = 0_usize;
    if let Habit::Reset = habit {
        let _ = stream.read_u8().await;
        return;
    }
    while let Some(head) = next_head(&mut stream, &mut came).await {
        count = count.saturating_add(1);
        let bytes = match habit {
            Habit::Closes => return,
            Habit::Hang => {
                tokio::time::sleep(Duration::from_secs(600)).await;
                return;
            }
            Habit::Garbage => b"\x15\x03\x03\x00\x02\x02\x28".to_vec(),
            Habit::Slow => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Reply::text(200, "At last\n").bytes()
            }
            _ => answer(habit, &head, count, &known).bytes(),
        };
        if stream.write_all(&bytes).await.is_err() || matches!(habit, Habit::Garbage) {
            break;
        }
    }
    let _ = stream.shutdown().await;
}

fn answer(habit: Habit, head: &[u8], count: usize, known: &(Arc<Site>, Option<Rule>)) -> Reply {
    let target = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    match habit {
        Habit::Always(status) => Reply::text(status, "This is a gate\n"),
        Habit::Redirect(status) => Reply::redirect(status, "/login"),
        Habit::Echo => {
            let mut reply = Reply::text(200, "");
            reply.fill(head.to_vec());
            reply
        }
        Habit::SelfRedirect => Reply::redirect(302, &String::from_utf8_lossy(target)),
        Habit::Random => {
            let statuses = [200, 301, 302, 304, 400, 401, 403, 404, 405, 416, 500];
            let throw = head.iter().fold(count, |throw, byte| throw.wrapping_mul(31).wrapping_add(usize::from(*byte)));
            let status = throw.checked_rem(statuses.len()).and_then(|at| statuses.get(at)).copied().unwrap_or(200);
            let mut reply = Reply::text(status, &format!("{throw}\n"));
            if (300..400).contains(&status) {
                reply.set("location", format!("/{throw}"));
            }
            reply
        }
        Habit::FirstRule | Habit::LastRule => rule(&known.0, known.1.as_ref()),
        _ => Reply { status: 200, headers: vec![("content-length".to_owned(), b"0".to_vec())], body: Vec::new() },
    }
}

/// What a rule says with its names as written.
fn rule(known: &Site, rule: Option<&Rule>) -> Reply {
    let Some(apply) = rule.and_then(Rule::apply) else { return Reply::text(404, "Not found\n") };
    let target = apply.to.to_string();
    if apply.is_redirect() {
        return Reply::redirect(apply.status, &target);
    }
    let shown = file(known, &target).map(|reply| Reply { status: apply.status, ..reply });
    shown.unwrap_or_else(|| Reply::text(404, "Not found\n"))
}

fn file(known: &Site, target: &str) -> Option<Reply> {
    let path = RequestTarget::parse(target.as_bytes()).ok()?.path;
    let name = site::look_up(&path, |name| known.files.names().any(|other| other == name))?;
    let body = std::fs::read(known.folder().join(name.trim_start_matches('/'))).ok()?;
    let mut reply = Reply::text(200, "");
    reply.fill(body);
    Some(reply)
}
