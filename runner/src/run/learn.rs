//! Pages of a user's site that are built elsewhere than they lie here. What an admitted visitor gets then is proved to be the page before anything is judged by
//! it: nobody else gets it, and this visitor gets it nowhere else.

use super::ask::composed;
use super::send::{Sender, Way};
use crate::corpus::request::{Form, Request, TokenRef};
use crate::corpus::template::Template;
use crate::corpus::{Case, Suite};
use crate::judge::Judgement;
use crate::own::OwnSite;
use crate::wire::Exchange;

/// How often it is looked whether an answer is a file.
const LOOKS: usize = 3;

/// Takes marks from an answer that may be a closed file in another build; whether there are new ones, so that the answer can be judged again.
pub(super) async fn learn(
    sender: Sender<'_>,
    suite: &Suite,
    case: &Case,
    exchange: &Exchange,
    judgement: &Judgement<'_>,
) -> bool {
    let Some(own) = &suite.own else { return false };
    let Some(response) = exchange.answer.response().filter(|response| response.status == 200) else { return false };
    let body = response.content();
    let Some(file) = candidate(&sender, own, case, judgement).filter(|file| !own.is_told(file, &body)) else {
        return false;
    };
    if body.is_empty() || exchange.sent.is_head() || own.marks.other_than(file, &body).is_some() {
        return false;
    }
    let mut looks = own.found_out.looks.lock().await;
    if own.is_told(file, &body) {
        return true;
    }
    let looked = looks.entry(file.to_owned()).or_default();
    if *looked >= LOOKS {
        return false;
    }
    *looked = looked.saturating_add(1);
    match said_to_others(&sender, suite, own, case, file).await {
        Some(others) => own.learn(file, &body, others),
        None => false,
    }
}

/// The closed file that the visitor may have and that an answer is to show.
fn candidate<'a>(sender: &Sender<'_>, own: &OwnSite, case: &'a Case, judgement: &Judgement<'a>) -> Option<&'a str> {
    let mut all = case.expected.alternatives().filter(|one| one.status.contains(&200));
    let shown = match judgement.fitting {
        Some(fitting) => fitting.shows.as_deref(),
        None => all.find_map(|one| one.shows.as_deref()),
    };
    shown.filter(|file| own.marks.is_closed(file) && sender.scene.may_have.contains(*file))
}

/// What is said to others in the place of the file, and to this visitor at a page that everybody may have; `None` where something is not answered.
async fn said_to_others(
    sender: &Sender<'_>,
    suite: &Suite,
    own: &OwnSite,
    case: &Case,
    file: &str,
) -> Option<Vec<Vec<u8>>> {
    let may_have = |recipe: &String| own.may_have.get(recipe).is_some_and(|files| files.contains(file));
    let strangers = own.strangers.iter().filter(|recipe| !may_have(recipe)).map(|recipe| Some(recipe.clone()));
    let mut requests: Vec<Request> = std::iter::once(None)
        .chain(strangers)
        .map(|recipe| Request { token: recipe.map(TokenRef::Named), ..case.request.clone() })
        .collect();
    requests.push(Request { form: Form::Path(Template::text(&own.open)), ..case.request.clone() });
    let mut said = Vec::new();
    for request in requests {
        let case = Case { request, before: Vec::new(), ..case.clone() };
        let sent = composed(sender, suite, &case).ok()?;
        let exchange = sender.send(sent, Way::default(), &mut 0).await.ok()?;
        said.extend(exchange.answer.response().map(|response| response.content().to_vec()));
    }
    Some(said)
}
