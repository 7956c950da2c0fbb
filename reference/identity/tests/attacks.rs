//! What visitors, users and functions try: many at once, odd spellings, odd documents, a clock that goes back.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

use std::collections::{HashMap, HashSet};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use rolegate_identity::Moment;
use rolegate_identity::settings::Hooks as HookUrls;
use serde_json::{Value, json};

mod common;

use common::{Answer, DAY, ORIGIN, World};

/// What an answer says with what differs from one user to the next left out.
fn told(answer: &Answer) -> (u16, Vec<(String, Value)>) {
    let members = answer.body.as_object().into_iter().flatten();
    let members = members.map(|(name, value)| {
        let differs = ["id", "email", "new_email"].contains(&name.as_str());
        (name.clone(), if differs { Value::Null } else { value.clone() })
    });
    (answer.status, members.collect())
}

/// However often somebody asks, and in whatever way: an address with an account and one without are answered alike.
#[test]
fn hidden_users_are_not_found_by_asking_twice() {
    let functions = HookUrls { validate: Some("http://127.0.0.1:9/validate".to_owned()), ..HookUrls::default() };
    for (strict, autoconfirm, hooks) in
        [(false, false, false), (true, false, false), (false, true, false), (false, false, true)]
    {
        let world = World::new(|settings| {
            (settings.hide_users, settings.strict, settings.autoconfirm) = (true, strict, autoconfirm);
            settings.hooks = if hooks { functions.clone() } else { HookUrls::default() };
        });
        let id = world.user("taken@b");
        world.change(&id, json!({ "user_metadata": { "full_name": "T" } }));
        let sign_up = |email: &str, data: Value| {
            world.post("/signup", json!({ "email": email, "password": "guessed", "data": data }))
        };
        let mut ids = Vec::new();
        for data in [json!({ "a": 1 }), json!({ "b": 2 }), Value::Null] {
            let answers = ["taken@b", "free@b"].map(|email| sign_up(email, data.clone()));
            assert_eq!(told(&answers[0]), told(&answers[1]), "{strict} {autoconfirm} {hooks}");
            assert_eq!(answers[0].status, 200);
            ids.push(answers.map(|answer| answer.body["id"].clone()));
        }
        let known: HashSet<&str> = ids.iter().flatten().filter_map(Value::as_str).collect();
        assert_eq!(known.len(), 6, "none is known again");
        // A function that refuses whomever it is asked about.
        *world.hooks.answers.lock().unwrap() = (0..6).map(|_| Ok((403, Vec::new()))).collect();
        let answers = ["taken@b", "other@b"].map(|email| sign_up(email, Value::Null));
        assert_eq!((told(&answers[0]), answers[0].status == 422), (told(&answers[1]), hooks));
        for _ in 0..2 {
            let answers = ["taken@b", "nobody@b"].map(|email| world.post("/recover", json!({ "email": email })));
            assert_eq!((told(&answers[0]), answers[0].status), (told(&answers[1]), 200));
        }
        // Who has an account asks for another address.
        world.user("eve@b");
        let access = world.access("eve@b");
        let put = |email: &str| world.ask("PUT", "/user").bearer(&access).json(json!({ "email": email })).send();
        let mails = world.mails.0.lock().unwrap().len();
        let answers = ["unused@b", "taken@b"].map(put);
        assert_eq!((told(&answers[0]), answers[0].status), (told(&answers[1]), 200));
        assert_eq!(world.mails.0.lock().unwrap().len(), mails + 1, "nobody gets a mail of it");
        // The link of the first one is good no longer, and there is none for the other.
        let change = json!({ "email_change_token": world.mailed() });
        assert_eq!(world.ask("PUT", "/user").bearer(&access).json(change).send().status, 401);
        assert_eq!(world.log_in("taken@b", "password").status, 200, "the account is as it was");
    }
}

/// A burst of guesses is counted as those one after another are.
#[test]
fn guesses_at_once_are_limited() {
    let world = World::new(|settings| settings.token_attempts = 5);
    world.user("a@b");
    let many = |password: &str| -> Vec<u16> {
        let start = Barrier::new(32);
        thread::scope(|scope| {
            let threads: Vec<_> = (0..32)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        world.log_in("a@b", password).status
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    };
    assert_eq!(many("password"), [200; 32], "who has the password is not limited");
    let statuses = many("guess");
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 5, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 27, "{statuses:?}");
    assert_eq!(world.log_in("a@b", "password").status, 429);
}

/// What is good for a time is not good for longer because the clock was set back.
#[test]
fn a_clock_that_is_set_back_makes_nothing_good_again() {
    let world = World::new(|_| {});
    let early = *world.now.lock().unwrap();
    world.user("a@b");
    world.user("c@d");
    world.wait(60 * DAY);
    let used = world.log_in("a@b", "password").body["refresh_token"].as_str().unwrap().to_owned();
    let next = world.refresh(&used).body["refresh_token"].as_str().unwrap().to_owned();
    world.post("/recover", json!({ "email": "c@d" }));
    let link = world.mailed();
    *world.now.lock().unwrap() = early;
    assert_eq!(world.refresh(&used).status, 400, "its grace is over");
    assert_eq!(world.refresh(&next).error(), "invalid_grant: Refresh token expired");
    assert_eq!(world.post("/verify", json!({ "type": "recovery", "token": link })).error(), "Recovery token expired");
    // Two requests of which the first is answered second.
    let first = world.log_in("a@b", "password").body["refresh_token"].as_str().unwrap().to_owned();
    world.wait(Duration::from_secs(2));
    assert_eq!(world.refresh(&first).status, 200);
    *world.now.lock().unwrap() = early.after(Duration::from_secs(1));
    assert_eq!(world.refresh(&first).status, 200);
}

/// What users say is kept in documents that others have to read.
#[test]
fn documents_that_are_nested_deep() {
    let world = World::new(|_| {});
    let nested = |depth: usize| -> Value {
        serde_json::from_str(&format!(r#"{{"x":{}1{}}}"#, "[".repeat(depth), "]".repeat(depth))).unwrap()
    };
    let sign_up = |email: &str, depth| {
        world.post("/signup", json!({ "email": email, "password": "password", "data": nested(depth) }))
    };
    let refused = sign_up("a@b", 63);
    assert_eq!(refused.error(), "Could not read Signup params: the JSON document is nested deeper than 64 levels");
    assert_eq!((refused.status, sign_up("a@b", 62).status), (400, 200));
    world.user("c@d");
    let access = world.access("c@d");
    let put = |depth| world.ask("PUT", "/user").bearer(&access).json(json!({ "data": nested(depth) })).send().status;
    assert_eq!((put(63), put(62)), (400, 200));
    // A function answers so.
    let listed = world.ask("GET", "/admin/users").bearer(world.service.operator_token()).send();
    assert_eq!(listed.body["users"].as_array().unwrap().len(), 2);
}

#[test]
fn spellings_of_addresses() {
    let world = World::new(|_| {});
    world.user("Ada+x@B.example");
    for same in ["ada+x@b.example", "ADA+X@B.EXAMPLE"] {
        assert_eq!(world.post("/signup", json!({ "email": same, "password": "x" })).status, 400, "{same}");
        assert_eq!(world.log_in(same, "password").status, 200, "{same}");
    }
    // Another person's, or nobody's.
    for other in ["ada@b.example", "ada+y@b.example", "a.da+x@b.example"] {
        assert_eq!(world.log_in(other, "password").status, 400, "{other}");
        assert_eq!(world.post("/signup", json!({ "email": other, "password": "x" })).status, 200, "{other}");
    }
    for none in [
        " ada+x@b.example",
        "ada+x@b.example ",
        "ada+x@b.example\u{0}",
        "\u{430}da+x@b.example",
        "ada+x@\u{299}.example",
        "ada+x@b.example.",
        "ada+x@b@b.example",
        "\"ada+x\"@b.example",
        "ada+x@[127.0.0.1]",
        "ada%2Bx@b.example\r\nTo: eve@b.example",
    ] {
        let answer = world.post("/signup", json!({ "email": none, "password": "x" }));
        assert_eq!(answer.error(), "Unable to validate email address: invalid format", "{none:?}");
        assert_eq!(world.log_in(none, "password").status, 400, "{none:?}");
    }
    // Unicode knows other small letters for some: a mail goes to the address of the account, never to what was typed.
    world.user("kay@b.example");
    world.post("/recover", json!({ "email": "\u{212a}ay@b.example" }));
    assert!(world.mails.0.lock().unwrap().iter().all(|mail| mail.to.is_ascii()));
}

#[test]
fn odd_passwords() {
    let world = World::new(|settings| settings.autoconfirm = true);
    let sign_up =
        |email: &str, password: &str| world.post("/signup", json!({ "email": email, "password": password })).status;
    for (number, (password, status)) in [
        (String::new(), 422),
        ("x".to_owned(), 200),
        ("\u{0}".to_owned(), 200),
        ("a\u{0}b".to_owned(), 200),
        ("\u{e4}".to_owned(), 200),
        ("x".repeat(72), 200),
        ("x".repeat(1024), 200),
        ("x".repeat(1025), 422),
        ("x".repeat(100_000), 422),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("user{number}@b");
        assert_eq!(sign_up(&email, &password), status, "{number}");
        assert_eq!(world.log_in(&email, &password).status == 200, status == 200, "{number}");
        // One that begins or ends alike, or is written otherwise.
        for other in [format!("{password}x"), password.replace('\u{0}', ""), password.replace('\u{e4}', "a\u{308}")] {
            assert!(other == password || world.log_in(&email, &other).status == 400, "{number}");
        }
    }
}

#[test]
fn links_that_are_asked_for_twice() {
    let world = World::new(|_| {});
    let operator = world.service.operator_token().to_owned();
    let verify = |kind: &str, token: &str| {
        world.post("/verify", json!({ "type": kind, "token": token, "password": "password" })).status
    };
    let mut links = Vec::new();
    for _ in 0..2 {
        let invite = world.ask("POST", "/invite").bearer(&operator).json(json!({ "email": "a@b" })).send();
        assert_eq!(invite.status, 200);
        links.push(world.mailed());
    }
    assert_eq!([&links[0], &links[1], &links[1]].map(|link| verify("signup", link)), [404, 200, 404]);
    let mut links = Vec::new();
    for _ in 0..2 {
        world.post("/recover", json!({ "email": "a@b" }));
        links.push(world.mailed());
    }
    assert_eq!([&links[0], &links[1], &links[1]].map(|link| verify("recovery", link)), [404, 200, 404]);
    // One link, many ways: no kind opens what another was mailed for.
    world.post("/recover", json!({ "email": "a@b" }));
    let access = world.access("a@b");
    let change = json!({ "email_change_token": world.mailed() });
    assert_eq!(world.ask("PUT", "/user").bearer(&access).json(change).send().status, 401);
    assert_eq!(verify("signup", &world.mailed()), 404);
    assert_eq!(world.get("/authorize?provider=github").status, 400);
}

#[test]
fn odd_questions_of_an_admin() {
    let world = World::new(|_| {});
    for number in 0..3 {
        world.user(&format!("user{number}@b"));
    }
    let operator = world.service.operator_token().to_owned();
    let list = |query: &str| world.ask("GET", &format!("/admin/users?{query}")).bearer(&operator).send();
    for (query, status, users) in [
        ("page=0", 200, 3),
        ("page=-1", 400, 0),
        ("page=1.5", 400, 0),
        ("page=18446744073709551615&per_page=1000", 200, 0),
        ("page=18446744073709551616", 400, 0),
        ("per_page=0", 200, 1),
        ("per_page=18446744073709551615", 200, 3),
        ("page=2&page=1&per_page=2", 200, 1),
        ("page=&per_page=", 200, 3),
        ("filter=%25", 200, 0),
        ("filter=%00", 200, 0),
        ("filter=%ff", 200, 0),
        ("filter=USER", 200, 3),
        ("filter=%27%20OR%201=1", 200, 0),
        ("sort=created_at%20sideways", 400, 0),
        ("sort=password", 400, 0),
    ] {
        let answer = list(query);
        let found = answer.body["users"].as_array().map_or(0, Vec::len);
        assert_eq!((answer.status, found), (status, users), "{query}");
    }
    assert_eq!(list("filter=%3E%3B%20rel%3Dx%0D%0AX%3A%20y").field("link").matches("rel=").count(), 1);
    let audit = |query: &str| world.ask("GET", &format!("/admin/audit?{query}")).bearer(&operator).send();
    for (query, status) in [
        ("page=18446744073709551615&per_page=1000", 200),
        ("query=author", 200),
        ("query=action:%00", 200),
        ("query=:", 400),
        ("page=-1", 400),
    ] {
        assert_eq!(audit(query).status, status, "{query}");
    }
}

/// The gate compares roles as they are; whatever an admin writes there is what the next token has.
#[test]
fn odd_roles() {
    let world = World::new(|_| {});
    let id = world.user("a@b");
    for roles in [
        json!([]),
        json!(["", " ", "a,b", "\u{e4}dmin", "x\ny", "<script>"]),
        json!(["admin", "admin"]),
        json!([5, null, {}, ["admin"]]),
        json!({ "admin": true }),
        json!(true),
    ] {
        let changed = world.change(&id, json!({ "app_metadata": { "roles": roles } }));
        assert_eq!(changed.status, 200, "{roles}");
        assert_eq!(world.claims(&world.access("a@b"))["app_metadata"]["roles"], roles);
    }
    let gone = world.change(&id, json!({ "app_metadata": { "roles": null } }));
    assert_eq!(gone.body["app_metadata"], json!({ "provider": "email" }));
}

/// One entry for each thing that is done, of the kind that GoTrue writes.
#[test]
fn every_action_is_in_the_audit_log() {
    let world = World::new(|_| {});
    let operator = world.service.operator_token().to_owned();
    world.post("/signup", json!({ "email": "a@b", "password": "password" }));
    world.post("/verify", json!({ "type": "signup", "token": world.mailed() }));
    let session = world.log_in("a@b", "password").body;
    let access = session["access_token"].as_str().unwrap();
    world.refresh(session["refresh_token"].as_str().unwrap());
    world.ask("PUT", "/user").bearer(access).json(json!({ "data": { "full_name": "A B" } })).send();
    world.post("/recover", json!({ "email": "a@b" }));
    world.ask("POST", "/logout").bearer(access).send();
    world.ask("POST", "/invite").bearer(&operator).json(json!({ "email": "c@d" })).send();
    let accepted = json!({ "type": "signup", "token": world.mailed(), "password": "password" });
    let id = world.claims(world.post("/verify", accepted).body["access_token"].as_str().unwrap())["sub"].clone();
    let path = format!("/admin/users/{}", id.as_str().unwrap());
    world.ask("PUT", &path).bearer(&operator).json(json!({ "role": "x" })).send();
    world.ask("DELETE", &path).bearer(&operator).send();
    let log = world.ask("GET", "/admin/audit").bearer(&operator).send();
    let text = |entry: &Value, name: &str| entry["payload"][name].as_str().unwrap_or_default().to_owned();
    let entries: Vec<_> = log.body.as_array().unwrap().iter().rev().collect();
    let names = ["action", "log_type", "actor_email"];
    let seen: Vec<[String; 3]> = entries.iter().map(|entry| names.map(|name| text(entry, name))).collect();
    let expected = [
        ["user_signedup", "team", "a@b"],
        ["login", "account", "a@b"],
        ["login", "account", "a@b"],
        ["token_refreshed", "token", "a@b"],
        ["user_modified", "user", "a@b"],
        ["user_recovery_requested", "user", "a@b"],
        ["logout", "account", "a@b"],
        ["user_invited", "team", ""],
        ["invite_accepted", "account", "c@d"],
        ["login", "account", "c@d"],
        ["user_modified", "user", ""],
        ["user_deleted", "team", ""],
    ];
    assert_eq!(seen, expected.map(|entry| entry.map(str::to_owned)));
    assert_eq!(entries[4]["payload"]["actor_name"], "A B");
    for entry in &entries {
        let names: Vec<&String> = entry.as_object().unwrap().keys().collect();
        assert_eq!(names, ["id", "payload", "created_at"]);
        assert_eq!(entry["payload"]["timestamp"], "2023-11-14T22:13:20.000000Z");
    }
    for place in [7, 10, 11] {
        assert_eq!(entries[place]["payload"]["traits"], json!({ "user_id": id, "user_email": "c@d" }), "{place}");
    }
}

/// A function can tell who asks, and that nothing was changed on the way.
#[test]
fn the_signature_of_an_event() {
    let function = Some("http://127.0.0.1:9/".to_owned());
    let urls = HookUrls { validate: function.clone(), login: function, ..HookUrls::default() };
    let world = World::new(|settings| settings.hooks = urls);
    world.post("/signup", json!({ "email": "a@b", "password": "password", "data": { "x": 1 } }));
    let (fields, document) = world.hooks.asked.lock().unwrap()[0].clone();
    let fields: HashMap<String, String> = fields.into_iter().collect();
    let parts: Vec<&str> = fields["X-Webhook-Signature"].split('.').collect();
    let read = |part: &str| -> Value {
        use base64::Engine as _;
        serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(read(parts[0])["alg"], "HS256");
    let claims = read(parts[1]);
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("gotrue"), &document["instance_id"]));
    assert_eq!(claims["iat"], 1_700_000_000);
    let digest = rolegate_identity::secrets::hex_digest(document.to_string().as_bytes());
    assert_eq!(claims["sha256"], digest);
    let signed = world.sign(claims);
    assert_eq!(signed, fields["X-Webhook-Signature"], "with the secret of the site");
    assert_eq!(document["user"]["user_metadata"], json!({ "x": 1 }));
    assert!(document["user"].get("password").is_none());
}

/// The header of a token and the whole of a user, to the letter and in GoTrue's order.
#[test]
fn a_token_and_a_user_in_full() {
    let world = World::new(|_| {});
    let operator = world.service.operator_token().to_owned();
    world.ask("POST", "/invite").bearer(&operator).json(json!({ "email": "a@b" })).send();
    world.post("/signup", json!({ "email": "a@b", "password": "x" }));
    world.post("/verify", json!({ "type": "signup", "token": world.mailed(), "password": "password" }));
    world.post("/recover", json!({ "email": "a@b" }));
    let access = world.access("a@b");
    use base64::Engine as _;
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(access.split('.').next().unwrap()).unwrap();
    assert_eq!(String::from_utf8(header).unwrap(), r#"{"alg":"HS256","kid":"nf-ident","typ":"JWT"}"#);
    let user = world.ask("PUT", "/user").bearer(&access).json(json!({ "email": "c@d" })).send();
    assert_eq!(user.field("set-cookie"), "", "no cookie but with a token");
    let names: Vec<&String> = user.body.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "id",
            "aud",
            "role",
            "email",
            "confirmed_at",
            "invited_at",
            "recovery_sent_at",
            "new_email",
            "email_change_sent_at",
            "last_sign_in_at",
            "app_metadata",
            "user_metadata",
            "created_at",
            "updated_at"
        ]
    );
    for (name, value) in user.body.as_object().unwrap().iter().filter(|(name, _)| name.ends_with("_at")) {
        assert_eq!(value, "2023-11-14T22:13:20.000000Z", "{name}");
    }
}

/// The way to a provider and back is good for five minutes, and ends where the operator says.
#[test]
fn the_way_back_from_a_provider() {
    let world = World::new(|settings| {
        settings.providers = vec!["github".to_owned()];
        settings.redirect_url = Some("https://elsewhere.example/in".to_owned());
    });
    let state = || {
        let sent = world.ask("GET", "/authorize?provider=github").field("referer", &format!("{ORIGIN}/a")).send();
        sent.field("location").rsplit_once("state=").unwrap().1.to_owned()
    };
    let says = |state: &str| {
        world.ask("POST", "/stand-in").form(&format!("state={state}&answer=allow&email=a%40b&verified=yes")).send()
    };
    let path = |answer: &Answer| answer.field("location").split_once("/.netlify/identity").unwrap().1.to_owned();
    let first = state();
    let back = path(&says(&first));
    let end = world.get(&back);
    assert!(end.field("location").starts_with("https://elsewhere.example/in#access_token="), "{end:?}");
    world.wait(Duration::from_secs(299));
    assert_eq!(says(&first).status, 303);
    world.wait(Duration::from_secs(1));
    for answer in [says(&first), world.get(&format!("/stand-in?state={first}")), world.get(&back)] {
        assert!(answer.error().starts_with("OAuth state is invalid: "), "{answer:?}");
        assert_eq!(answer.status, 400);
    }
    // A code that is too old, with a state that is not.
    let code = back.split_once("&code=").unwrap().1;
    let late = world.get(&format!("/callback?state={}&code={code}", state()));
    assert!(late.field("location").contains("#error=invalid_request"), "{late:?}");
    assert!(*world.now.lock().unwrap() > Moment::from_seconds(1_700_000_000));
}
