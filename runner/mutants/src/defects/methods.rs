//! Methods other than GET (HTTP-1, NOLEAK-2).

use Defect::{Decide, Reply, Request};
use rolegate::decide::Outcome;

use crate::scene::{Reply as Answer, Scene};
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "method/head-is-not-gated",
        "NOLEAK-2",
        "HEAD is answered without being matched",
        Decide(
            |scene, visitor| {
                if scene.asked.method == "HEAD" { scene.without_rules(scene.asked) } else { scene.decide(visitor) }
            },
        ),
    ),
    Mutant::new(
        "method/others-are-not-gated",
        "NOLEAK-2",
        "POST and other methods bring the file of a gated path",
        Reply(|scene, decision, reply| {
            if !is_get_or_head(scene)
                && decision.denied
                && let Some(body) = scene.own_file().and_then(|file| scene.read(&file))
            {
                *reply = Answer::text(200, "");
                reply.fill(body);
            }
        }),
    ),
    Mutant::new(
        "method/refused-before-the-gate",
        "HTTP-1",
        "a denied visitor gets 405 for a method that the file would not answer",
        Reply(|scene, decision, reply| {
            if !is_get_or_head(scene) && decision.denied {
                *reply = Answer::text(405, "Method not allowed\n");
                reply.set("allow", "GET, HEAD");
            }
        }),
    ),
    Mutant::new(
        "method/refused-without-allow",
        "HTTP-1",
        "a 405 has no `Allow`",
        Reply(|_, _, reply| {
            if reply.status == 405 {
                reply.drop("allow")
            }
        }),
    ),
    Mutant::new(
        "method/others-are-get",
        "HTTP-1",
        "every method is answered like GET",
        Request(|asked| {
            if asked.method != "HEAD" {
                asked.method = "GET".to_owned();
            }
        }),
    ),
    Mutant::new(
        "method/in-any-case",
        "HTTP-1",
        "`get` is answered like GET",
        Request(|asked| asked.method = asked.method.to_uppercase()),
    ),
    Mutant::new(
        "method/head-with-body",
        "HTTP-1",
        "HEAD is answered with a body",
        Reply(|scene, decision, reply| {
            let file = decision.outcome.file().and_then(|file| scene.read(file));
            if let (true, Some(body)) = (scene.asked.method == "HEAD" && reply.status == 200, file) {
                reply.fill(body);
            }
        }),
    ),
    Mutant::new(
        "method/head-shows-the-file",
        "NOLEAK-2",
        "behind the answer to HEAD a denied visitor gets the file",
        Reply(|scene, decision, reply| {
            let file = scene.own_file().and_then(|file| scene.read(&file));
            if let (true, Some(body)) = (scene.asked.method == "HEAD" && decision.denied, file) {
                reply.body = body;
            }
        }),
    ),
    Mutant::new(
        "method/head-with-words-on-a-denial",
        "HTTP-1",
        "behind the answer to HEAD a denied visitor gets words for people",
        Reply(|scene, decision, reply| {
            if scene.asked.method == "HEAD" && decision.denied {
                reply.fill(b"Log in first\n".to_vec());
            }
        }),
    ),
    Mutant::new(
        "method/204-with-words",
        "HTTP-1",
        "a 204 to OPTIONS has a body",
        Reply(|scene, decision, reply| {
            if scene.asked.method == "OPTIONS" && !decision.denied {
                *reply = Answer { status: 204, body: b"GET, HEAD\n".to_vec(), ..Answer::default() };
                reply.set("allow", "GET, HEAD, OPTIONS");
            }
        }),
    ),
    Mutant::new(
        "method/head-is-405",
        "HTTP-1",
        "HEAD is not answered",
        Reply(|scene, _, reply| {
            if scene.asked.method == "HEAD" {
                *reply = Answer { body: Vec::new(), ..Answer::text(405, "") };
                reply.set("allow", "GET");
            }
        }),
    ),
    Mutant::new(
        "method/trace-echoes",
        "NOLEAK-2",
        "TRACE sends the request back, cookie and all",
        Reply(|scene, _, reply| {
            if scene.asked.method == "TRACE" {
                let lines = scene
                    .asked
                    .headers
                    .iter()
                    .map(|(name, value)| format!("{name}: {}\r\n", String::from_utf8_lossy(value)));
                *reply = Answer::text(200, &lines.collect::<String>());
                reply.set("content-type", "message/http");
            }
        }),
    ),
    Mutant::new(
        "method/options-is-204",
        "HTTP-1",
        "OPTIONS is answered with 204 for everybody",
        Reply(|scene, _, reply| {
            if scene.asked.method == "OPTIONS" {
                *reply = Answer { status: 204, ..Answer::default() };
                reply.set("allow", "GET, HEAD, OPTIONS");
            }
        }),
    ),
    Mutant::new(
        "method/redirects-for-get-only",
        "HTTP-1",
        "a method other than GET and HEAD is not redirected",
        Reply(|scene, decision, reply| {
            if let (false, Outcome::Redirect { .. }, false) =
                (is_get_or_head(scene), &decision.outcome, decision.denied)
            {
                *reply = Answer::text(405, "Method not allowed\n");
                reply.set("allow", "GET, HEAD");
            }
        }),
    ),
];

fn is_get_or_head(scene: &Scene<'_>) -> bool {
    matches!(scene.asked.method.as_str(), "GET" | "HEAD")
}
