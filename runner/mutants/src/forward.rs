//! Forwarding by a broken gate: which fields go and come is for the reference's own functions to say; the connection is the runner's ordinary client.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use gatecheck::wire::plain::Plain;
use gatecheck::wire::{Answer, End, Response, Sent, Target, Trust};
use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use rolegate::answer::cache_rules;
use rolegate::decide::Decision;
use rolegate::request::Scheme;
use rolegate::rules::{Effect, Rule};
use rolegate_server::proxy::fields::{self, Additions, Sender};
use rolegate_server::proxy::sign::SiteClaims;
use tokio::io::{AsyncReadExt as _, DuplexStream};
use url::Url;

use super::Defect;
use super::scene::{Asked, Reply, Scene};

/// What goes to an upstream.
#[derive(Clone, Debug)]
pub struct Onward {
    /// The method.
    pub method: String,
    /// Where to.
    pub url: String,
    /// The fields, names in lower case; `Host` is left to whoever sends it.
    pub fields: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Onward {
    /// Takes every field of that name away.
    pub fn drop(&mut self, name: &str) {
        self.fields.retain(|(other, _)| other != name);
    }

    /// Puts a field in the place of all of that name.
    pub fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.drop(name);
        self.fields.push((name.to_owned(), value.into()));
    }

    /// Passes on what the client has sent under a name.
    pub fn pass(&mut self, scene: &Scene<'_>, wanted: impl Fn(&str) -> bool) {
        let sent = scene.asked.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        let sent: Vec<(String, Vec<u8>)> = sent.filter(|(name, _)| wanted(name)).collect();
        self.fields.retain(|(name, _)| !sent.iter().any(|(other, _)| other == name));
        self.fields.extend(sent);
    }

    /// Changes path and query of the URL.
    pub fn edit_target(&mut self, edit: impl FnOnce(&str) -> String) {
        let host = self.url.find("://").map(|at| at + 3);
        let path = host.and_then(|host| Some(host + self.url.get(host..)?.find('/')?));
        if let Some((before, target)) = path.and_then(|at| self.url.split_at_checked(at)) {
            self.url = format!("{before}{}", edit(target));
        }
    }
}

/// The body of a request, which is read where it is forwarded and not before.
#[derive(Debug)]
pub struct Body<'a> {
    length: usize,
    stream: &'a mut DuplexStream,
    came: &'a mut Vec<u8>,
    read: Option<Vec<u8>>,
}

/// How long a client may take for a body.
const PATIENCE: Duration = Duration::from_secs(5);

impl<'a> Body<'a> {
    /// The body behind a head.
    pub fn new(asked: &Asked, stream: &'a mut DuplexStream, came: &'a mut Vec<u8>) -> Self {
        let length = asked.text("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
        Self { length, stream, came, read: None }
    }

    async fn bytes(&mut self) -> Vec<u8> {
        if let Some(bytes) = &self.read {
            return bytes.clone();
        }
        while self.came.len() < self.length {
            let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(self.came)).await;
            if !matches!(read, Ok(Ok(count)) if count > 0) {
                break;
            }
        }
        let rest = self.came.split_off(self.length.min(self.came.len()));
        let bytes = std::mem::replace(self.came, rest);
        self.read = Some(bytes.clone());
        bytes
    }
}

/// The rule without its role.
#[must_use]
pub fn for_everybody(rule: &Rule) -> Rule {
    let mut rule = rule.clone();
    if let Effect::Apply(apply) = &mut rule.effect {
        apply.conditions.role = None;
    }
    rule
}

/// Forwards a request to `url`, as the reference does but for the defect.
pub(super) async fn forward(
    scene: &Scene<'_>,
    decision: &Decision,
    url: &str,
    defect: Defect,
    body: &mut Body<'_>,
) -> Reply {
    let passes = matches!(defect, Defect::Passes(passes) if passes(scene));
    let mut onward = match onward(scene, decision, url, body.bytes().await, passes) {
        Ok(onward) => onward,
        Err(status) => return failure(status),
    };
    if let Defect::Onward(edit) = defect {
        edit(scene, &mut onward);
    }
    let came = send(scene, onward).await;
    let mut reply = match &came {
        // PROXY-4: a change of protocol that nobody asked for.
        Ok(response) if response.status == 101 => failure(502),
        Ok(response) => back(scene, decision, response),
        Err(status) => failure(*status),
    };
    if let Defect::Back(edit) = defect {
        edit(decision, came.as_ref().ok(), &mut reply);
    }
    reply
}

/// The request as the reference would send it, or the status of its answer where it sends none. What `passes` is sent whatever its method.
fn onward(scene: &Scene<'_>, decision: &Decision, url: &str, body: Vec<u8>, passes: bool) -> Result<Onward, u16> {
    let Scene { asked, ground, .. } = scene;
    let mut client = HeaderMap::new();
    for (name, value) in &asked.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| 502_u16)?;
        client.append(name, HeaderValue::from_bytes(value).map_err(|_| 502_u16)?);
    }
    let method = Method::from_bytes(asked.method.as_bytes()).map_err(|_| 502_u16)?;
    if !fields::may_ask_with(&method) && !passes {
        return Err(405);
    }
    if method == Method::OPTIONS && !fields::goes_further(&mut client) && !passes {
        return Err(200);
    }
    let apply = decision.by.and_then(|by| ground.rules.rules().get(by)).and_then(Rule::apply);
    let signed = apply.and_then(|apply| apply.signed.as_deref());
    let signature = match signed {
        Some(variable) => Some(ground.signatures.sign(variable, &SiteClaims::default(), scene.now).ok_or(502_u16)?),
        None => None,
    };
    let upgrade = fields::wanted_upgrade(&client);
    let sender = Sender {
        peer: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        trusted: asked.through_proxy,
        vouched: &[],
        host: asked.host.as_deref(),
        scheme: if asked.https { Scheme::Https } else { Scheme::Http },
    };
    let additions = Additions {
        token: ground.trusts_upstream,
        fields: apply.map(|apply| apply.headers.as_slice()).unwrap_or_default(),
        signature: signature.as_ref(),
        upgrade: upgrade.as_ref(),
        pseudonym: "broken-gate",
    };
    let lines = fields::onward(&client, sender, additions);
    let lines = lines.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    Ok(Onward { method: asked.method.clone(), url: url.to_owned(), fields: lines.collect(), body })
}

/// The answer of the upstream, or the status that says why there is none.
async fn send(scene: &Scene<'_>, onward: Onward) -> Result<Response, u16> {
    let Some(clients) = &scene.ground.onward else { return Err(502) };
    let url = Url::parse(&onward.url).map_err(|_| 502_u16)?;
    let host = url.host_str().ok_or(502_u16)?.to_owned();
    let port = url.port_or_known_default().ok_or(502_u16)?;
    let target = Target { https: url.scheme() == "https", host, port, connect_to: None, trust: Trust::default() };
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let sent = Sent {
        method: onward.method,
        headers: onward.fields,
        body: onward.body,
        ..Sent::get(&target, format!("{}{query}", url.path()))
    };
    match Plain::new(target, clients.clone()).exchange(sent).await.map(|exchange| exchange.answer) {
        Ok(Answer::Response(response)) => match response.end {
            End::Whole => Ok(*response),
            End::TimedOut => Err(504),
            End::Closed | End::TooLong => Err(502),
        },
        Ok(Answer::TimedOut(_)) => Err(504),
        Ok(Answer::Closed(_) | Answer::TooLong(_)) | Err(_) => Err(502),
    }
}

/// The answer as the reference passes it on.
fn back(scene: &Scene<'_>, decision: &Decision, response: &Response) -> Reply {
    let mut upstream = HeaderMap::new();
    for (name, value) in &response.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
            upstream.append(name, value);
        }
    }
    let fields = fields::back(upstream, cache_rules(decision));
    let headers = fields.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    let mut reply = Reply { status: response.status, headers: headers.collect(), body: response.body.clone() };
    if scene.asked.method != "HEAD" {
        reply.fill(response.body.clone());
    }
    reply
}

/// The gate's own answer where the upstream gives none.
fn failure(status: u16) -> Reply {
    let mut reply = Reply::text(status, "The server behind this address gives no answer\n");
    reply.set("cache-control", "private, no-store");
    reply
}
