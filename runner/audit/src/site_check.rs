//! Is it this site? Public files and redirects that act on everybody are looked at before anything else, so that another site, or an old deploy, is told as
//! such and not as a hundred failures.

use std::time::{Duration, SystemTime};

use gatecheck::own::is_alike;
use gatecheck::refusal::Refusal;
use gatecheck::text::printable;
use gatecheck::wire::plain::Plain;
use gatecheck::wire::{Response, Sent, Target};

use crate::expect::spellings_of;

/// What was found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SiteCheck {
    /// Public files that are byte for byte as here.
    pub same: usize,
    /// Pages among them: what a host puts into pages it puts into no other file.
    pub pages: usize,
    /// Public files that are there and built otherwise.
    pub built: usize,
    /// What is not as here, a line each.
    pub differs: Vec<String>,
    /// Redirects that act as written.
    pub acting: usize,
    /// The path of a public file that was shown there.
    pub open_page: Option<String>,
    /// Bodies of public answers.
    pub seen: Vec<Vec<u8>>,
    /// What else came back: that the site cannot be reached, or wants to be left alone.
    pub in_the_way: Option<String>,
}

impl SiteCheck {
    /// Why this is not the site in the folder, if it is not: more differs than agrees.
    #[must_use]
    pub fn objection(&self) -> Option<String> {
        let agrees = self.same.saturating_add(self.built).saturating_add(self.acting);
        (self.differs.len() > agrees).then(|| {
            let lines: Vec<String> = self.differs.iter().take(6).map(|line| format!("  {line}")).collect();
            format!("the deployed site is not what lies in this folder:\n{}", lines.join("\n"))
        })
    }

    /// Whether every file that was compared is byte for byte as here, and a page is among them.
    #[must_use]
    pub fn is_alike(&self) -> bool {
        self.pages > 0 && self.built == 0 && self.differs.is_empty()
    }

    /// The check in one line.
    #[must_use]
    pub fn told(&self) -> String {
        let as_here = self.same.saturating_add(self.acting);
        let compared = as_here.saturating_add(self.built).saturating_add(self.differs.len());
        if compared == 0 {
            return "there is nothing public to compare".to_owned();
        }
        let mut told = format!("{as_here} of {compared} public files and redirects as here");
        if self.built > 0 {
            told.push_str(&format!(", {} built otherwise", self.built));
        }
        told
    }
}

/// How the site is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Manners {
    /// The `User-Agent`, which says what this is.
    pub user_agent: String,
    /// The time between two requests.
    pub pause: Duration,
    /// The longest pause that the site may ask for.
    pub longest_pause: Duration,
}

/// How often a request is put off.
const PUT_OFF: u32 = 3;
/// The pause where the site does not say how long.
const PAUSE: Duration = Duration::from_secs(5);

/// Looks at public files (path and content) and at redirects (target, status, Location). What is said at `nothing`, where no file lies, is kept with the bodies of
/// public answers.
pub async fn check(
    client: &Plain,
    target: &Target,
    manners: &Manners,
    files: &[(String, Vec<u8>)],
    redirects: &[(String, u16, String)],
    nothing: &[String],
) -> SiteCheck {
    let mut looking = Looking { client, target, manners, found: SiteCheck::default() };
    for (path, content) in files {
        if looking.file(path, content).await.is_none() {
            break;
        }
    }
    if looking.found.in_the_way.is_some() {
        return looking.found;
    }
    for path in nothing {
        // A gate that wants a pause is found out when it is asked; the public files say whether there is a site.
        let mut apart = Looking { found: SiteCheck::default(), ..looking };
        let Some(response) = apart.ask(path).await else { break };
        looking.found.seen.push(response.content().to_vec());
    }
    for (path, status, location) in redirects {
        if looking.redirect(path, *status, location).await.is_none() {
            break;
        }
    }
    looking.found
}

/// A site that is looked at, and what was found so far.
struct Looking<'a> {
    client: &'a Plain,
    target: &'a Target,
    manners: &'a Manners,
    found: SiteCheck,
}

impl Looking<'_> {
    /// Asks for a page; none where something is in the way, which is noted.
    async fn ask(&mut self, path: &str) -> Option<Response> {
        let Self { client, target, manners, found } = self;
        for put_off in 0.. {
            tokio::time::sleep(manners.pause).await;
            let sent = Sent {
                headers: vec![("User-Agent".to_owned(), manners.user_agent.as_bytes().to_vec())],
                ..Sent::get(target, path)
            };
            let exchange = match client.exchange(sent).await {
                Ok(exchange) => exchange,
                Err(error) => {
                    found.in_the_way = Some(format!("{}: {error}", target.origin()));
                    return None;
                }
            };
            let Some(response) = exchange.answer.response() else {
                found.in_the_way = Some("no whole answer came back".to_owned());
                return None;
            };
            // One page alone may lie elsewhere; the first one of all says what stands before them.
            if found.same.saturating_add(found.built) == 0
                && let Some(wall) = wall(response, target, path)
            {
                found.in_the_way = Some(wall);
                return None;
            }
            match Refusal::of_a_site(response, SystemTime::now()) {
                Some(Refusal::Limit { pause, .. })
                    if put_off < PUT_OFF && pause.unwrap_or(PAUSE) <= manners.longest_pause =>
                {
                    tokio::time::sleep(pause.unwrap_or(PAUSE)).await;
                }
                Some(refusal) => {
                    found.in_the_way = Some(refusal.says());
                    return None;
                }
                None => return Some(response.clone()),
            }
        }
        None
    }

    /// Compares a public file with what is shown at its path; none where something is in the way.
    async fn file(&mut self, path: &str, content: &[u8]) -> Option<()> {
        let mut response = self.ask(path).await?;
        // STATIC-3: a host may send a visitor to the spelling that it prefers. On this host alone, and once.
        let first = response.header("location").next().map(|value| String::from_utf8_lossy(value).into_owned());
        if (300..400).contains(&response.status)
            && let Some(other) = first.as_deref().and_then(|location| same_host(location, self.target))
        {
            response = self.ask(&other).await?;
        }
        let found = &mut self.found;
        let body = response.content();
        found.seen.push(body.to_vec());
        let is_shown_here = response.status == 200 && first.is_none();
        if is_shown_here && found.open_page.is_none() && (*body == *content || is_alike(content, &body)) {
            found.open_page = Some(path.to_owned());
        }
        if *body == *content {
            found.same = found.same.saturating_add(1);
            found.pages = found.pages.saturating_add(usize::from(content.trim_ascii_start().starts_with(b"<")));
        } else if response.status == 200 && is_alike(content, &body) {
            found.built = found.built.saturating_add(1);
        } else {
            found.differs.push(format!(
                "{path}: here {} bytes, there status {} with {} bytes",
                content.len(),
                response.status,
                body.len()
            ));
        }
        Some(())
    }

    /// Looks whether a redirect acts as the rules say; none where something is in the way.
    async fn redirect(&mut self, path: &str, status: u16, location: &str) -> Option<()> {
        let mut response = self.ask(path).await?;
        let leads_to = |response: &Response| response.header("location").next().map(printable);
        // STATIC-3: to the spelling that the host prefers first, on this host alone, and once.
        let spelled = leads_to(&response).and_then(|there| same_host(&there, self.target));
        if let Some(other) = spelled.filter(|other| spellings_of(path, None).contains(other) && other != location) {
            response = self.ask(&other).await?;
        }
        let there = leads_to(&response);
        let is_same = response.status == status
            && there
                .as_deref()
                .is_some_and(|there| there == location || same_host(there, self.target).as_deref() == Some(location));
        if is_same {
            self.found.acting = self.found.acting.saturating_add(1);
        } else {
            self.found.differs.push(format!(
                "{path}: the rules say {status} to {location}, there status {}{}",
                response.status,
                there.map(|there| format!(" to {there}")).unwrap_or_default()
            ));
        }
        Some(())
    }
}

/// What stands in front of a whole site: a redirect to the same path of another origin, or a password.
fn wall(response: &Response, target: &Target, path: &str) -> Option<String> {
    let first = |name| response.header(name).next().map(printable);
    if response.status == 401
        && let Some(scheme) = first("www-authenticate")
    {
        return Some(format!(
            "it asks everybody for a password, before its rules (`WWW-Authenticate: {scheme}`); audit a deploy that asks for none"
        ));
    }
    let location = first("location").filter(|_| (300..400).contains(&response.status))?;
    let elsewhere =
        location.strip_suffix(path).filter(|origin| origin.contains("://") && *origin != target.origin())?;
    let is_origin = elsewhere.split_once("://").is_some_and(|(_, host)| !host.is_empty() && !host.contains('/'));
    is_origin.then(|| {
        format!("`{path}` is sent on to the same path of {elsewhere}; audit that: `gatecheck audit {elsewhere}`")
    })
}

/// The path of a `Location` that stays on this host.
fn same_host(location: &str, target: &Target) -> Option<String> {
    if location.starts_with('/') && !location.starts_with("//") && !location.starts_with("/\\") {
        return Some(location.to_owned());
    }
    let rest = location.strip_prefix(&target.origin())?;
    rest.starts_with('/').then(|| rest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_that_differs_than_agrees_is_another_site() {
        let differs = |count: usize| (0..count).map(|number| format!("/{number}")).collect();
        for (same, built, differ, is_other) in [(0, 0, 0, false), (0, 0, 1, true), (1, 0, 1, false), (3, 1, 5, true)] {
            let check = SiteCheck { same, built, differs: differs(differ), ..SiteCheck::default() };
            assert_eq!(check.objection().is_some(), is_other, "{check:?}");
        }
    }
}
