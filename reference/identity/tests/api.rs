//! Every route, its success and its failures, in the words of GoTrue.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rolegate_identity::settings::{CookieMode, Hooks as HookUrls};
use rolegate_identity::store::{FileStore, Store};
use rolegate_identity::{Settings, tokens};
use serde_json::{Value, json};

mod common;

use common::{DAY, ORIGIN, World};

#[test]
fn health_and_settings() {
    let world = World::new(|settings| settings.providers = vec!["github".to_owned()]);
    let health = world.get("/health");
    assert_eq!((health.status, &health.body["name"]), (200, &json!("GoTrue")));
    assert_eq!(
        world.get("/settings").body,
        json!({
            "external": { "bitbucket": false, "github": true, "gitlab": false, "google": false, "facebook": false, "email": true, "saml": false },
            "external_labels": {},
            "disable_signup": false,
            "autoconfirm": false,
        })
    );
}

#[test]
fn paths_and_methods() {
    let world = World::new(|_| {});
    for (method, target, status) in [
        ("GET", "", 404),
        ("GET", "/", 404),
        ("GET", "/nothing", 404),
        ("GET", "/settings/", 404),
        ("GET", "/magiclink", 404),
        ("POST", "/otp", 404),
        ("GET", "/admin", 404),
        ("GET", "/admin/users/a/b", 404),
        ("GET", "/signup", 405),
        ("GET", "/token", 405),
        ("DELETE", "/user", 405),
        ("PATCH", "/admin/users/a", 405),
    ] {
        let answer = world.ask(method, target).send();
        assert_eq!(answer.status, status, "{method} {target}");
        assert!(!answer.field("content-type").contains("json"));
    }
    for (method, target, allowed) in [
        ("POST", "/health", "GET, HEAD, OPTIONS"),
        ("GET", "/signup", "POST, OPTIONS"),
        ("PUT", "/stand-in", "GET, HEAD, POST, OPTIONS"),
        ("DELETE", "/user", "GET, HEAD, PUT, OPTIONS"),
        ("PATCH", "/admin/users", "GET, HEAD, POST, OPTIONS"),
        ("POST", "/admin/users/a", "GET, HEAD, PUT, DELETE, OPTIONS"),
        ("TRACE", "/admin/audit", "GET, HEAD, OPTIONS"),
        ("PUT", "/nothing", ""),
    ] {
        assert_eq!(world.ask(method, target).send().field("allow"), allowed, "{method} {target}");
    }
}

#[test]
fn sign_up_confirm_log_in_log_out() {
    let world = World::new(|_| {});
    let made = world
        .post("/signup", json!({ "email": "A@b.example", "password": "pässwörd&=+", "data": { "full_name": "A B" } }));
    assert_eq!(made.status, 200);
    let names: Vec<&str> = made.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "id",
            "aud",
            "role",
            "email",
            "confirmation_sent_at",
            "app_metadata",
            "user_metadata",
            "created_at",
            "updated_at"
        ]
    );
    assert_eq!(made.body["app_metadata"], json!({ "provider": "email" }));
    assert_eq!(made.body["user_metadata"], json!({ "full_name": "A B" }));
    assert_eq!((&made.body["aud"], &made.body["role"]), (&json!(""), &json!("")));
    assert!(made.body["created_at"].as_str().unwrap().ends_with('Z'));

    // Told before the password is looked at.
    assert_eq!(world.log_in("a@b.example", "wrong").error(), "invalid_grant: Email not confirmed");
    let mail = world.mails.0.lock().unwrap()[0].clone();
    assert_eq!(mail.to, "A@b.example");
    assert!(mail.link.starts_with("http://site.localhost:8888/#confirmation_token="), "{}", mail.link);
    let token = world.mailed();
    assert_eq!(token.len(), 22);

    let verified = world
        .ask("POST", "/verify")
        .field("x-use-cookie", "1")
        .json(json!({ "type": "signup", "token": token }))
        .send();
    assert_eq!(verified.status, 200);
    let access = verified.body["access_token"].as_str().unwrap();
    assert_eq!(verified.body["token_type"], "bearer");
    assert_eq!(verified.body["expires_in"], 3600);
    assert_eq!(
        verified.field("set-cookie"),
        format!("nf_jwt={access}; Path=/; Expires=Wed, 15 Nov 2023 22:13:20 GMT; Max-Age=86400; HttpOnly; Secure")
    );
    // A token of a mail is good once.
    let again = world.post("/verify", json!({ "type": "signup", "token": token }));
    assert_eq!((again.status, again.error()), (404, "User not found".to_owned()));

    let claims = world.claims(access);
    let names: Vec<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["exp", "sub", "email", "app_metadata", "user_metadata"]);
    assert_eq!(claims["exp"], 1_700_003_600);
    assert_eq!(claims["sub"], made.body["id"]);

    // In any case, and with the password as typed.
    let logged_in = world.log_in("a@B.EXAMPLE", "pässwörd&=+");
    assert_eq!(logged_in.status, 200, "{logged_in:?}");
    assert_eq!(logged_in.field("set-cookie"), "");
    let access = logged_in.body["access_token"].as_str().unwrap();
    let user = world.ask("GET", "/user").bearer(access).send();
    assert_eq!(user.status, 200);
    assert_eq!(user.body["email"], "A@b.example");
    assert!(user.body["confirmed_at"].is_string() && user.body["last_sign_in_at"].is_string());

    let out = world.ask("POST", "/logout").bearer(access).send();
    assert_eq!((out.status, out.reply.body.len(), out.field("content-type")), (204, 0, ""));
    assert_eq!(out.field("clear-site-data"), "\"cache\"");
    assert_eq!(
        out.field("set-cookie"),
        "nf_jwt=; Path=/; Expires=Tue, 14 Nov 2023 12:13:20 GMT; Max-Age=0; HttpOnly; Secure"
    );
    // On every device.
    for refresh in [&logged_in.body, &verified.body] {
        let refused = world.refresh(refresh["refresh_token"].as_str().unwrap());
        assert_eq!(refused.error(), "invalid_grant: Invalid Refresh Token");
    }
}

#[test]
fn what_sign_up_refuses() {
    let world = World::new(|_| {});
    world.user("taken@b.example");
    for (body, status, error) in [
        ("{", 400, "Could not read Signup params: the JSON document ends too early (line 1, column 1)"),
        (r#"{"email":"a@b"}"#, 422, "Signup requires a valid password"),
        (r#"{"email":"a@b","password":""}"#, 422, "Signup requires a valid password"),
        (r#"{"password":"x"}"#, 422, "An email address is required"),
        (r#"{"email":"a b@c","password":"x"}"#, 422, "Unable to validate email address: invalid format"),
        (r#"{"email":"a@b\r\nBcc: c@d","password":"x"}"#, 422, "Unable to validate email address: invalid format"),
        (
            r#"{"email":"Taken@B.example","password":"x"}"#,
            400,
            "A user with this email address has already been registered",
        ),
    ] {
        let answer = world.ask("POST", "/signup").text(body).send();
        assert_eq!((answer.status, answer.error().as_str()), (status, error), "{body}");
    }
    let closed = World::new(|settings| settings.disable_signup = true);
    let answer = closed.post("/signup", json!({ "email": "a@b", "password": "x" }));
    assert_eq!((answer.status, answer.error().as_str()), (403, "Signups not allowed for this instance"));
    let long = world.post("/signup", json!({ "email": "a@b", "password": "x".repeat(1025) }));
    assert_eq!(long.status, 422);
    assert!(world.mails.0.lock().unwrap().is_empty());
}

#[test]
fn nobody_says_what_they_may() {
    let world = World::new(|settings| settings.autoconfirm = true);
    let wanted = json!({ "roles": ["admin"] });
    let body = json!({ "email": "a@b", "password": "password", "role": "admin", "app_metadata": wanted, "confirm": true, "aud": "x", "data": { "roles": ["admin"] } });
    let made = world.post("/signup", body.clone());
    assert_eq!((&made.body["role"], &made.body["aud"]), (&json!(""), &json!("")));
    assert_eq!(made.body["app_metadata"], json!({ "provider": "email" }));
    let access = world.access("a@b");
    assert_eq!(tokens::roles(world.claims(&access).as_object().unwrap()).count(), 0);
    let refused = world.ask("PUT", "/user").bearer(&access).json(body).send();
    assert_eq!((refused.status, refused.error().as_str()), (401, "Updating app_metadata requires admin privileges"));
    // One word that is not allowed, and nothing of it happens.
    let user = world.ask("GET", "/user").bearer(&access).send();
    assert_eq!((&user.body["role"], user.body.get("new_email")), (&json!(""), None));
    let harmless = world.ask("PUT", "/user").bearer(&access).json(json!({ "role": "admin", "confirm": true })).send();
    assert_eq!((harmless.status, &harmless.body["role"]), (200, &json!("")));
}

/// GoTrue reads what a route knows, and nothing else.
#[test]
fn what_a_route_does_not_know_is_not_looked_at() {
    let world = World::new(|_| {});
    let operator = world.service.operator_token();
    let odd = json!({ "role": ["admin"], "confirm": "yes", "aud": 5, "token": 1, "type": [], "app_metadata": "x", "user_metadata": [] });
    let with = |mut body: Value| {
        body.as_object_mut().unwrap().extend(odd.as_object().unwrap().clone());
        body
    };
    let made = world.post("/signup", with(json!({ "email": "a@b", "password": "password" })));
    assert_eq!((made.status, &made.body["role"], &made.body["aud"]), (200, &json!(""), &json!("")));
    assert_eq!(world.post("/recover", with(json!({ "email": "a@b" }))).status, 200);
    let token = world.mailed();
    let mut body = json!({ "email": 1, "data": 2, "email_change_token": 3 });
    body.as_object_mut().unwrap().extend([("type".to_owned(), json!("recovery")), ("token".to_owned(), json!(token))]);
    let verified = world.post("/verify", body);
    assert_eq!(verified.status, 200);
    let access = verified.body["access_token"].as_str().unwrap();
    let body = json!({ "role": ["admin"], "confirm": 1, "aud": [], "token": 1, "user_metadata": 1 });
    let changed = world.ask("PUT", "/user").bearer(access).json(body).send();
    assert_eq!((changed.status, &changed.body["role"]), (200, &json!("")));
    let invited =
        world.ask("POST", "/invite").bearer(operator).json(with(json!({ "email": "c@d", "password": 1 }))).send();
    assert_eq!((invited.status, &invited.body["app_metadata"]), (200, &json!({ "provider": "email" })));
    let id = world.user("e@f");
    assert_eq!(world.change(&id, json!({ "data": 5, "token": [] })).status, 200);
    // What it knows has its type.
    for (method, path, body) in [
        ("POST", "/signup", json!({ "email": ["a@b"], "password": "password" })),
        ("POST", "/verify", json!({ "type": "signup", "token": 1 })),
        ("POST", "/recover", json!({ "email": { "a": "b" } })),
        ("PUT", &format!("/admin/users/{id}"), json!({ "role": ["admin"] })),
        ("PUT", &format!("/admin/users/{id}"), json!({ "app_metadata": ["admin"] })),
    ] {
        assert_eq!(world.ask(method, path).bearer(operator).json(body).send().status, 400, "{method} {path}");
    }
}

/// Each call is short; what they add up to is bounded too, and what was there before stays.
#[test]
fn what_a_user_says_does_not_grow_for_ever() {
    let world = World::new(|_| {});
    let body = |number: usize| json!({ "email": "a@b", "password": "password", "data": { number.to_string(): "x".repeat(40_000) } });
    assert_eq!(world.post("/signup", body(0)).status, 200);
    let refused = world.post("/signup", body(1));
    assert_eq!((refused.status, refused.error().as_str()), (422, "The metadata of a user has at most 65536 bytes"));
    world.user("c@d");
    let access = world.access("c@d");
    let change = |data: Value| world.ask("PUT", "/user").bearer(&access).json(json!({ "data": data })).send();
    assert_eq!(change(json!({ "a": "x".repeat(40_000) })).status, 200);
    assert_eq!(change(json!({ "b": "x".repeat(40_000) })).status, 422);
    let changed = change(json!({ "a": null, "b": "x".repeat(40_000) }));
    assert_eq!((changed.status, changed.body["user_metadata"].as_object().unwrap().len()), (200, 1));
    // Nor does what is written of all that a user does.
    assert_eq!(change(json!({ "b": null, "full_name": "n".repeat(40_000) })).status, 200);
    world.access("c@d");
    let log = world.ask("GET", "/admin/audit").bearer(world.service.operator_token()).send();
    assert_eq!(log.body[0]["payload"]["actor_name"].as_str().unwrap().len(), 200);
    assert!(log.reply.body.len() < 4096, "{}", log.reply.body.len());
}

/// The gate takes a single text for a role (CLAIM-2), and so does whatever tells of it.
#[test]
fn a_role_as_a_text_is_the_role_that_the_gate_reads() {
    let store: Arc<dyn Store> = Arc::new(FileStore::in_memory().unwrap());
    let world = World::over(store.clone(), |_| {});
    let id = world.user("a@b");
    world.change(&id, json!({ "app_metadata": { "roles": "member" } }));
    world.access("a@b");
    let user = store.read().unwrap().user(id.parse().unwrap()).unwrap().unwrap();
    assert_eq!(user.roles(), ["member"]);
    assert_eq!(store.read().unwrap().refreshes_of(user.id).unwrap()[0].1.roles, ["member"]);
}

#[test]
fn signing_up_again_keeps_the_first_password() {
    let world = World::new(|_| {});
    world.post("/signup", json!({ "email": "a@b", "password": "first", "data": { "a": 1 } }));
    let first = world.mailed();
    let again = world.post("/signup", json!({ "email": "A@b", "password": "second", "data": { "b": 2 } }));
    assert_eq!((again.status, &again.body["user_metadata"]), (200, &json!({ "a": 1, "b": 2 })));
    assert_eq!(world.mails.0.lock().unwrap().len(), 2, "a second mail at once");
    assert_eq!(
        world.post("/verify", json!({ "type": "signup", "token": first })).status,
        404,
        "the older link is dead"
    );
    assert_eq!(world.post("/verify", json!({ "type": "signup", "token": world.mailed() })).status, 200);
    assert_eq!(world.log_in("a@b", "second").status, 400);
    assert_eq!(world.log_in("a@b", "first").status, 200);

    let strict = World::new(|settings| settings.strict = true);
    let body = json!({ "email": "a@b", "password": "first" });
    for (waited, mails) in [(0, 1), (899, 1), (1, 2)] {
        strict.wait(Duration::from_secs(waited));
        assert_eq!(strict.post("/signup", body.clone()).status, 200);
        assert_eq!(strict.mails.0.lock().unwrap().len(), mails);
    }
}

#[test]
fn autoconfirm_gives_no_tokens() {
    let world = World::new(|settings| settings.autoconfirm = true);
    let made = world.post("/signup", json!({ "email": "a@b", "password": "password" }));
    assert!(made.body["confirmed_at"].is_string() && made.body.get("access_token").is_none());
    assert_eq!(made.body["user_metadata"], Value::Null);
    assert!(world.mails.0.lock().unwrap().is_empty());
    assert_eq!(world.log_in("a@b", "password").status, 200);
}

#[test]
fn what_verify_refuses() {
    let world = World::new(|_| {});
    for (body, status, error) in [
        ("", 400, "Could not read verification params: the JSON document ends too early (line 1, column 0)"),
        (r#"{"type":"signup"}"#, 422, "Verify requires a token"),
        (r#"{"type":"signup","token":""}"#, 422, "Verify requires a token"),
        (r#"{"type":"signup","token":" "}"#, 422, "Verify requires a token"),
        (r#"{"token":"x"}"#, 422, "Verify requires a verification type"),
        (r#"{"token":"x","type":"magiclink"}"#, 422, "Verify requires a verification type"),
        (r#"{"token":"x","type":"signup"}"#, 404, "User not found"),
        (r#"{"token":"x","type":"recovery"}"#, 404, "User not found"),
    ] {
        let answer = world.ask("POST", "/verify").text(body).send();
        assert_eq!((answer.status, answer.error().as_str()), (status, error), "{body}");
    }
    world.post("/signup", json!({ "email": "a@b", "password": "password" }));
    let token = world.mailed();
    assert_eq!(world.post("/verify", json!({ "type": "recovery", "token": token })).status, 404, "of another kind");
    world.wait(DAY);
    let late = world.post("/verify", json!({ "type": "signup", "token": token }));
    assert_eq!((late.status, late.error().as_str()), (422, "Confirmation token expired"));
}

#[test]
fn recovery() {
    let world = World::new(|_| {});
    world.user("a@b.example");
    assert_eq!(world.post("/recover", json!({})).error(), "Password recovery requires an email");
    let unknown = world.post("/recover", json!({ "email": "nobody@b.example" }));
    assert_eq!((unknown.status, unknown.body), (200, json!({})));
    assert!(world.mails.0.lock().unwrap().is_empty());
    assert_eq!(world.post("/recover", json!({ "email": "A@b.example" })).body, json!({}));
    assert!(world.mails.0.lock().unwrap()[0].link.contains("/#recovery_token="));
    let verified = world.post("/verify", json!({ "type": "recovery", "token": world.mailed() }));
    assert_eq!(verified.status, 200);
    // Logged in before the password is changed.
    let access = verified.body["access_token"].as_str().unwrap();
    let changed = world.ask("PUT", "/user").bearer(access).json(json!({ "password": "new" })).send();
    assert_eq!(changed.status, 200);
    assert_eq!(world.log_in("a@b.example", "password").status, 400);
    assert_eq!(world.log_in("a@b.example", "new").status, 200);

    world.post("/recover", json!({ "email": "a@b.example" }));
    world.wait(DAY);
    let late = world.post("/verify", json!({ "type": "recovery", "token": world.mailed() }));
    assert_eq!((late.status, late.error().as_str()), (422, "Recovery token expired"));

    let strict = World::new(|settings| settings.strict = true);
    strict.user("a@b");
    assert_eq!(strict.post("/recover", json!({ "email": "a@b" })).status, 200);
    let soon = strict.post("/recover", json!({ "email": "a@b" }));
    assert_eq!((soon.status, soon.error().as_str()), (429, "Rate limit exceeded, try again later"));
    assert_eq!(soon.field("retry-after"), "900");
}

#[test]
fn recovery_confirms_who_never_did() {
    let world = World::new(|_| {});
    world.post("/signup", json!({ "email": "a@b", "password": "password" }));
    world.post("/recover", json!({ "email": "a@b" }));
    assert_eq!(world.post("/verify", json!({ "type": "recovery", "token": world.mailed() })).status, 200);
    assert_eq!(world.log_in("a@b", "password").status, 200);
}

#[test]
fn what_token_refuses() {
    let world = World::new(|_| {});
    world.user("a@b");
    let wrong = "invalid_grant: No user found with that email, or password invalid.";
    for (body, error) in [
        ("", "unsupported_grant_type"),
        (r#"{"grant_type":"password"}"#, "unsupported_grant_type"),
        ("grant_type=magic", "unsupported_grant_type"),
        ("grant_type=password", wrong),
        ("grant_type=password&username=a@b&password=x", wrong),
        ("grant_type=password&username=nobody@b&password=password", wrong),
        ("grant_type=refresh_token", "invalid_request: refresh_token required"),
        ("grant_type=refresh_token&refresh_token=", "invalid_request: refresh_token required"),
        ("grant_type=refresh_token&refresh_token=x", "invalid_grant: Invalid Refresh Token"),
    ] {
        let answer = world.ask("POST", "/token").form(body).send();
        assert_eq!((answer.status, answer.error().as_str()), (400, error), "{body}");
    }
    // What is no form is not read as one.
    for kind in ["application/json", "text/plain", "multipart/form-data; boundary=x"] {
        let body = "grant_type=password&username=a@b&password=password";
        let answer = world.ask("POST", "/token").field("content-type", kind).text(body).send();
        assert_eq!((answer.status, answer.error().as_str()), (400, "unsupported_grant_type"), "{kind}");
    }
    // The form may stand in the query.
    let asked = world.ask("POST", "/token?grant_type=password&username=a%40b&password=password").send();
    assert_eq!(asked.status, 200);
    let session = world
        .ask("POST", "/token")
        .field("x-use-cookie", "session")
        .form("grant_type=password&username=a@b&password=password")
        .send();
    let access = session.body["access_token"].as_str().unwrap();
    assert_eq!(session.field("set-cookie"), format!("nf_jwt={access}; Path=/; HttpOnly; Secure"));
}

#[test]
fn the_cookie_that_nobody_asks_for() {
    let world = World::new(|_| {});
    world.user("a@b");
    let form = "grant_type=password&username=a@b&password=password";
    let at = |world: &World, origin: &str, page: Option<&str>| {
        let ask = world.ask("POST", "/token").origin(origin).form(form);
        let answer = page
            .map_or_else(|| world.ask("POST", "/token").origin(origin).form(form), |page| ask.field("origin", page))
            .send();
        answer.field("set-cookie").split_once(';').map(|(_, attributes)| attributes.to_owned())
    };
    let readable = Some(" Path=/; SameSite=Lax".to_owned());
    for origin in ["http://127.0.0.1:8888", "http://localhost:8888", "http://[::1]:8888", "http://localhost"] {
        assert_eq!(at(&world, origin, None), readable, "{origin}");
        assert_eq!(at(&world, origin, Some(origin)), readable, "{origin}");
    }
    assert_eq!(at(&world, ORIGIN, None), None);
    let changes: [fn(&mut Settings); 2] =
        [|settings| settings.strict = true, |settings| settings.cookie = CookieMode::Asked];
    for change in changes {
        let world = World::new(change);
        world.user("a@b");
        assert_eq!(at(&world, "http://127.0.0.1:8888", None), None);
    }
}

#[test]
fn refresh_tokens_rotate() {
    let world = World::new(|_| {});
    let id = world.user("a@b");
    let first = world.log_in("a@b", "password").body["refresh_token"].as_str().unwrap().to_owned();
    world.change(&id, json!({ "app_metadata": { "roles": ["admin"] } }));
    let answer = world.refresh(&first);
    assert_eq!(answer.status, 200);
    let second = answer.body["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    // The roles come with the next token.
    let claims = world.claims(answer.body["access_token"].as_str().unwrap());
    assert_eq!(claims["app_metadata"]["roles"], json!(["admin"]));
    // Two tabs that refresh at once get the same.
    world.wait(Duration::from_secs(9));
    assert_eq!(world.refresh(&first).body["refresh_token"], json!(second));
    world.wait(Duration::from_secs(1));
    let late = world.refresh(&first);
    assert_eq!(late.error(), "invalid_grant: Invalid Refresh Token");
    assert!(late.field("set-cookie").contains("Max-Age=0"));
    // Nothing else is revoked by that.
    let third = world.refresh(&second);
    assert_eq!(third.status, 200);
    let third = third.body["refresh_token"].as_str().unwrap().to_owned();
    world.wait(30 * DAY);
    assert_eq!(world.refresh(&third).error(), "invalid_grant: Refresh token expired");
}

#[test]
fn a_refresh_token_after_a_log_out_or_without_its_user() {
    let world = World::new(|_| {});
    let id = world.user("a@b");
    let first = world.log_in("a@b", "password").body["refresh_token"].as_str().unwrap().to_owned();
    let next = world.refresh(&first);
    world.ask("POST", "/logout").bearer(next.body["access_token"].as_str().unwrap()).send();
    for token in [&first, next.body["refresh_token"].as_str().unwrap()] {
        assert_eq!(world.refresh(token).status, 400, "also within the grace");
    }
    let log_in = world.log_in("a@b", "password");
    let removed = world.ask("DELETE", &format!("/admin/users/{id}")).bearer(world.service.operator_token()).send();
    assert_eq!((removed.status, removed.body), (200, json!({})));
    let refused = world.refresh(log_in.body["refresh_token"].as_str().unwrap());
    assert_eq!(refused.error(), "invalid_grant: Invalid Refresh Token");
    let user = world.ask("GET", "/user").bearer(log_in.body["access_token"].as_str().unwrap()).send();
    assert_eq!((user.status, user.error().as_str()), (404, "User not found"));
    assert!(user.field("set-cookie").contains("Max-Age=0"));
}

#[test]
fn strict_has_no_grace_and_leaves_the_cookie() {
    let world = World::new(|settings| settings.strict = true);
    world.user("a@b");
    let first = world.log_in("a@b", "password").body["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(world.refresh(&first).status, 200);
    assert_eq!(world.refresh(&first).status, 400);
    assert_eq!(world.refresh("unknown").field("set-cookie"), "");
    assert!(World::new(|_| {}).refresh("unknown").field("set-cookie").contains("Max-Age=0"));
}

#[test]
fn attempts_are_limited() {
    let world = World::new(|settings| settings.token_attempts = 3);
    world.user("a@b");
    for _ in 0..5 {
        assert_eq!(world.log_in("a@b", "password").status, 200, "who has the password is not limited");
    }
    for _ in 0..3 {
        assert_eq!(world.log_in("a@b", "guess").status, 400);
    }
    let limited = world.log_in("a@b", "password");
    assert_eq!((limited.status, limited.error().as_str()), (429, "Rate limit exceeded"));
    assert_eq!(limited.field("retry-after"), "100");
    let other = world
        .ask("POST", "/token")
        .client([127, 0, 0, 2])
        .form("grant_type=password&username=a@b&password=password")
        .send();
    assert_eq!(other.status, 200);
    world.wait(Duration::from_secs(100));
    assert_eq!(world.log_in("a@b", "password").status, 200);
}

#[test]
fn bearer_tokens() {
    let world = World::new(|_| {});
    let id = world.user("a@b");
    let good = world.access("a@b");
    let now = 1_700_000_000;
    let signed = |claims: Value| format!("Bearer {}", world.sign(claims));
    let none = "This endpoint requires a Bearer token";
    for (authorization, expected) in [
        (String::new(), none),
        (good.clone(), none),
        ("Basic YTpi".to_owned(), none),
        (format!("Bearer {good}x"), "Invalid token: "),
        ("Bearer x".to_owned(), "Invalid token: "),
        (signed(json!({ "sub": id, "exp": now })), "Invalid token: "),
        (signed(json!({ "sub": id })), "Invalid token: "),
        (signed(json!({ "exp": now + 9 })), "Invalid token: it names no user"),
        (signed(json!({ "exp": now + 9, "kind": "state" })), "Invalid token: it names no user"),
    ] {
        for (method, target) in [
            ("GET", "/user"),
            ("PUT", "/user"),
            ("POST", "/logout"),
            ("GET", "/admin/users"),
            ("POST", "/invite"),
            ("GET", "/admin/audit"),
        ] {
            let answer = world
                .ask(method, target)
                .field("authorization", &authorization)
                .field("cookie", &format!("nf_jwt={good}"))
                .send();
            assert_eq!(answer.status, 401, "{method} {target}");
            assert!(answer.error().starts_with(expected), "{target}: {}", answer.error());
            assert!(answer.field("set-cookie").contains("Max-Age=0"));
        }
    }
    assert_eq!(world.ask("GET", "/user").field("authorization", &format!("bearer {good}")).send().status, 200);
    let other = world.ask("GET", "/user").bearer(&good).field("x-jwt-aud", "other").send();
    assert_eq!((other.status, other.error().as_str()), (400, "Token audience doesn't match request audience"));
}

#[test]
fn audiences() {
    let world = World::new(|settings| settings.autoconfirm = true);
    for aud in ["", "api"] {
        let made = world
            .ask("POST", "/signup")
            .field("x-jwt-aud", aud)
            .json(json!({ "email": "a@b", "password": aud.to_owned() + "x" }))
            .send();
        assert_eq!((made.status, &made.body["aud"]), (200, &json!(aud)), "one address, two audiences");
    }
    let answer = world
        .ask("POST", "/token")
        .field("x-jwt-aud", "api")
        .form("grant_type=password&username=a@b&password=apix")
        .send();
    let access = answer.body["access_token"].as_str().unwrap();
    assert_eq!(world.claims(access)["aud"], "api", "a text");
    assert_eq!(world.ask("GET", "/user").bearer(access).send().body["aud"], "api");
    assert_eq!(world.log_in("a@b", "x").status, 200);
}

#[test]
fn changing_the_own_account() {
    let world = World::new(|_| {});
    world.user("a@b.example");
    world.user("other@b.example");
    let access = world.access("a@b.example");
    let put = |body: Value| world.ask("PUT", "/user").bearer(&access).json(body).send();
    assert_eq!(world.ask("PUT", "/user").bearer(&access).text("x").send().status, 400);
    assert_eq!(put(json!({ "data": { "a": 1, "b": 2 } })).body["user_metadata"], json!({ "a": 1, "b": 2 }));
    assert_eq!(put(json!({ "data": { "a": null, "c": 3 } })).body["user_metadata"], json!({ "b": 2, "c": 3 }));
    assert_eq!(put(json!({ "email": "nonsense" })).status, 422);
    let taken = put(json!({ "email": "Other@b.example" }));
    assert_eq!((taken.status, taken.error().as_str()), (422, "Email address already registered by another user"));
    assert_eq!(put(json!({ "email_change_token": "x" })).error(), "Email Change Token didn't match token on file");

    let asked = put(json!({ "email": "new@b.example" }));
    assert_eq!((&asked.body["email"], &asked.body["new_email"]), (&json!("a@b.example"), &json!("new@b.example")));
    assert_eq!(world.mails.0.lock().unwrap().last().unwrap().to, "new@b.example");
    let token = world.mailed();
    let other = world
        .ask("PUT", "/user")
        .bearer(&world.access("other@b.example"))
        .json(json!({ "email_change_token": token }))
        .send();
    assert_eq!(other.status, 401, "it is somebody else's");
    let changed = put(json!({ "email_change_token": token }));
    assert_eq!((&changed.body["email"], changed.body.get("new_email")), (&json!("new@b.example"), None));
    assert_eq!(put(json!({ "email_change_token": token })).status, 401, "once");
    assert_eq!(world.log_in("a@b.example", "password").status, 400);
    assert_eq!(world.log_in("new@b.example", "password").status, 200);

    let access = world.access("new@b.example");
    world.ask("PUT", "/user").bearer(&access).json(json!({ "email": "third@b.example" })).send();
    let token = world.mailed();
    world.wait(DAY);
    let access = world.access("new@b.example");
    let late = world.ask("PUT", "/user").bearer(&access).json(json!({ "email_change_token": token })).send();
    assert_eq!((late.status, late.error().as_str()), (422, "Email change token expired"));
}

#[test]
fn an_address_that_somebody_else_took_meanwhile() {
    let world = World::new(|_| {});
    world.user("a@b.example");
    let access = world.access("a@b.example");
    world.ask("PUT", "/user").bearer(&access).json(json!({ "email": "new@b.example" })).send();
    let token = world.mailed();
    world.user("new@b.example");
    let late = world.ask("PUT", "/user").bearer(&access).json(json!({ "email_change_token": token })).send();
    assert_eq!((late.status, late.error().as_str()), (422, "Email address already registered by another user"));
}

/// A link shows who reads the address that it was mailed to, and no other.
#[test]
fn a_mailed_link_goes_with_its_address() {
    let world = World::new(|_| {});
    let verify = |kind: &str, token: &str| world.post("/verify", json!({ "type": kind, "token": token })).status;
    let id = world.user("old@b.example");
    world.post("/recover", json!({ "email": "old@b.example" }));
    let recovery = world.mailed();
    let access = world.access("old@b.example");
    let own = |changes: Value| world.ask("PUT", "/user").bearer(&access).json(changes).send().status;
    // In another case it is the same address.
    assert_eq!(world.change(&id, json!({ "email": "Old@b.example" })).status, 200);
    assert_eq!(own(json!({ "email": "new@b.example" })), 200);
    assert_eq!(own(json!({ "email_change_token": world.mailed() })), 200);
    assert_eq!(verify("recovery", &recovery), 404);

    let made = world.post("/signup", json!({ "email": "a@b.example", "password": "password" }));
    let confirmation = world.mailed();
    let id = made.body["id"].as_str().unwrap();
    assert_eq!(world.change(id, json!({ "email": "other@b.example" })).status, 200);
    assert_eq!(verify("signup", &confirmation), 404);

    let kept = world.user("kept@b.example");
    world.post("/recover", json!({ "email": "kept@b.example" }));
    assert_eq!(world.change(&kept, json!({ "email": "KEPT@b.example", "confirm": true })).status, 200);
    assert_eq!(verify("recovery", &world.mailed()), 200);
}

#[test]
fn two_fields_are_called_role() {
    let world = World::new(|_| {});
    let editor = world.user("editor@b");
    world.change(&editor, json!({ "app_metadata": { "roles": ["admin"] } }));
    let refused = world.ask("GET", "/admin/users").bearer(&world.access("editor@b")).send();
    assert_eq!(
        (refused.status, refused.error().as_str()),
        (401, "User not allowed"),
        "the gate's admin is not GoTrue's"
    );
    let admin = world.user("admin@b");
    world.change(&admin, json!({ "role": "admin" }));
    let access = world.access("admin@b");
    assert_eq!(world.ask("GET", "/admin/users").bearer(&access).send().status, 200);
    assert_eq!(tokens::roles(world.claims(&access).as_object().unwrap()).count(), 0, "and the other way round");
    let own = world.ask("PUT", "/user").bearer(&access).json(json!({ "app_metadata": { "roles": ["x"] } })).send();
    assert_eq!(own.body["app_metadata"], json!({ "provider": "email", "roles": ["x"] }));
    // What was an admin when the token was made.
    world.change(&admin, json!({ "role": "" }));
    assert_eq!(world.ask("GET", "/admin/users").bearer(&access).send().status, 401);
}

#[test]
fn whoever_has_the_secret_is_the_system() {
    let world = World::new(|_| {});
    for sub in ["0", "00000000-0000-0000-0000-000000000000"] {
        let token = world.sign(json!({ "exp": 1_700_000_060, "sub": sub }));
        assert_eq!(world.ask("GET", "/admin/users").bearer(&token).send().status, 200, "{sub}");
    }
    for sub in ["1", "00", "00000000-0000-0000-0000-000000000001", " 0"] {
        let token = world.sign(json!({ "exp": 1_700_000_060, "sub": sub, "role": "admin" }));
        assert_eq!(world.ask("GET", "/admin/users").bearer(&token).send().status, 401, "{sub}");
    }
}

#[test]
fn invitations() {
    let world = World::new(|settings| settings.disable_signup = true);
    let operator = world.service.operator_token().to_owned();
    let invite = |body: Value| world.ask("POST", "/invite").bearer(&operator).json(body).send();
    assert_eq!(world.ask("POST", "/invite").bearer(&operator).text("x").send().status, 400);
    assert_eq!(invite(json!({})).error(), "An email address is required");
    let made = invite(json!({ "email": "a@b", "data": { "full_name": "A" } }));
    assert_eq!(made.status, 200);
    assert!(made.body["invited_at"].is_string() && made.body.get("confirmed_at").is_none());
    assert!(world.mails.0.lock().unwrap()[0].link.contains("/#invite_token="));
    let token = world.mailed();
    let bare = world.post("/verify", json!({ "type": "signup", "token": token }));
    assert_eq!((bare.status, bare.error().as_str()), (422, "Invited users must specify a password"));
    let accepted = world.post("/verify", json!({ "type": "signup", "token": token, "password": "password" }));
    assert_eq!(accepted.status, 200);
    assert_eq!(world.log_in("a@b", "password").status, 200);
    let again = invite(json!({ "email": "A@b" }));
    assert_eq!((again.status, again.error().as_str()), (422, "Email address already registered by another user"));

    invite(json!({ "email": "late@b" }));
    let token = world.mailed();
    world.wait(7 * DAY);
    let late = world.post("/verify", json!({ "type": "signup", "token": token, "password": "x" }));
    assert_eq!((late.status, late.error().as_str()), (422, "Confirmation token expired"));
    // Another invitation is another token.
    invite(json!({ "email": "late@b" }));
    assert_eq!(
        world.post("/verify", json!({ "type": "signup", "token": world.mailed(), "password": "x" })).status,
        200
    );
}

#[test]
fn whoever_is_invited_and_signs_up_is_invited_again() {
    for autoconfirm in [false, true] {
        let world = World::new(|settings| settings.autoconfirm = autoconfirm);
        let invite = json!({ "email": "a@b" });
        assert_eq!(world.ask("POST", "/invite").bearer(world.service.operator_token()).json(invite).send().status, 200);
        let signed_up = world.post("/signup", json!({ "email": "a@b", "password": "chosen by anybody" }));
        assert_eq!((signed_up.status, signed_up.body.get("confirmed_at")), (200, None));
        assert!(world.mails.0.lock().unwrap().last().unwrap().link.contains("/#invite_token="));
        let accepted = json!({ "type": "signup", "token": world.mailed(), "password": "password" });
        assert_eq!(world.post("/verify", accepted).status, 200);
        assert_eq!(world.log_in("a@b", "chosen by anybody").status, 400);
        assert_eq!(world.log_in("a@b", "password").status, 200);
    }
}

#[test]
fn users_by_the_operator() {
    let world = World::new(|_| {});
    let operator = world.service.operator_token().to_owned();
    let ask = |method: &str, target: &str| world.ask(method, target).bearer(&operator);
    let made = ask("POST", "/admin/users")
        .json(json!({ "email": "a@b", "password": "password", "role": "admin", "user_metadata": { "x": 1 }, "app_metadata": { "roles": ["ignored"] } }))
        .send();
    assert_eq!(made.body["app_metadata"], json!({ "provider": "email" }));
    assert_eq!((&made.body["role"], &made.body["user_metadata"]), (&json!("admin"), &json!({ "x": 1 })));
    assert_eq!(world.log_in("a@b", "password").error(), "invalid_grant: Email not confirmed");
    let id = made.body["id"].as_str().unwrap();
    let again = ask("POST", "/admin/users").json(json!({ "email": "A@B", "password": "x" })).send();
    assert_eq!((again.status, again.error().as_str()), (422, "Email address already registered by another user"));

    let shown = ask("GET", &format!("/admin/users/{id}")).send();
    assert_eq!(shown.body, made.body);
    for method in ["GET", "PUT", "DELETE"] {
        let none = ask(method, "/admin/users/x").json(json!({})).send();
        assert_eq!((none.status, none.error().as_str()), (400, "user_id must be an UUID"));
        let none = ask(method, "/admin/users/6b0f2f6c-7d7c-4f43-a2cd-6ad4a5b5b5c5").json(json!({})).send();
        assert_eq!((none.status, none.error().as_str()), (404, "User not found"));
    }
    let changed = world.change(
        id,
        json!({ "confirm": true, "password": "new", "role": "", "email": "c@d", "app_metadata": { "roles": ["a", "b"] }, "user_metadata": { "x": null, "y": 2 } }),
    );
    assert_eq!((&changed.body["role"], &changed.body["email"]), (&json!(""), &json!("c@d")));
    assert_eq!(changed.body["app_metadata"], json!({ "provider": "email", "roles": ["a", "b"] }));
    assert_eq!(changed.body["user_metadata"], json!({ "y": 2 }));
    assert_eq!(world.log_in("c@d", "new").status, 200);
    world.user("e@f");
    assert_eq!(world.change(id, json!({ "email": "E@f" })).status, 422);
    let removed = ask("DELETE", &format!("/admin/users/{id}")).send();
    assert_eq!((removed.status, removed.body), (200, json!({})));
    assert_eq!(world.log_in("c@d", "new").status, 400);
    assert_eq!(ask("GET", &format!("/admin/users/{id}")).send().status, 404);
    // The address is free again.
    world.user("c@d");
}

#[test]
fn lists() {
    let world = World::new(|_| {});
    for number in 0..5 {
        world.user(&format!("user{number}@b"));
        world.wait(Duration::from_secs(1));
    }
    let operator = world.service.operator_token().to_owned();
    let list = |query: &str| world.ask("GET", &format!("/admin/users{query}")).bearer(&operator).send();
    let emails = |query: &str| {
        let answer = list(query);
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        answer.body["users"]
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["email"].as_str().unwrap()[4..5].to_owned())
            .collect::<String>()
    };
    assert_eq!(list("").body["aud"], "");
    for (query, expected) in [
        ("", "43210"),
        ("?sort=created_at%20asc", "01234"),
        ("?sort=created_at+desc", "43210"),
        ("?per_page=2", "43"),
        ("?per_page=2&page=2", "21"),
        ("?per_page=2&page=3", "0"),
        ("?per_page=2&page=4", ""),
        ("?filter=USER3", "3"),
        ("?filter=nobody", ""),
    ] {
        assert_eq!(emails(query), expected, "{query}");
    }
    let page = list("?per_page=2&page=2&filter=user");
    assert_eq!(page.field("x-total-count"), "5");
    assert_eq!(
        page.field("link"),
        format!(
            "<{ORIGIN}/.netlify/identity/admin/users?page=3&per_page=2&filter=user>; rel=\"next\", \
             <{ORIGIN}/.netlify/identity/admin/users?page=1&per_page=2&filter=user>; rel=\"prev\", \
             <{ORIGIN}/.netlify/identity/admin/users?page=3&per_page=2&filter=user>; rel=\"last\""
        )
    );
    assert!(list("?per_page=2&page=9").field("link").contains("page=3&per_page=2>; rel=\"prev\""));
    // Users of another audience are not among them.
    let elsewhere = json!({ "email": "user0@b", "password": "password" });
    assert_eq!(world.ask("POST", "/signup").field("x-jwt-aud", "other").json(elsewhere).send().status, 200);
    let total = |aud: &str| {
        let asked = world.ask("GET", "/admin/users?per_page=2").bearer(&operator).field("x-jwt-aud", aud).send();
        asked.field("x-total-count").to_owned()
    };
    assert_eq!([total(""), total("other"), total("nobody"), total("othe")], ["5", "1", "0", "0"]);
    for query in ["?page=x", "?per_page=-1"] {
        assert!(list(query).error().starts_with("Bad Pagination Parameters: "));
    }
    assert!(list("?sort=email").error().starts_with("Bad Sort Parameters: "));
    let id = world.user("named@b");
    world.change(&id, json!({ "user_metadata": { "full_name": "Grace Hopper" } }));
    assert_eq!(list("?filter=hopper").field("x-total-count"), "1");
}

#[test]
fn the_audit_log() {
    let world = World::new(|_| {});
    world.user("a@b");
    world.access("a@b");
    world.log_in("a@b", "wrong");
    let operator = world.service.operator_token().to_owned();
    let log = |query: &str| world.ask("GET", &format!("/admin/audit{query}")).bearer(&operator).send();
    let entries = log("");
    let actions: Vec<&str> =
        entries.body.as_array().unwrap().iter().map(|entry| entry["payload"]["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["login", "user_signedup"], "the newest first");
    let entry = &entries.body[0];
    assert_eq!((&entry["payload"]["actor_email"], &entry["payload"]["log_type"]), (&json!("a@b"), &json!("account")));
    for (query, count) in [
        ("?query=author:A@b", 1),
        ("?query=action:login", 1),
        ("?query=type:team", 1),
        ("?query=type:token", 0),
        ("?per_page=1", 1),
    ] {
        assert_eq!(log(query).body.as_array().unwrap().len(), count, "{query}");
    }
    let bad = log("?query=password:x");
    assert_eq!(bad.status, 400);
    assert!(bad.error().starts_with("Invalid query scope: password"));
    assert!(!entries.body.to_string().contains("password\""));
}

#[test]
fn without_passwords() {
    let world = World::new(|settings| settings.email = false);
    assert_eq!(world.get("/settings").body["external"]["email"], json!(false));
    let made = world.ask("POST", "/admin/users").bearer(world.service.operator_token());
    for answer in [
        world.post("/signup", json!({ "email": "a@b", "password": "x" })),
        world.post("/recover", json!({ "email": "a@b" })),
        world.log_in("a@b", "x"),
        world.refresh("x"),
        made.json(json!({ "email": "a@b" })).send(),
    ] {
        assert_eq!((answer.status, answer.error().as_str()), (400, "Unsupported email provider"));
    }
    assert_eq!(world.ask("POST", "/admin/users").json(json!({ "email": "a@b" })).send().status, 401);
}

#[test]
fn event_functions() {
    let urls = HookUrls {
        validate: Some("http://127.0.0.1:9/validate".to_owned()),
        signup: Some("http://127.0.0.1:9/signup".to_owned()),
        login: Some("http://127.0.0.1:9/login".to_owned()),
        ..HookUrls::default()
    };
    let world = World::new(|settings| settings.hooks = urls);
    let body = json!({ "email": "a@b", "password": "password", "data": { "x": 1 } });
    world.post("/signup", body.clone());
    let (fields, document) = world.hooks.asked.lock().unwrap()[0].clone();
    assert_eq!(fields[0], ("X-Netlify-Event".to_owned(), "identity_validate".to_owned()));
    assert_eq!((&document["event"], &document["user"]["email"]), (&json!("validate"), &json!("a@b")));
    assert!(document["instance_id"].as_str().unwrap().len() == 36);
    assert_eq!(fields[1].0, "X-Webhook-Signature");
    // Its signature opens nothing.
    assert_eq!(world.ask("GET", "/admin/users").bearer(&fields[1].1).send().status, 401);

    let roles = br#"{"app_metadata":{"roles":["member"]}}"#.to_vec();
    world.hooks.answers.lock().unwrap().push(Ok((200, roles)));
    let verified = world.post("/verify", json!({ "type": "signup", "token": world.mailed() }));
    let claims = world.claims(verified.body["access_token"].as_str().unwrap());
    // The whole map is replaced, and only the one that is named.
    assert_eq!(claims["app_metadata"], json!({ "roles": ["member"] }));
    assert_eq!(claims["user_metadata"], json!({ "x": 1 }));

    world.hooks.answers.lock().unwrap().push(Ok((200, br#"{"app_metadata":{"roles":["today"]}}"#.to_vec())));
    let logged_in = world.log_in("a@b", "password");
    let claims = world.claims(logged_in.body["access_token"].as_str().unwrap());
    assert_eq!(claims["app_metadata"], json!({ "roles": ["today"] }), "in the token of the same log-in");
    let asked = world.hooks.asked.lock().unwrap().len();
    world.refresh(logged_in.body["refresh_token"].as_str().unwrap());
    assert_eq!(world.hooks.asked.lock().unwrap().len(), asked, "nobody is asked at a refresh");

    let timed_out = || Err(io::Error::from(io::ErrorKind::TimedOut));
    for (answers, status, error) in [
        (vec![Ok((500, vec![])), Ok((403, vec![])), Ok((500, vec![]))], 422, "Failed to handle validate webhook"),
        (vec![timed_out(), timed_out(), timed_out()], 504, "Failed to perform webhook in time frame (5s)"),
        (vec![Err(io::Error::from(io::ErrorKind::ConnectionRefused))], 502, "Failed to reach validate webhook"),
        (
            vec![Ok((200, b"<html>".to_vec())), Ok((200, b"[]".to_vec())), Ok((200, b"1".to_vec()))],
            422,
            "Failed to handle validate webhook",
        ),
    ] {
        *world.hooks.answers.lock().unwrap() = answers;
        let refused = world.post("/signup", json!({ "email": "c@d", "password": "x" }));
        assert_eq!((refused.status, refused.error().as_str()), (status, error));
    }
    // Whoever was refused is not there; a function that answers at the third try is heard.
    *world.hooks.answers.lock().unwrap() = vec![Ok((500, vec![])), timed_out(), Ok((202, vec![]))];
    assert_eq!(world.post("/signup", json!({ "email": "c@d", "password": "x" })).status, 200);
}

/// An admin's change is told when it is made, whatever comes back.
#[test]
fn functions_are_told_what_an_admin_did() {
    let urls = HookUrls {
        usermodified: Some("http://127.0.0.1:9/modified".to_owned()),
        userdeleted: Some("http://127.0.0.1:9/deleted".to_owned()),
        ..HookUrls::default()
    };
    let world = World::new(|settings| settings.hooks = urls);
    let id = world.user("a@b");
    assert!(world.hooks.asked.lock().unwrap().is_empty(), "nobody is changed or removed yet");
    let answers = vec![Ok((200, br#"{"app_metadata":{"roles":["admin"]}}"#.to_vec()))];
    *world.hooks.answers.lock().unwrap() = answers;
    assert_eq!(world.change(&id, json!({ "role": "x" })).status, 200);
    *world.hooks.answers.lock().unwrap() = (0..3).map(|_| Ok((500, vec![]))).collect();
    let changed = world.change(&id, json!({ "app_metadata": { "roles": ["editor"] } }));
    assert_eq!((changed.status, &changed.body["app_metadata"]["roles"]), (200, &json!(["editor"])));
    let own = world.ask("PUT", "/user").bearer(&world.access("a@b")).json(json!({ "data": { "x": 1 } })).send();
    assert_eq!(own.status, 200);
    let removed = world.ask("DELETE", &format!("/admin/users/{id}")).bearer(world.service.operator_token()).send();
    assert_eq!((removed.status, removed.body), (200, json!({})));
    assert_eq!(world.change(&id, json!({ "role": "x" })).status, 404);
    let asked = world.hooks.asked.lock().unwrap();
    let told: Vec<_> = asked
        .iter()
        .map(|(fields, document)| (fields[0].1.as_str(), document["user"]["app_metadata"]["roles"].clone()))
        .collect();
    let modified = "identity_usermodified";
    assert_eq!(
        told,
        [
            (modified, Value::Null),
            (modified, json!(["editor"])),
            (modified, json!(["editor"])),
            (modified, json!(["editor"])),
            ("identity_userdeleted", json!(["editor"])),
        ]
    );
}

/// While a slow function is asked, an admin takes a role away: it is not there again when the function answers.
#[test]
fn what_an_admin_does_meanwhile_stays() {
    let function = Some("http://127.0.0.1:9/".to_owned());
    let urls = HookUrls { signup: function.clone(), login: function, ..HookUrls::default() };
    let store: Arc<dyn Store> = Arc::new(FileStore::in_memory().unwrap());
    let world = World::over(store.clone(), |settings| settings.hooks = urls);
    let taken_away = |email: &'static str| {
        let store = store.clone();
        *world.hooks.meanwhile.lock().unwrap() = Some(Box::new(move || {
            let mut transaction = store.write().unwrap();
            let mut user = transaction.user_by_email("", email).unwrap().unwrap();
            user.app_metadata.shift_remove("roles");
            transaction.put_user(&user).unwrap();
            transaction.commit().unwrap();
        }));
    };
    let roles = json!({ "app_metadata": { "roles": ["admin"] } });
    let id = world.user("a@b");
    world.change(&id, roles.clone());
    taken_away("a@b");
    *world.hooks.answers.lock().unwrap() = vec![Ok((200, br#"{"user_metadata":{"x":1}}"#.to_vec()))];
    let claims = world.claims(world.log_in("a@b", "password").body["access_token"].as_str().unwrap());
    assert_eq!((&claims["app_metadata"]["roles"], &claims["user_metadata"]), (&Value::Null, &json!({ "x": 1 })));

    let invited = world.ask("POST", "/invite").bearer(world.service.operator_token());
    let invited = invited.json(json!({ "email": "c@d" })).send();
    world.change(invited.body["id"].as_str().unwrap(), roles);
    taken_away("c@d");
    let body = json!({ "type": "signup", "token": world.mailed(), "password": "password" });
    let claims = world.claims(world.post("/verify", body).body["access_token"].as_str().unwrap());
    assert_eq!(claims["app_metadata"]["roles"], Value::Null);
}

/// Somebody signs up for the address of somebody else, who then comes by a provider, or is invited: the password that the
/// first one chose opens nothing.
#[test]
fn a_password_of_before_is_not_confirmed_by_others() {
    let world = World::new(|settings| settings.providers = vec!["github".to_owned()]);
    world.post("/signup", json!({ "email": "ada@b", "password": "eve's" }));
    let state = world.get("/authorize?provider=github").field("location").split_once("state=").unwrap().1.to_owned();
    let form = format!("state={state}&answer=allow&email=ada%40b&name=Ada&verified=yes");
    let back = world.ask("POST", "/stand-in").form(&form).send().field("location").to_owned();
    let entered = world.get(back.split_once("/.netlify/identity").unwrap().1);
    assert!(entered.field("location").contains("#access_token="), "{entered:?}");
    assert_eq!(world.log_in("ada@b", "eve's").status, 400, "by a provider");

    world.post("/signup", json!({ "email": "grace@b", "password": "eve's" }));
    let early = world.mailed();
    let invite = world.ask("POST", "/invite").bearer(world.service.operator_token());
    assert_eq!(invite.json(json!({ "email": "grace@b" })).send().status, 200);
    assert_eq!(world.post("/verify", json!({ "type": "signup", "token": early })).status, 404, "the first mail");
    let link = world.mailed();
    let without = world.post("/verify", json!({ "type": "signup", "token": link }));
    assert_eq!(without.error(), "Invited users must specify a password");
    let accepted = world.post("/verify", json!({ "type": "signup", "token": link, "password": "grace's" }));
    assert_eq!(accepted.status, 200);
    assert_eq!(world.log_in("grace@b", "eve's").status, 400, "by an invitation");
    assert_eq!(world.log_in("grace@b", "grace's").status, 200);
}

#[test]
fn external_log_in() {
    let world = World::new(|settings| settings.providers = vec!["github".to_owned()]);
    assert!(world.get("/authorize?provider=gitlab").error().starts_with("Unsupported provider: "));
    assert_eq!(world.get("/authorize?provider=GitHub").status, 302);
    assert_eq!(world.get("/authorize?provider=github&invite_token=x").status, 404);
    let through = |referrer: &str, person: &str| {
        let sent = world.ask("GET", "/authorize?provider=github").field("referer", referrer).send();
        assert_eq!(sent.status, 302);
        let state = sent.field("location").rsplit_once("state=").unwrap().1.to_owned();
        assert_eq!(world.get(&format!("/stand-in?state={state}")).reply.status, 200);
        let back =
            world.ask("POST", "/stand-in").field("origin", ORIGIN).form(&format!("state={state}&{person}")).send();
        assert_eq!(back.status, 303);
        let target =
            back.field("location").strip_prefix("http://site.localhost:8888/.netlify/identity").unwrap().to_owned();
        let end = world.get(&target);
        assert_eq!(end.status, 302);
        assert_eq!(end.field("set-cookie"), "", "the widget sets the cookie");
        end.field("location").to_owned()
    };
    let ada = "email=ada%40b.example&name=Ada&verified=yes&answer=allow";
    let end = through("http://site.localhost:8888/start?x=1", ada);
    assert!(end.starts_with("http://site.localhost:8888/start?x=1#access_token="), "{end}");
    assert!(end.ends_with("&token_type=bearer") && end.contains("&expires_in=3600&refresh_token="), "{end}");
    let access = end.split_once("access_token=").unwrap().1.split_once('&').unwrap().0;
    let user = world.ask("GET", "/user").bearer(access).send();
    assert_eq!(user.body["app_metadata"], json!({ "provider": "github" }));
    assert_eq!(user.body["user_metadata"], json!({ "full_name": "Ada" }));
    assert!(user.body["confirmed_at"].is_string());
    // The same person again, and back to no other site.
    for referrer in ["http://evil.example/", "http://site.localhost:8888.evil.example/", "http://site.localhost:8889/"]
    {
        assert!(through(referrer, ada).starts_with("http://site.localhost:8888/#access_token="));
    }
    assert_eq!(
        world.ask("GET", "/admin/users").bearer(world.service.operator_token()).send().field("x-total-count"),
        "1"
    );
    assert!(through(ORIGIN, "answer=deny").ends_with("/#error=access_denied&error_description=403"));
    // What is not verified takes nobody's account.
    let id = world.user("grace@b.example");
    let end = through(ORIGIN, "email=grace%40b.example&name=G&answer=allow");
    assert!(end.contains("#error="), "{end}");
    let end = through(ORIGIN, "email=new%40b.example&name=N&answer=allow");
    assert!(!end.contains('#'), "a mail comes first: {end}");
    assert_eq!(world.post("/verify", json!({ "type": "signup", "token": world.mailed() })).status, 200);
    let end = through(ORIGIN, "email=grace%40b.example&name=G&verified=yes&answer=allow");
    let access = end.split_once("access_token=").unwrap().1.split_once('&').unwrap().0;
    assert_eq!(world.claims(access)["sub"], json!(id));
    // What the address bar could hold.
    for state in ["", "x", &world.access("grace@b.example")] {
        let bad = world.get(&format!("/callback?state={state}&code=x"));
        assert_eq!(bad.status, 400);
        assert!(bad.error().starts_with("OAuth state is invalid: "));
    }
}

#[test]
fn an_invitation_through_a_provider() {
    let world = World::new(|settings| settings.providers = vec!["google".to_owned()]);
    world.ask("POST", "/invite").bearer(world.service.operator_token()).json(json!({ "email": "ada@b" })).send();
    let token = world.mailed();
    let through = |person: &str| {
        let sent = world.get(&format!("/authorize?provider=google&invite_token={token}"));
        let state = sent.field("location").rsplit_once("state=").unwrap().1.to_owned();
        let back = world.ask("POST", "/stand-in").form(&format!("state={state}&answer=allow&{person}")).send();
        world
            .get(back.field("location").strip_prefix("http://site.localhost:8888/.netlify/identity").unwrap())
            .field("location")
            .to_owned()
    };
    let other = through("email=eve%40b&verified=yes");
    assert!(other.contains("#error=invalid_request&error_description=Invited%20email%20does%20not%20match"), "{other}");
    assert!(through("email=ADA%40b&verified=yes").contains("#access_token="));
    assert_eq!(world.get(&format!("/authorize?provider=google&invite_token={token}")).status, 404, "once");
}

#[test]
fn pages_of_strangers() {
    let world = World::new(|_| {});
    world.user("a@b");
    for origin in ["http://evil.example", "null", "http://site.localhost:8889", "https://site.localhost:8888"] {
        let answer =
            world.ask("POST", "/signup").field("origin", origin).text(r#"{"email":"x@y","password":"z"}"#).send();
        assert_eq!(answer.status, 403, "{origin}");
        assert_eq!(answer.field("access-control-allow-origin"), "");
        assert_eq!(world.ask("OPTIONS", "/signup").field("origin", origin).send().status, 403);
    }
    assert_eq!(
        world.ask("POST", "/signup").field("origin", ORIGIN).text(r#"{"email":"x@y","password":"z"}"#).send().status,
        200
    );
    let open = World::new(|settings| settings.cors_origins = vec!["http://localhost:3000".to_owned()]);
    let asked = open.ask("OPTIONS", "/token").field("origin", "http://localhost:3000").send();
    assert_eq!(asked.status, 204);
    assert_eq!(asked.field("access-control-allow-origin"), "http://localhost:3000");
    assert!(asked.field("access-control-allow-headers").contains("X-Nf-Client"));
    assert_eq!(open.ask("OPTIONS", "/token").field("origin", "http://localhost:3001").send().status, 403);
}

#[test]
fn who_has_an_account_can_be_hidden() {
    let world = World::new(|settings| settings.hide_users = true);
    world.user("a@b");
    world.post("/signup", json!({ "email": "new@b", "password": "password" }));
    let taken = world.post("/signup", json!({ "email": "a@b", "password": "x" }));
    let free = world.post("/signup", json!({ "email": "free@b", "password": "x" }));
    let names = |answer: &common::Answer| answer.body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!((taken.status, names(&taken)), (200, names(&free)));
    let wrong = "invalid_grant: No user found with that email, or password invalid.";
    assert_eq!(world.log_in("new@b", "wrong").error(), wrong);
    assert_eq!(world.log_in("new@b", "password").error(), "invalid_grant: Email not confirmed");
}

#[test]
fn hashes_of_an_export_are_renewed() {
    let world = World::new(|_| {});
    let id = world.user("a@b");
    let store = world.service.store();
    let read = || store.read().unwrap().user(uuid::Uuid::parse_str(&id).unwrap()).unwrap().unwrap();
    let mut user = read();
    user.password = Some(bcrypt::hash("old one", 4).unwrap());
    let mut transaction = store.write().unwrap();
    transaction.put_user(&user).unwrap();
    transaction.commit().unwrap();
    assert_eq!(world.log_in("a@b", "wrong").status, 400);
    assert_eq!(world.log_in("a@b", "old one").status, 200);
    assert!(read().password.unwrap().starts_with("$argon2id$"));
    assert_eq!(world.log_in("a@b", "old one").status, 200);
}
