//! Which file a path names, and which never (STATIC-1, STATIC-2).

use Defect::{Decide, Reply};
use rolegate::decide::{Decision, Outcome};

use crate::scene::{Reply as Answer, Scene};
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "static/rule-file-served",
        "STATIC-2",
        "`_redirects` is served",
        Reply(|scene, _, reply| serve(scene, reply, |name| name == "/_redirects")),
    ),
    Mutant::new(
        "static/settings-files-served",
        "STATIC-2",
        "`_headers` and `netlify.toml` are served",
        Reply(|scene, _, reply| serve(scene, reply, |name| matches!(name, "/_headers" | "/netlify.toml"))),
    ),
    Mutant::new(
        "static/dot-files-served",
        "STATIC-2",
        "files whose name begins with a dot are served",
        Reply(|scene, _, reply| serve(scene, reply, |name| name.contains("/."))),
    ),
    Mutant::new(
        "static/dot-files-in-folders-served",
        "STATIC-2",
        "files in a folder whose name begins with a dot are served",
        Reply(|scene, _, reply| {
            serve(scene, reply, |name| name.split_once("/.").is_some_and(|(_, rest)| rest.contains('/')))
        }),
    ),
    Mutant::new(
        "static/no-short-names",
        "STATIC-1",
        "`/about` is not served from `about.html`",
        Decide(|scene, visitor| unnamed(scene, scene.decide(visitor), |file, name| file == format!("{name}.html"))),
    ),
    Mutant::new(
        "static/no-index-pages",
        "STATIC-1",
        "a folder is not served from its `index.html`",
        Decide(|scene, visitor| {
            unnamed(scene, scene.decide(visitor), |file, name| file == format!("{name}/index.html"))
        }),
    ),
    Mutant::new(
        "static/no-slash-at-the-end",
        "STATIC-1",
        "`/about/` is not served from `about.html`",
        Decide(|scene, visitor| {
            let slash = scene.path().is_some_and(|path| path.trailing_slash());
            unnamed(scene, scene.decide(visitor), |file, name| slash && file == format!("{name}.html"))
        }),
    ),
    Mutant::new(
        "static/404-page-unused",
        "STATIC-1",
        "the site's own `404.html` is not shown",
        Reply(|_, decision, reply| {
            if let Outcome::NotFound { forced: false, page: Some(_) } = &decision.outcome {
                *reply = Answer::text(404, "Not found\n");
            }
        }),
    ),
    Mutant::new(
        "static/404-page-with-status-200",
        "STATIC-1",
        "an unknown path is answered with the status 200",
        Reply(|_, decision, reply| {
            if let Outcome::NotFound { forced: false, .. } = &decision.outcome {
                reply.status = 200;
            }
        }),
    ),
    Mutant::new(
        "static/unknown-paths-lead-home",
        "STATIC-1",
        "an unknown path shows the start page",
        Reply(|scene, decision, reply| {
            if let (Outcome::NotFound { forced: false, .. }, None, Some(body)) =
                (&decision.outcome, decision.by, scene.read("/index.html"))
            {
                *reply = Answer::text(200, "");
                reply.fill(body);
            }
        }),
    ),
];

/// Serves a file of the folder that the reference never does.
fn serve(scene: &Scene<'_>, reply: &mut Answer, which: impl Fn(&str) -> bool) {
    let name = scene.name().unwrap_or_default();
    if reply.status == 404
        && which(&name)
        && let Some(body) = scene.read(&name)
    {
        *reply = Answer::text(200, "");
        reply.fill(body);
    }
}

/// A file that is not found under this name of it.
fn unnamed(scene: &Scene<'_>, decision: Decision, which: impl Fn(&str, &str) -> bool) -> Decision {
    let name = scene.name().unwrap_or_default();
    match &decision.outcome {
        Outcome::Serve { file } if which(file, &name) => {
            Decision { outcome: Outcome::NotFound { forced: false, page: None }, ..decision }
        }
        _ => decision,
    }
}
