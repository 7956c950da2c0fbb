//! A gate as somebody writes it on an afternoon: `_redirects` line by line, a token by hand, and nothing of the rest. It shares no code with the reference, so
//! that what it lacks and what it gets wrong is mixed as it is in a gate of somebody else.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatecheck::deploy::{Deployment, SiteFiles};
use gatecheck::gates::{GateError, InProcess, Running};
use gatecheck::wire::memory::door;
use gatecheck::wire::{Target, Trust};
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What is wrong with it beside what it lacks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// `exp` is not looked at.
    ExpiredTokens,
    /// The 404 bears the tag of the file that it hides.
    TagOnTheMissing,
    /// A redirect that denies says where the visitor came from.
    NextInLocation,
    /// `/a/*` is not for `/a`.
    SplatWantsASegment,
    /// Where nothing else fits, an error of its own.
    ErrorForTheMissing,
    /// `Role=` is read and nobody is asked for one.
    NobodyIsAsked,
    /// What the star stands for is put in with the slash before it, so that nobody finds the page.
    TwoSlashes,
}

#[derive(Clone, Debug)]
pub struct SmallGate(pub &'static [Fault]);

struct Rule {
    from: String,
    to: String,
    status: u16,
    force: bool,
    roles: Option<Vec<String>>,
}

impl Rule {
    /// What the `*` stands for, where the rule is for this path.
    fn rest<'p>(&self, path: &'p str) -> Option<&'p str> {
        let Some(start) = self.from.strip_suffix("/*") else {
            return (self.from.trim_end_matches('/') == path.trim_end_matches('/')).then_some("");
        };
        let rest = path.strip_prefix(start)?;
        let is_border = rest.is_empty() || rest.starts_with('/');
        is_border.then(|| rest.trim_start_matches('/'))
    }
}

struct Site {
    faults: &'static [Fault],
    files: BTreeMap<String, Vec<u8>>,
    rules: Vec<Rule>,
    secret: String,
    role_path: String,
}

impl InProcess for SmallGate {
    fn name(&self) -> String {
        format!("a small gate with {:?}", self.0)
    }

    fn unsupported(&self) -> BTreeMap<String, String> {
        let lacks = ["asymmetric", "audience", "country-header", "trusted-proxy", "trusted-upstream"];
        lacks.map(|feature| (feature.to_owned(), "it has no such setting".to_owned())).into()
    }

    fn start<'a>(
        &'a self,
        deployment: &'a Deployment<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Running, GateError>> + Send + 'a>> {
        let site = Arc::new(Site::of(deployment, self.0));
        Box::pin(async move {
            let (door, mut porch) = door();
            let mut task = JoinSet::new();
            task.spawn(async move {
                let mut connections = JoinSet::new();
                while let Some(stream) = porch.accept().await {
                    connections.spawn(serve(stream, Arc::clone(&site)));
                }
            });
            Ok(Running::here(door, task))
        })
    }
}

/// The same on a port; it ends when the last of its connections has, as servers do that finish what is under way.
#[derive(Debug, Default)]
pub struct PatientGate {
    /// How often it waited for a connection that nobody closed.
    pub held: Arc<AtomicUsize>,
}

impl InProcess for PatientGate {
    fn name(&self) -> String {
        "a small gate that waits for its connections".to_owned()
    }

    fn has_socket(&self) -> bool {
        true
    }

    fn unsupported(&self) -> BTreeMap<String, String> {
        SmallGate(&[]).unsupported()
    }

    fn start<'a>(
        &'a self,
        deployment: &'a Deployment<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Running, GateError>> + Send + 'a>> {
        let site = Arc::new(Site::of(deployment, &[]));
        let held = Arc::clone(&self.held);
        Box::pin(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let open = Arc::new(());
            let here = Arc::clone(&open);
            let accepting = tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (site, here) = (Arc::clone(&site), Arc::clone(&here));
                    tokio::spawn(async move {
                        serve(stream, site).await;
                        drop(here);
                    });
                }
            });
            let target =
                Target { https: false, host: "127.0.0.1".to_owned(), port, connect_to: None, trust: Trust::default() };
            Ok(Running::at(target, async move {
                accepting.abort();
                let all_ended = async {
                    while Arc::strong_count(&open) > 1 {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                };
                if tokio::time::timeout(Duration::from_secs(5), all_ended).await.is_err() {
                    held.fetch_add(1, Ordering::Relaxed);
                }
            }))
        })
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, site: Arc<Site>) {
    let mut came = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = came.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if !matches!(stream.read_buf(&mut came).await, Ok(count) if count > 0) || came.len() > 64 << 10 {
                return;
            }
        };
        let head = String::from_utf8_lossy(&came[..end]).into_owned();
        came.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let line: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
        let fields: Vec<(String, &str)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
            .collect();
        let ends = fields.iter().any(|(name, value)| {
            ["content-length", "transfer-encoding"].contains(&name.as_str())
                || (name == "connection" && value.to_ascii_lowercase().contains("close"))
        });
        let [method @ ("GET" | "HEAD"), target, _] = line[..] else {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
            let _ = stream.shutdown().await;
            return;
        };
        let (status, location, body) = site.answer(target, &fields);
        let tag = site.file(target).filter(|_| status == 200 || site.has(Fault::TagOnTheMissing));
        let mut out = format!("HTTP/1.1 {status} .\r\nContent-Type: text/html\r\nContent-Length: {}\r\n", body.len());
        out += "Cache-Control: private, no-store\r\n";
        if let Some(tag) = tag {
            out += &format!("ETag: \"{tag}\"\r\n");
        }
        if let Some(location) = location {
            out += &format!("Location: {location}\r\n");
        }
        out += "\r\n";
        let mut out = out.into_bytes();
        if method == "GET" {
            out.extend(body);
        }
        if stream.write_all(&out).await.is_err() || ends {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

type Answer = (u16, Option<String>, Vec<u8>);

impl Site {
    fn of(deployment: &Deployment<'_>, faults: &'static [Fault]) -> Self {
        let mut files = BTreeMap::new();
        for (suite, prefix) in &deployment.suites {
            for (path, body) in SiteFiles::of(suite).bodies {
                files.insert(format!("{prefix}{path}"), body);
            }
        }
        let rules = String::from_utf8_lossy(&deployment.rules()).lines().filter_map(rule).collect();
        let settings = &deployment.settings;
        let (secret, role_path) = (settings.secret.clone(), settings.role_path.clone());
        Self { faults, files, rules, secret, role_path }
    }

    fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    fn answer(&self, target: &str, fields: &[(String, &str)]) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
        let is_odd = ["//", "/./", "\0", "\\"].iter().any(|odd| path.contains(odd));
        if !path.starts_with('/') || is_odd || path.split('/').any(|name| name == "..") {
            return (400, None, Vec::new());
        }
        let claims = token(fields).and_then(|token| self.claims(token));
        let own = self.file(&path);
        let mut denied = false;
        for rule in &self.rules {
            let Some(rest) = rule.rest(&path) else { continue };
            if rule.from.ends_with("/*") && rest.is_empty() && self.has(Fault::SplatWantsASegment) {
                continue;
            }
            if let Some(roles) = &rule.roles {
                let has = |role: &String| role == "*" || self.roles(claims.as_ref()).contains(&role.as_str());
                denied = !self.has(Fault::NobodyIsAsked) && (claims.is_none() || !roles.iter().any(has));
                if denied {
                    continue;
                }
            }
            if own.is_some() && !rule.force && !denied {
                break;
            }
            let slash = if self.has(Fault::TwoSlashes) { "/" } else { "" };
            let to = rule.to.replace(":splat", &format!("{slash}{rest}"));
            if (300..400).contains(&rule.status) {
                if to == path {
                    continue;
                }
                if denied && self.has(Fault::NextInLocation) {
                    return (rule.status, Some(format!("{to}?next={path}")), Vec::new());
                }
                let query = if query.is_empty() || to.contains('?') { String::new() } else { format!("?{query}") };
                return (rule.status, Some(to + &query), Vec::new());
            }
            return match self.file(&to).filter(|file| !(denied && Some(*file) == own)) {
                Some(file) => (rule.status, None, self.files[file].clone()),
                None => self.missing(),
            };
        }
        match own.filter(|_| !denied) {
            Some(file) => (200, None, self.files[file].clone()),
            None => self.missing(),
        }
    }

    fn missing(&self) -> Answer {
        if self.has(Fault::ErrorForTheMissing) {
            return (500, None, b"oh".to_vec());
        }
        (404, None, self.files.get("/404.html").cloned().unwrap_or_else(|| b"not found".to_vec()))
    }

    fn file(&self, path: &str) -> Option<&str> {
        let bare = path.trim_end_matches('/');
        let names = [path.to_owned(), format!("{bare}.html"), format!("{bare}/index.html")];
        names.iter().find_map(|name| self.files.get_key_value(name)).map(|(name, _)| name.as_str())
    }

    fn claims(&self, token: &str) -> Option<Value> {
        let json = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { return None };
        if json(header)?["alg"] != "HS256" {
            return None;
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).ok()?;
        mac.update(format!("{header}.{payload}").as_bytes());
        mac.verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        let claims = json(payload)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs_f64();
        let is_good = claims["exp"].as_f64().is_some_and(|exp| exp > now) || self.has(Fault::ExpiredTokens);
        let has_begun = claims["nbf"].as_f64().is_none_or(|nbf| nbf <= now);
        (is_good && has_begun).then_some(claims)
    }

    fn roles<'c>(&self, claims: Option<&'c Value>) -> Vec<&'c str> {
        let found = claims.and_then(|claims| self.role_path.split('.').try_fold(claims, |value, name| value.get(name)));
        found.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

fn rule(line: &str) -> Option<Rule> {
    let mut words = line.split('#').next()?.split_whitespace();
    let (from, to) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut rule = Rule { from, to, status: 301, force: false, roles: None };
    for word in words {
        if let Some(roles) = word.strip_prefix("Role=") {
            rule.roles = Some(roles.split(',').map(str::to_owned).collect());
        } else {
            rule.force = word.ends_with('!');
            rule.status = word.trim_end_matches('!').parse().ok()?;
        }
    }
    Some(rule).filter(|rule| rule.from.starts_with('/'))
}

fn token<'f>(fields: &[(String, &'f str)]) -> Option<&'f str> {
    let lines = fields.iter().filter(|(name, _)| name == "cookie").map(|(_, value)| *value);
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == "nf_jwt").map(|(_, value)| value)
}
