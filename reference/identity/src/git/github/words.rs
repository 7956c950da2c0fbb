//! The objects of GitHub's answers that more than one answer holds.

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};
use http::header::LINK;
use serde_json::{Value, json};

use super::super::repository::{Commit, Oid, Signature};
use super::super::route::parameter;
use super::Question;
use crate::{Moment, Reply};

/// The owner of the repository in answers. The CMS cuts it out of a branch's URL and puts it before names of branches.
pub const OWNER: &str = "local";
/// Where GitHub's API would be; nobody is there. The CMS replaces it by where the gateway is.
pub const API: &str = "https://git-gateway.invalid";

/// A commit as lists show it.
pub fn listed(commit: &Commit) -> Value {
    json!({
        "sha": commit.oid.as_str(),
        "commit": {
            "message": commit.message,
            "author": signature(&commit.author),
            "committer": signature(&commit.committer),
            "tree": { "sha": commit.tree.as_str() },
        },
        "author": null,
        "committer": null,
        "parents": parents(commit),
    })
}

/// A commit as git has it.
pub fn plain(commit: &Commit) -> Value {
    json!({
        "sha": commit.oid.as_str(),
        "message": commit.message,
        "author": signature(&commit.author),
        "committer": signature(&commit.committer),
        "tree": { "sha": commit.tree.as_str() },
        "parents": parents(commit),
    })
}

fn parents(commit: &Commit) -> Vec<Value> {
    commit.parents.iter().map(|parent| json!({ "sha": parent.as_str() })).collect()
}

fn signature(signature: &Signature) -> Value {
    json!({ "name": signature.name, "email": signature.email, "date": signature.date.map(date) })
}

fn date(date: DateTime<FixedOffset>) -> String {
    date.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A moment, to the second, as GitHub writes it.
pub fn moment(moment: Moment) -> Option<String> {
    let date = DateTime::from_timestamp(i64::try_from(moment.seconds()).ok()?, 0)?;
    Some(date.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// A ref.
pub fn reference(full: &str, at: &Oid) -> Value {
    json!({ "ref": full, "object": { "type": "commit", "sha": at.as_str() } })
}

/// A part of a long list.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// From 1 on.
    pub number: usize,
    /// How many entries.
    pub size: usize,
}

impl Page {
    /// How many entries come before it.
    pub fn skipped(self) -> usize {
        self.number.saturating_sub(1).saturating_mul(self.size)
    }
}

impl Question<'_> {
    /// The page that the query names: 30 entries if it says nothing, 100 at most.
    pub fn page(self) -> Page {
        let number = |name| parameter(&self.call.query, name).and_then(|text| text.parse::<usize>().ok());
        let size = number("per_page").unwrap_or(30).clamp(1, 100);
        Page { number: number("page").unwrap_or(1).clamp(1, 1_000_000), size }
    }

    /// Says with a `Link` where the list goes on.
    pub fn paged(self, reply: Reply, list: &str, page: Page, goes_on: bool) -> Reply {
        let rest = self.call.query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("page="));
        let rest: Vec<&str> = rest.collect();
        let to = |number: usize, relation: &str| {
            let number = format!("page={number}");
            let query: Vec<&str> = rest.iter().copied().chain([number.as_str()]).collect();
            format!("<{API}/repositories/1/{list}?{}>; rel=\"{relation}\"", query.join("&"))
        };
        let next = goes_on.then(|| to(page.number.saturating_add(1), "next"));
        let before = (page.number > 1).then(|| to(page.number.saturating_sub(1), "prev"));
        let links: Vec<String> = before.into_iter().chain(next).collect();
        if links.is_empty() { reply } else { reply.with(LINK, &links.join(", ")) }
    }
}
