//! Pull requests: drafts on their way to be published.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::State;
use super::super::branch::Branch;
use super::super::merge;
use super::super::moves::Moved;
use super::super::pulls::Pull;
use super::super::repository::Oid;
use super::super::route::{Revision, parameter};
use super::words::{OWNER, listed, moment};
use super::{Answer, Question, Refusal};
use crate::Reply;

/// How often a merge is tried anew when the published branch has moved meanwhile.
const ATTEMPTS: usize = 3;
/// The most labels of a request, and the longest one in characters.
const MOST_LABELS: usize = 100;
/// The longest title or text, in bytes.
const LONGEST_TEXT: usize = 64 * 1024;

#[derive(Deserialize)]
struct NewPull {
    title: String,
    #[serde(default)]
    body: Option<String>,
    head: String,
    base: String,
}

#[derive(Deserialize)]
struct PullChange {
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    body: Option<String>,
}

#[derive(Deserialize)]
struct MergeOrder {
    #[serde(default)]
    commit_title: Option<String>,
    #[serde(default)]
    commit_message: Option<String>,
    #[serde(default)]
    sha: Option<String>,
    #[serde(default)]
    merge_method: Option<String>,
}

#[derive(Deserialize)]
struct Labels {
    labels: Vec<String>,
}

impl Question<'_> {
    pub(super) fn pulls(self) -> Answer {
        let query = &self.call.query;
        let head = parameter(query, "head").map(|head| match Revision::read(&head) {
            Revision::Branch(name) => name,
            Revision::Commit(oid) => oid.to_string(),
        });
        let base = parameter(query, "base");
        if base.is_some_and(|base| base != self.gateway.published) {
            return Ok(Reply::json(StatusCode::OK, &json!([])));
        }
        let state = parameter(query, "state").unwrap_or_else(|| "open".to_owned());
        let look = self.look()?;
        let kept = self.gateway.state();
        let wanted = kept.pulls.newest_first().filter(|pull| head.as_ref().is_none_or(|head| *head == pull.head));
        let wanted = wanted.filter(|pull| match state.as_str() {
            "all" => true,
            "closed" => !look.is_open(pull),
            _ => look.is_open(pull),
        });
        let page = self.page();
        let mut wanted = wanted.skip(page.skipped());
        let pulls: Vec<Value> = wanted.by_ref().take(page.size).map(|pull| look.words(pull)).collect();
        Ok(self.paged(Reply::json(StatusCode::OK, &pulls), "pulls", page, wanted.next().is_some()))
    }

    pub(super) fn pull(self, number: u64) -> Answer {
        let look = self.look()?;
        let state = self.gateway.state();
        let pull = state.pulls.numbered(number).ok_or_else(Refusal::not_found)?;
        Ok(Reply::json(StatusCode::OK, &look.words(pull)))
    }

    pub(super) fn pull_commits(self, number: u64) -> Answer {
        let look = self.look()?;
        let pull = self.numbered(number)?;
        let Some(tip) = look.tip(&pull) else {
            return Ok(Reply::json(StatusCode::OK, &json!([])));
        };
        let repository = &self.gateway.repository;
        let range = format!("{}..{tip}", look.published);
        let oids = repository.listed(&["--topo-order", "--reverse", "--max-count=250", &range], None)?;
        let commits: Vec<Value> = repository.commits(&oids)?.iter().map(listed).collect();
        Ok(Reply::json(StatusCode::OK, &commits))
    }

    pub(super) fn open_pull(self) -> Answer {
        let asked: NewPull = self.body()?;
        self.has_a_name()?;
        is_short(&asked.title)?;
        is_short(asked.body.as_deref().unwrap_or_default())?;
        if asked.base != self.gateway.published {
            return Err(Refusal::invalid(format!("base: drafts are for the branch `{}`", self.gateway.published)));
        }
        let mut state = self.gateway.state();
        let draft = self.draft(asked.head.split_once(':').map_or(asked.head.as_str(), |(_, name)| name));
        let draft = draft.ok_or_else(|| Refusal::invalid("Validation Failed: head is no draft"))?;
        let look = self.look()?;
        let tip =
            look.tips.get(&draft.full()).ok_or_else(|| Refusal::invalid("Validation Failed: head does not exist"))?;
        if let Some(there) = state.pulls.open_of(draft.name()) {
            let message =
                format!("A pull request already exists for {OWNER}:{} (number {}).", draft.name(), there.number);
            return Err(Refusal::invalid(message));
        }
        if self.gateway.repository.leads_to(tip, &look.published)? {
            let message = format!("No commits between {} and {}", self.gateway.published, draft.name());
            return Err(Refusal::invalid(message));
        }
        let pull = state.pulls.add(Pull {
            number: 0,
            title: asked.title,
            body: asked.body.unwrap_or_default(),
            head: draft.name().to_owned(),
            last: None,
            labels: Vec::new(),
            login: self.editor.email.clone(),
            name: self.editor.name.clone(),
            created: self.call.now,
            updated: self.call.now,
            closed: None,
            merged: None,
        })?;
        Ok(Reply::json(StatusCode::CREATED, &look.words(&pull)))
    }

    pub(super) fn change_pull(self, number: u64) -> Answer {
        let asked: PullChange = self.body()?;
        let look = self.look()?;
        let mut state = self.gateway.state();
        let pull = state.pulls.numbered(number).cloned().ok_or_else(Refusal::not_found)?;
        for text in [&asked.title, &asked.body].into_iter().flatten() {
            is_short(text)?;
        }
        let is_open = match asked.state.as_deref() {
            None => look.is_open(&pull),
            Some("closed") => false,
            Some("open") => {
                let is_taken = state.pulls.open_of(&pull.head).is_some_and(|other| other.number != number);
                if pull.merged.is_some() || look.is_merged(&pull) || look.tip_now(&pull).is_none() || is_taken {
                    return Err(Refusal::invalid(
                        "state cannot be changed: the draft is merged, gone, or asked for anew",
                    ));
                }
                true
            }
            Some(_) => return Err(Refusal::invalid("state is `open` or `closed`")),
        };
        let last = look.tip(&pull);
        let now = self.call.now;
        state.pulls.change(
            |pull| pull.number == number,
            |pull| {
                pull.title = asked.title.clone().unwrap_or_else(|| pull.title.clone());
                pull.body = asked.body.clone().unwrap_or_else(|| pull.body.clone());
                pull.updated = now;
                pull.closed = if is_open { None } else { pull.closed.or(Some(now)) };
                pull.last.clone_from(&last);
            },
        )?;
        let pull = state.pulls.numbered(number).ok_or_else(Refusal::not_found)?;
        Ok(Reply::json(StatusCode::OK, &look.words(pull)))
    }

    pub(super) fn merge(self, number: u64) -> Answer {
        let asked: MergeOrder = self.body()?;
        self.has_a_name()?;
        let not_mergeable =
            || Refusal::Told(StatusCode::METHOD_NOT_ALLOWED, "Pull Request is not mergeable".to_owned());
        let is_squashed = match asked.merge_method.as_deref() {
            None | Some("merge") => false,
            Some("squash") => true,
            Some(_) => return Err(Refusal::invalid("merge_method is `merge` or `squash`")),
        };
        for text in [&asked.commit_title, &asked.commit_message].into_iter().flatten() {
            is_short(text)?;
        }
        let mut state = self.gateway.state();
        let pull = state.pulls.numbered(number).cloned().ok_or_else(Refusal::not_found)?;
        for _ in 0..ATTEMPTS {
            let look = self.look()?;
            let Some(head) = look.tip_now(&pull).filter(|_| pull.is_open()) else {
                return Err(not_mergeable());
            };
            if asked.sha.as_deref().is_some_and(|sha| sha != head.as_str()) {
                let message = "Head branch was modified. Review and try the merge again.";
                return Err(Refusal::Told(StatusCode::CONFLICT, message.to_owned()));
            }
            let merged = if look.is_merged(&pull) {
                // A kill came between the branch and the record.
                look.published.clone()
            } else {
                let message = message(&asked, &pull, is_squashed);
                let made = self.merged(&look.published, head, &message, is_squashed)?.ok_or_else(not_mergeable)?;
                let full = format!("refs/heads/{}", self.gateway.published);
                let base = Some(&look.published);
                match state.writer.move_branch(&self.gateway.repository, &full, base, Some(&made))? {
                    Moved::Done => made,
                    Moved::Elsewhere => continue,
                    Moved::Changed(said) => {
                        let message =
                            format!("the published branch is checked out, and its files cannot follow: {said}");
                        return Err(Refusal::invalid(message));
                    }
                }
            };
            let (now, last) = (self.call.now, head.to_string());
            state.pulls.change(
                |pull| pull.number == number,
                |pull| {
                    pull.updated = now;
                    pull.closed = Some(now);
                    pull.merged = Some(merged.to_string());
                    pull.last = Some(last.clone());
                },
            )?;
            let body = json!({
                "sha": merged.as_str(), "merged": true, "message": "Pull Request successfully merged"
            });
            return Ok(Reply::json(StatusCode::OK, &body));
        }
        let message = "Base branch was modified. Review and try the merge again.";
        Err(Refusal::Told(StatusCode::METHOD_NOT_ALLOWED, message.to_owned()))
    }

    /// The commit that merges a draft; `None` where it contradicts what is published.
    fn merged(self, base: &Oid, head: &Oid, message: &str, is_squashed: bool) -> Result<Option<Oid>, Refusal> {
        let repository = &self.gateway.repository;
        if repository.fork(base, head)?.is_none() {
            return Ok(None);
        }
        let Some(tree) = merge::merged(repository, base, head)? else {
            return Ok(None);
        };
        self.may_differ(base, &tree)?;
        let parents: &[&Oid] = if is_squashed { &[base] } else { &[base, head] };
        Ok(Some(merge::commit(repository, &tree, parents, message, self.editor, self.call.now)?))
    }

    pub(super) fn set_labels(self, number: u64) -> Answer {
        let asked: Labels = self.body()?;
        let is_odd = |label: &String| {
            label.is_empty() || label.chars().count() > MOST_LABELS || label.contains(char::is_control)
        };
        if asked.labels.len() > MOST_LABELS || asked.labels.iter().any(is_odd) {
            return Err(Refusal::invalid(format!("there may be {MOST_LABELS} labels of {MOST_LABELS} characters")));
        }
        let mut state = self.gateway.state();
        if state.pulls.numbered(number).is_none() {
            return Err(Refusal::not_found());
        }
        let now = self.call.now;
        state.pulls.change(
            |pull| pull.number == number,
            |pull| {
                pull.labels.clone_from(&asked.labels);
                pull.updated = now;
            },
        )?;
        Ok(Reply::json(StatusCode::OK, &labels(&asked.labels)))
    }

    /// The name of somebody who has opened a request; nobody else is known by a name here.
    pub(super) fn user(self, login: &str) -> Answer {
        let state = self.gateway.state();
        let pull = state.pulls.newest_first().find(|pull| pull.login == login).ok_or_else(Refusal::not_found)?;
        Ok(Reply::json(StatusCode::OK, &json!({ "login": pull.login, "name": pull.name })))
    }

    fn numbered(self, number: u64) -> Result<Pull, Refusal> {
        self.gateway.state().pulls.numbered(number).cloned().ok_or_else(Refusal::not_found)
    }

    fn draft(self, name: &str) -> Option<Branch> {
        self.gateway.branch(name).filter(Branch::is_draft)
    }

    /// Closes the open requests of a draft that is gone.
    pub(super) fn close_pulls(self, state: &mut State, head: &str, last: Option<&Oid>) -> Result<(), Refusal> {
        let now = self.call.now;
        Ok(state.pulls.change(
            |pull| pull.is_open() && pull.head == head,
            |pull| {
                pull.closed = Some(now);
                pull.last = last.map(Oid::to_string).or_else(|| pull.last.clone());
            },
        )?)
    }

    /// Where the branches are.
    fn look(self) -> Result<Look, Refusal> {
        let repository = &self.gateway.repository;
        let published = self.published()?;
        let tips = repository.tips("refs/heads/cms/")?;
        let within = repository.tips_within("refs/heads/cms/", &published)?.into_keys().collect();
        Ok(Look { base: self.gateway.published.clone(), published, tips, within })
    }
}

/// Where the branches are at one moment; a request is what its record says, seen by that.
#[derive(Debug)]
struct Look {
    base: String,
    published: Oid,
    tips: std::collections::BTreeMap<String, Oid>,
    /// The drafts that have nothing that is not published.
    within: std::collections::BTreeSet<String>,
}

impl Look {
    fn is_open(&self, pull: &Pull) -> bool {
        pull.is_open() && self.tip_now(pull).is_some() && !self.is_merged(pull)
    }

    fn is_merged(&self, pull: &Pull) -> bool {
        pull.is_open() && self.within.contains(&full(pull))
    }

    fn tip_now(&self, pull: &Pull) -> Option<&Oid> {
        self.tips.get(&full(pull))
    }

    /// Where it is, or where it was when it was closed.
    fn tip(&self, pull: &Pull) -> Option<String> {
        let was = if pull.is_open() { None } else { pull.last.clone() };
        was.or_else(|| self.tip_now(pull).map(Oid::to_string))
    }

    fn words(&self, pull: &Pull) -> Value {
        let is_merged = pull.merged.is_some() || self.is_merged(pull);
        let is_open = self.is_open(pull);
        let repository = json!({ "fork": false, "owner": { "login": OWNER } });
        let user = json!({ "login": pull.login });
        json!({
            "id": pull.number,
            "number": pull.number,
            "state": if is_open { "open" } else { "closed" },
            "title": pull.title,
            "body": pull.body,
            "user": user,
            "labels": labels(&pull.labels),
            "head": { "ref": pull.head, "label": format!("{OWNER}:{}", pull.head), "sha": self.tip(pull), "repo": repository },
            "base": {
                "ref": self.base, "label": format!("{OWNER}:{}", self.base), "sha": self.published.as_str(), "repo": repository
            },
            "draft": false,
            "merged": is_merged,
            "merge_commit_sha": pull.merged,
            "created_at": moment(pull.created),
            "updated_at": moment(pull.updated),
            "closed_at": pull.closed.and_then(moment),
            "merged_at": pull.closed.filter(|_| is_merged).and_then(moment),
            "html_url": null,
        })
    }
}

fn full(pull: &Pull) -> String {
    format!("refs/heads/{}", pull.head)
}

fn labels(labels: &[String]) -> Vec<Value> {
    let numbered = labels.iter().zip(1_u64..);
    numbered.map(|(name, id)| json!({ "id": id, "name": name, "color": "ededed", "description": null })).collect()
}

fn message(asked: &MergeOrder, pull: &Pull, is_squashed: bool) -> String {
    let title = asked.commit_title.clone().filter(|title| !title.is_empty()).unwrap_or_else(|| {
        let number = pull.number;
        if is_squashed {
            format!("{} (#{number})", pull.title)
        } else {
            format!("Merge pull request #{number} from {OWNER}/{}", pull.head)
        }
    });
    match asked.commit_message.as_deref().unwrap_or(&pull.title) {
        "" => title,
        rest => format!("{title}\n\n{rest}"),
    }
}

fn is_short(text: &str) -> Result<(), Refusal> {
    if text.len() > LONGEST_TEXT || text.contains('\0') {
        return Err(Refusal::invalid(format!("a text is longer than {LONGEST_TEXT} bytes, or holds a NUL")));
    }
    Ok(())
}
