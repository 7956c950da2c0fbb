//! A broken gate: the steps of the reference, one by one, with a defect between two of them.
//!
//! Heads are read with the reference's own reader, so that what it refuses is refused here; everything else about HTTP is the least that the
//! corpus needs. A request with a body is the last of its connection, as it is in the reference.

use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use gatecheck::deploy::Deployment;
use gatecheck::gates::{GateError, InProcess, Running};
use gatecheck::wire::memory::door;
use http_body_util::BodyExt as _;
use hyper::StatusCode;
use hyper::header::CONTENT_LENGTH;
use rolegate::decide::{Decision, Outcome};
use rolegate::edge::Connection;
use rolegate::request::Scheme;
use rolegate::visitor::Visitor;
use rolegate_server::respond::{Ask, respond};
use rolegate_server::server::head::{self, Fault, Head, HeadLimits};
use rolegate_server::server::{Limits, refuse};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::task::JoinSet;

use super::forward::{Body, for_everybody, forward};
use super::ground::{Ground, Sites};
use super::jwt::Token;
use super::scene::{Asked, Memory, Reply, Scene};
use super::{Defect, Mutant};

/// A mutant as a gate that the runner can start.
#[derive(Clone, Debug)]
pub struct BrokenGate {
    mutant: Mutant,
    sites: Arc<Sites>,
}

impl BrokenGate {
    /// A mutant on sites that it shares with others.
    #[must_use]
    pub fn new(mutant: Mutant, sites: Arc<Sites>) -> Self {
        Self { mutant, sites }
    }
}

impl InProcess for BrokenGate {
    fn name(&self) -> String {
        format!("broken gate {}", self.mutant.id)
    }

    fn start<'a>(
        &'a self,
        deployment: &'a Deployment<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Running, GateError>> + Send + 'a>> {
        Box::pin(async move {
            let defect = self.mutant.defect;
            let ground = Arc::new(Ground::new(deployment, &self.sites, defect)?);
            let replies = Arc::default();
            Ok(listen(move |stream| {
                let memory = Memory { replies: Arc::clone(&replies), ..Memory::default() };
                serve(stream, Arc::clone(&ground), defect, memory)
            }))
        })
    }
}

/// Serves every connection until the gate is stopped or dropped.
pub(super) fn listen<F>(serve: impl Fn(DuplexStream) -> F + Send + Sync + 'static) -> Running
where
    F: Future<Output = ()> + Send + 'static,
{
    let (door, mut porch) = door();
    // Dropped with the gate, and its task with it.
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                opened = porch.accept() => match opened {
                    Some(stream) => { connections.spawn(serve(stream)); }
                    None => break,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    });
    Running::here(door, task)
}

fn limits() -> HeadLimits {
    let Limits { head, target, .. } = Limits::default();
    HeadLimits { head, target }
}

/// How long a client may take for a request head.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a connection is read on after the last answer, so that the answer is not lost (RFC 9112 §9.6).
const LINGER: Duration = Duration::from_millis(50);

async fn serve(mut stream: DuplexStream, ground: Arc<Ground>, defect: Defect, memory: Memory) {
    let mut came = Vec::new();
    while let Some(bytes) = next_head(&mut stream, &mut came).await {
        let bytes = match defect {
            Defect::Wire(edit) => edit(&bytes),
            _ => bytes,
        };
        let Some((read, _)) = head::first(&bytes, limits()) else { break };
        let (reply, last) = match read {
            Ok(head) => {
                let last = head.last || ends_connection(&bytes, &head);
                match asked(&ground, &head) {
                    Ok(asked) => {
                        let mut body = Body::new(&asked, &mut stream, &mut came);
                        (answer(&ground, defect, &memory, asked, &mut body).await, last)
                    }
                    Err(fault) => (refused(fault).await, true),
                }
            }
            Err(fault) => {
                let mut reply = refused(fault).await;
                if let Defect::Refusal(edit) = defect {
                    edit(&mut reply);
                }
                (reply, true)
            }
        };
        if stream.write_all(&reply.bytes()).await.is_err() || last {
            break;
        }
    }
    let _ = stream.shutdown().await;
    let mut rest = [0; 1024];
    let drained = async { while matches!(stream.read(&mut rest).await, Ok(count) if count > 0) {} };
    let _ = tokio::time::timeout(LINGER, drained).await;
}

/// The bytes of the next request head; none at the end of the connection.
pub(super) async fn next_head(stream: &mut DuplexStream, came: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        if !came.is_empty()
            && let Some((_, length)) = head::first(came, limits())
        {
            let rest = came.split_off(length.min(came.len()));
            return Some(std::mem::replace(came, rest));
        }
        // No head is that long: what came is answered as it is.
        if came.len() > 2 * limits().head {
            return Some([std::mem::take(came), b"\r\n\r\n".to_vec()].concat());
        }
        // A head is judged whole: a few bytes at a time, its first fault would hide the rest.
        came.reserve(limits().head);
        let read = tokio::time::timeout(PATIENCE, stream.read_buf(came)).await;
        if !matches!(read, Ok(Ok(count)) if count > 0) {
            return None;
        }
    }
}

fn asked(ground: &Ground, head: &Head<'_>) -> Result<Asked, Fault> {
    // The runner, which is the only client, connects over loopback.
    let connection = Connection { peer: Ipv4Addr::LOCALHOST.into(), scheme: Scheme::Http, port: 80 };
    let seen = ground
        .edge
        .see(connection, head.target, head.host, &head.headers, &ground.rules)
        .map_err(|why| Fault::Malformed(why.0))?;
    Ok(Asked {
        method: head.method.to_owned(),
        target: head.target.to_vec(),
        host: seen.host.map(str::to_owned),
        https: seen.scheme == Scheme::Https,
        headers: head.headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect(),
        country: seen.country.map(|country| country.code().to_owned()),
        through_proxy: seen.through_proxy,
    })
}

/// RFC 9112 §9.3: whether the client wants no more than this answer.
fn ends_connection(bytes: &[u8], head: &Head<'_>) -> bool {
    let says = |word: &str| {
        head.headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("connection")
                && String::from_utf8_lossy(value).to_ascii_lowercase().contains(word)
        })
    };
    let old = bytes
        .split(|byte| *byte == b'\n')
        .find(|line| line.len() > 1)
        .is_some_and(|line| line.trim_ascii_end().ends_with(b"HTTP/1.0"));
    says("close") || (old && !says("keep-alive"))
}

/// The reference's steps.
async fn answer(ground: &Ground, defect: Defect, memory: &Memory, mut asked: Asked, body: &mut Body<'_>) -> Reply {
    if let Defect::Request(edit) = defect {
        edit(&mut asked);
    }
    let scene = Scene { ground, asked: &asked, now: rolegate_server::clock::now(), memory };
    if let Defect::Ahead(is_final) = defect {
        let early = scene.decide_over(&Visitor::Anonymous, |rule| Some(for_everybody(rule)));
        if let Outcome::Proxy { url } = &early.outcome {
            let reply = forward(&scene, &early, url, defect, body).await;
            if is_final(&reply) {
                return reply;
            }
        }
    }
    let visitor = match defect {
        Defect::Visitor(find) => find(&scene),
        Defect::Token(edit) => with_token(&scene, edit),
        _ => scene.visitor(),
    };
    let decision = match defect {
        Defect::Decide(decide) => decide(&scene, &visitor),
        _ => scene.decide(&visitor),
    };
    let mut reply = match &decision.outcome {
        Outcome::Proxy { url } => forward(&scene, &decision, url, defect, body).await,
        _ => reply(&scene, &decision).await,
    };
    if let Defect::Reply(edit) = defect {
        edit(&scene, &decision, &mut reply);
    }
    reply
}

fn with_token(scene: &Scene<'_>, edit: fn(&mut Token<'_>) -> bool) -> Visitor {
    let minted = scene.token().and_then(|compact| {
        let mut token = Token::read(&compact, scene.ground, scene.now);
        edit(&mut token).then(|| token.mint())
    });
    match minted {
        Some(minted) => scene.visitor_with(&minted),
        None => scene.visitor(),
    }
}

async fn reply(scene: &Scene<'_>, decision: &Decision) -> Reply {
    let ask = scene.asked.lend(Ask::of);
    collected(respond(&scene.ground.site.files, scene.ground.site.rules.headers(), decision, &ask).await).await
}

async fn refused(fault: Fault) -> Reply {
    collected(refuse(fault)).await
}

async fn collected<B>(response: hyper::Response<B>) -> Reply
where
    B: hyper::body::Body,
{
    let (mut parts, body) = response.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
    // RFC 9110 §8.6: whoever sends a response measures it.
    if !matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        parts.headers.entry(CONTENT_LENGTH).or_insert_with(|| body.len().into());
    }
    let headers = parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    Reply { status: parts.status.as_u16(), headers: headers.collect(), body }
}
