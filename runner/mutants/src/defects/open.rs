//! What opens where it should close: an error, an unknown form or an odd spelling on the way to the decision lets the visitor past the rules. The
//! commonest defect of all, and so one for each kind of thing that a gate may fail to read.

use Defect::{Decide, Refusal, Reply, Request};
use gatecheck::upstream::ASK;
use rolegate::TokenError;
use rolegate::decide::{Decision, Outcome};
use rolegate::token::Part;
use rolegate::visitor::Visitor;
use serde_json::Value;

use crate::jwt::Token;
use crate::scene::{Asked, Reply as Answer, Scene};
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "open/token-of-odd-form",
        "TOKEN-1",
        "an error while a token is taken apart opens the gate",
        Decide(|scene, visitor| {
            opened(scene, visitor, |why| {
                matches!(
                    why,
                    TokenError::Parts | TokenError::Base64(_) | TokenError::TooLong | TokenError::NotObject(_)
                )
            })
        }),
    ),
    Mutant::new(
        "open/token-of-odd-json",
        "TOKEN-8",
        "an error while the JSON of a token is read opens the gate",
        Decide(|scene, visitor| {
            opened(scene, visitor, |why| {
                matches!(why, TokenError::NotJson(_) | TokenError::NotObject(_) | TokenError::DuplicateName(_))
            })
        }),
    ),
    Mutant::new(
        "open/token-of-odd-algorithm",
        "TOKEN-3",
        "a token with an algorithm that the gate does not know opens it",
        Decide(|scene, visitor| opened(scene, visitor, |why| matches!(why, TokenError::Algorithm))),
    ),
    Mutant::new(
        "open/token-of-bad-signature",
        "TOKEN-2",
        "an error before or while the signature is compared opens the gate",
        Decide(|scene, visitor| {
            opened(scene, visitor, |why| match why {
                TokenError::Base64(part)
                | TokenError::DuplicateName(part)
                | TokenError::NotJson(part)
                | TokenError::NotObject(part) => *part != Part::Payload,
                TokenError::Algorithm
                | TokenError::Critical
                | TokenError::MissingType
                | TokenError::Parts
                | TokenError::Signature
                | TokenError::Type
                | TokenError::UnencodedPayload => true,
                _ => false,
            })
        }),
    ),
    Mutant::new(
        "open/token-with-unknown-extensions",
        "TOKEN-4",
        "a token that asks for an extension which the gate does not know opens it",
        Decide(|scene, visitor| {
            opened(scene, visitor, |why| matches!(why, TokenError::Critical | TokenError::UnencodedPayload))
        }),
    ),
    Mutant::new(
        "open/token-with-a-key-of-its-own",
        "TOKEN-4",
        "the signature of a token that brings or names a key is not checked",
        Defect::Token(|token| {
            let names = ["jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "kid"];
            token.header.keys().any(|name| names.iter().any(|own| name.eq_ignore_ascii_case(own)))
                && token.with_right_alg()
        }),
    ),
    Mutant::new(
        "open/token-of-odd-times",
        "TOKEN-5",
        "a token whose `exp` is missing or no number opens the gate",
        Decide(|scene, visitor| {
            opened(scene, visitor, |why| {
                matches!(why, TokenError::MissingExpiration | TokenError::NotNumericDate("exp"))
            })
        }),
    ),
    Mutant::new(
        "open/token-of-odd-beginning",
        "TOKEN-6",
        "a token whose `nbf` is no number opens the gate",
        Decide(|scene, visitor| opened(scene, visitor, |why| matches!(why, TokenError::NotNumericDate("nbf")))),
    ),
    Mutant::new(
        "open/any-bad-token",
        "TOKEN-10",
        "an error of any kind while a token is checked opens the gate",
        Decide(|scene, visitor| opened(scene, visitor, |_| true)),
    ),
    Mutant::new(
        "open/roles-of-odd-shape",
        "CLAIM-3",
        "a roles claim that is no list of texts opens the gate",
        Decide(|scene, visitor| {
            let is_list = |roles: &Value| roles.as_array().is_some_and(|items| items.iter().all(Value::is_string));
            let is_odd = scene.token().is_some_and(|compact| {
                let token = Token::read(&compact, scene.ground, scene.now);
                token.roles().is_some_and(|roles| !is_list(roles))
            });
            match visitor {
                Visitor::Holder(_) if is_odd => scene.without_rules(scene.asked),
                _ => scene.decide(visitor),
            }
        }),
    ),
    Mutant::new(
        "open/roles-anywhere",
        "CLAIM-4",
        "every text anywhere in a token counts as a role",
        Defect::Token(|token| {
            let mut found = Vec::new();
            texts(&Value::Object(token.claims.clone()), &mut found);
            token.is_signed() && token.grant(Value::Array(found))
        }),
    ),
    Mutant::new(
        "open/token-anywhere",
        "COOKIE-1",
        "whatever looks like a token, wherever in a request, is taken for the cookie's",
        Request(|asked| {
            let has_own = asked.lend(|request| rolegate::cookie::token(request.cookie_lines()).is_some());
            if let (false, Some(token)) = (has_own, lying_about(asked)) {
                asked.headers.push(("Cookie".to_owned(), [b"nf_jwt=".as_slice(), &token].concat()));
            }
        }),
    ),
    Mutant::new(
        "open/unreadable-paths",
        "NOLEAK-1",
        "a path that cannot be read is answered with the start page",
        Reply(|_, decision, reply| {
            if let Outcome::BadRequest(_) = decision.outcome {
                *reply = Answer::text(200, "Welcome\n");
            }
        }),
    ),
    Mutant::new(
        "open/odd-spellings",
        "NOLEAK-1",
        "a gate covers a path in its plain spelling only, and the file is served in every other",
        Decide(|scene, visitor| {
            let plain = scene.path().map(|path| path.to_string().into_bytes());
            if plain.is_some_and(|plain| plain != scene.asked.split().0) {
                scene.without_rules(scene.asked)
            } else {
                scene.decide(visitor)
            }
        }),
    ),
    Mutant::new(
        "open/forwarding-fields",
        "HOST-2",
        "a request with a forwarding field is taken for one that a proxy has checked",
        Decide(|scene, visitor| {
            let forwarding = ["forwarded", "via", "front-end-https", "client-ip", "true-client-ip"];
            let is_forwarding = |name: &str| name.starts_with("x-") || forwarding.contains(&name);
            // By this field the runner tells apart what comes to its upstream; no client sends it.
            let is_told = |name: &str| !name.eq_ignore_ascii_case(ASK) && is_forwarding(&name.to_ascii_lowercase());
            if scene.asked.headers.iter().any(|(name, _)| is_told(name)) {
                scene.without_rules(scene.asked)
            } else {
                scene.decide(visitor)
            }
        }),
    ),
    Mutant::new(
        "open/connection-options",
        "HTTP-6",
        "a request whose `Connection` names a field is taken for one that a proxy has checked",
        Decide(|scene, visitor| {
            let options = scene.asked.text("connection").unwrap_or_default().to_ascii_lowercase();
            let is_own = |option: &str| ["", "close", "keep-alive"].contains(&option);
            if options.split(',').any(|option| !is_own(option.trim())) {
                scene.without_rules(scene.asked)
            } else {
                scene.decide(visitor)
            }
        }),
    ),
    Mutant::new(
        "open/protocol-switched",
        "HTTP-7",
        "an `Upgrade` is answered with 101 before the visitor is known",
        Reply(|scene, _, reply| {
            if let Some(protocol) = scene.asked.text("upgrade") {
                *reply = Answer { status: 101, ..Answer::default() };
                reply.set("upgrade", protocol);
            }
        }),
    ),
    Mutant::new(
        "open/expectation-refused",
        "HTTP-7",
        "an `Expect` is answered with 417 whoever asks",
        Reply(|scene, _, reply| {
            if scene.asked.text("expect").is_some() {
                *reply = Answer::text(417, "Expectation failed\n");
            }
        }),
    ),
    Mutant::new(
        "open/expectation-unmatched",
        "HTTP-7",
        "a request with an `Expect` or an `Upgrade` is not matched",
        Decide(|scene, visitor| {
            if scene.asked.text("expect").or_else(|| scene.asked.text("upgrade")).is_some() {
                scene.without_rules(scene.asked)
            } else {
                scene.decide(visitor)
            }
        }),
    ),
    Mutant::new(
        "open/malformed-requests",
        "HTTP-3",
        "a request that cannot be read is answered with the start page",
        Refusal(|reply| *reply = Answer::text(200, "Welcome\n")),
    ),
    Mutant::new(
        "open/malformed-requests-are-500",
        "HTTP-3",
        "a request that cannot be read is answered with 500",
        Refusal(|reply| *reply = Answer::text(500, "Internal error\n")),
    ),
    Mutant::new(
        "open/hidden-files-told-by-status",
        "NOLEAK-5",
        "a denied visitor gets 403 for a file that is there, and the denial for one that is not",
        Reply(|scene, decision, reply| {
            if decision.denied && scene.own_file().is_some() {
                *reply = Answer::text(403, "Forbidden\n");
            }
        }),
    ),
    Mutant::new(
        "open/denial-repeats-the-address",
        "NOLEAK-6",
        "the page for a denied visitor has the address written into it",
        Reply(|scene, decision, reply| {
            if decision.denied && scene.asked.method != "HEAD" {
                let said = [b"<!-- ".as_slice(), &scene.asked.target, b" -->"].concat();
                reply.fill([reply.body.as_slice(), &said].concat());
            }
        }),
    ),
];

/// The decision, where tokens that are rejected for certain reasons open the gate.
fn opened(scene: &Scene<'_>, visitor: &Visitor, which: impl Fn(&TokenError) -> bool) -> Decision {
    match visitor {
        Visitor::Rejected(why) if which(why) => scene.without_rules(scene.asked),
        _ => scene.decide(visitor),
    }
}

/// Every text in a JSON value, names of members too.
fn texts(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::String(_) => found.push(value.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            found.push(Value::from(name.clone()));
            texts(member, found);
        }),
        _ => {}
    }
}

/// The first text of a request that looks like a token.
fn lying_about(asked: &Asked) -> Option<Vec<u8>> {
    let places =
        std::iter::once(asked.target.as_slice()).chain(asked.headers.iter().map(|(_, value)| value.as_slice()));
    places.into_iter().find_map(|text| {
        let start = memchr::memmem::find(text, b"eyJ")?;
        let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let token: Vec<u8> = text.get(start..)?.iter().take_while(is_part).copied().collect();
        (token.split(|byte| *byte == b'.').count() == 3).then_some(token)
    })
}
