//! `gatecheck audit` of sites whose hosts have manners of their own: what is sound is not blamed, and what is broken is found all the same.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

#[path = "common/club.rs"]
mod club;

use club::{SECRET, audit, command, page, server, site, sound, text};

/// What a server answers to a head.
type Answers = Box<dyn Fn(&str) -> String + Send + Sync>;

/// The exit status and the report of an audit, in one line, by a member with the token `a.b.c`.
fn asked(folder: &std::path::Path, answer: Answers, budget: &str) -> (Option<i32>, String) {
    let (url, _) = server(answer);
    let output = audit(folder, &[&url, "--token-command", "member=echo a.b.c", "--budget", budget, "--whole", "9"]);
    (output.status.code(), text(&output).split_whitespace().collect::<Vec<_>>().join(" "))
}

fn target(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

fn is_member(head: &str) -> bool {
    head.to_ascii_lowercase().contains("cookie: nf_jwt=a.b.c")
}

/// A host that prefers another spelling may lose the query on the way, or put it in another order.
#[test]
fn a_host_that_loses_the_query_is_not_blamed() {
    let site = site();
    for keeps in [
        |_: &str| String::new(),
        |query: &str| {
            let parts: Vec<&str> = query.split('&').rev().collect();
            if query.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
        },
    ] {
        let gate = sound(site.path());
        let (code, said) = asked(
            site.path(),
            Box::new(move |head| {
                let (path, query) = target(head).split_once('?').unwrap_or((target(head), ""));
                match path.strip_suffix(".html").filter(|_| path.starts_with("/members")) {
                    Some(bare) => page("308 Permanent Redirect", &format!("Location: {bare}{}\r\n", keeps(query)), ""),
                    None => gate(head),
                }
            }),
            "600",
        );
        assert!(code == Some(0) && said.contains("Role=member shut"), "{said}");
    }
    // Another path than it was is no spelling of it.
    let gate = sound(site.path());
    let (code, said) = asked(
        site.path(),
        Box::new(move |head| match target(head).starts_with("/members/index.html") {
            true => page("308 Permanent Redirect", "Location: /elsewhere\r\n", ""),
            false => gate(head),
        }),
        "600",
    );
    assert!(code == Some(1) && said.contains("Role=member differs"), "{said}");
}

/// A gate for certain parameters closes what can be had with them alone.
#[test]
fn a_gate_that_asks_for_a_query_is_judged_with_it() {
    let site = site();
    let rules = "/start  /  301\n/members/*  id=:id  /members/:splat  200!  Role=member\n/members/*  id=:id  /login  302!\n/members/*  /login  302!\n";
    std::fs::write(site.path().join("_redirects"), rules).unwrap();
    let said = text(&audit(site.path(), &["--budget", "9000"]));
    assert!(said.contains("2 of them closed to somebody") && said.contains("Role=member  shut"), "{said}");
    let said =
        text(&audit(site.path(), &["--broken-gate", "query/not-asked-for", "--budget", "900", "--whole", "999"]));
    assert!(said.contains("/spelling/without-its-query/holder-of-member"), "{said}");
    // Whoever writes the parameter in another way gets it all.
    let gate = sound(site.path());
    let (code, said) = asked(
        site.path(),
        Box::new(move |head| {
            let (path, query) = target(head).split_once('?').unwrap_or((target(head), ""));
            let has_id = query.split('&').any(|pair| pair.starts_with("id=") && pair.len() > 3);
            match path.starts_with("/members") && !has_id && !query.is_empty() {
                true => gate(&format!("GET {path} HTTP/1.1\r\ncookie: nf_jwt=a.b.c\r\n\r\n")),
                false if path.starts_with("/members") && !has_id => page("302 Found", "Location: /login\r\n", ""),
                false => gate(head),
            }
        }),
        "900",
    );
    assert!(code == Some(1) && said.contains("Role=member OPEN"), "{said}");
    assert!(said.contains("The gate stands before those alone who meet its other conditions."), "{said}");
}

/// A public file stays one, though with some parameters a gate stands before it.
#[test]
fn what_can_be_had_without_the_query_is_not_closed() {
    let site = site();
    let rules = "/members/*  id=:id  /members/:splat  200!  Role=member\n/members/*  id=:id  /login  302!\n";
    std::fs::write(site.path().join("_redirects"), rules).unwrap();
    let output = audit(site.path(), &["--budget", "900"]);
    let said = text(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(output.status.code() == Some(0) && said.contains("Role=member no files"), "{said}");
    assert!(said.contains("shown to everybody who does not meet its conditions"), "{said}");
}

#[test]
fn an_older_version_and_other_languages_open_no_gate() {
    let site = site();
    let gate = sound(site.path());
    let as_member = |head: &str| format!("{}\r\ncookie: nf_jwt=a.b.c\r\n\r\n", head.lines().next().unwrap_or_default());
    let plain = gate.clone();
    let (code, said) = asked(
        site.path(),
        Box::new(move |head| match head.contains(" HTTP/1.0\r\n") && head.contains("User-Agent: gatecheck/") {
            true => plain(&as_member(head)),
            false => plain(head),
        }),
        "900",
    );
    assert!(code == Some(1) && said.contains("/spelling/http-1-0/anonymous"), "{said}");
    let rules = "/members/*  /members/:splat  200!  Role=member Language=de\n/members/*  /login  302\n";
    std::fs::write(site.path().join("_redirects"), rules).unwrap();
    let (code, said) = asked(
        site.path(),
        Box::new(move |head| match head.to_ascii_lowercase().contains("accept-language: tlh, de") {
            true => gate(&as_member(head)),
            false => gate(head),
        }),
        "900",
    );
    assert!(code == Some(1) && said.contains("/spelling/language-second/anonymous"), "{said}");
}

/// Closed pages that are deployed in another build than the public ones.
#[test]
fn a_closed_page_that_is_built_elsewhere_is_known_by_what_a_member_got() {
    let site = site();
    let built = |answer: String| match answer.split_once("\r\n\r\n") {
        Some((head, body)) if answer.starts_with("HTTP/1.1 200") => format!("{head}\r\n\r\n{}", body.to_uppercase()),
        _ => answer,
    };
    let gate = sound(site.path());
    let plain = gate.clone();
    let pages = move |head: &str| match target(head).starts_with("/members") {
        true => built(plain(head)),
        false => plain(head),
    };
    let sound_pages = pages.clone();
    let (code, said) = asked(site.path(), Box::new(sound_pages), "900");
    assert!(code == Some(0) && said.contains("Role=member shut"), "{said}");
    assert!(said.contains("came to whoever may have it with other bytes than lie here"), "{said}");
    let (code, said) = asked(
        site.path(),
        Box::new(move |head| match target(head).strip_prefix("/static") {
            Some(path) => pages(&format!("GET {path} HTTP/1.1\r\ncookie: nf_jwt=a.b.c\r\n\r\n")),
            None => pages(head),
        }),
        "900",
    );
    assert!(code == Some(1) && said.contains("Role=member OPEN /static/members/index.html"), "{said}");

    // What everybody with some token is told is no page of the members.
    let plain = gate.clone();
    let (code, said) = asked(
        site.path(),
        Box::new(move |head| match target(head).starts_with("/members") && head.contains("nf_jwt=") {
            true => page("200 OK", "", &"<p>Your session is not known here, please start again.</p>\n".repeat(9)),
            false => plain(head),
        }),
        "300",
    );
    assert!(code == Some(1) && !said.contains("OPEN") && !said.contains("Role=member shut"), "{said}");

    // A public page that greets whoever is signed in is that page all the same.
    let plain = gate.clone();
    let (code, said) = asked(
        site.path(),
        Box::new(move |head| {
            let greets =
                if is_member(head) { "<nav>You are signed in as somebody of the club</nav><p>" } else { "<p>" };
            let answer = plain(head);
            match answer.split_once("\r\n\r\n") {
                Some((_, body)) if answer.starts_with("HTTP/1.1 200") => {
                    page("200 OK", "", &body.replacen("<p>", greets, 1))
                }
                _ => answer,
            }
        }),
        "900",
    );
    assert!(code == Some(0) && said.contains("Role=member shut"), "{said}");

    // Without a member nothing of that can be known.
    let (url, _) = server(gate);
    let said = text(&audit(site.path(), &[&url, "--budget", "60"])).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("one that is built otherwise is not told by its bytes"), "{said}");
}

/// What tag a host gives an answer, by the head of the request; none if it is empty.
type Tag = fn(&str) -> String;

/// One tag for everything, or for everything below a gate, tells no file.
#[test]
fn a_tag_that_many_answers_bear_is_none_of_a_file() {
    let site = site();
    let gate = sound(site.path());
    let tagged = |answer: String, tag: &str| match answer.split_once("\r\n") {
        Some((status, rest)) if !tag.is_empty() => format!("{status}\r\nETag: \"{tag}\"\r\n{rest}"),
        _ => answer,
    };
    let tags: [(Tag, Option<i32>); 4] = [
        (|_| "deploy".to_owned(), Some(0)),
        (|head| if target(head).starts_with("/members") { "members".to_owned() } else { String::new() }, Some(0)),
        // Made up from the path.
        (
            |head| format!("{:x}", target(head).bytes().fold(7_u64, |sum, byte| sum * 31 % 99_991 + u64::from(byte))),
            Some(0),
        ),
        (
            |head| {
                if target(head).starts_with("/members/index.html") || target(head) == "/members/" {
                    "v3".to_owned()
                } else {
                    String::new()
                }
            },
            Some(1),
        ),
    ];
    for (tag, status) in tags {
        let gate = gate.clone();
        let (code, said) = asked(site.path(), Box::new(move |head| tagged(gate(head), &tag(head))), "300");
        assert_eq!(code, status, "{said}");
        let is_told = said.contains("the ETag that whoever is admitted is told");
        assert!(is_told == (status == Some(1)) && !said.contains("OPEN"), "{said}");
    }
}

#[test]
fn a_token_that_is_not_what_it_is_given_as_is_told_before_anything_is_asked() {
    let site = site();
    let (url, _) = server(sound(site.path()));
    let claims = br#"{"app_metadata":{"authorization":{"roles":["member"]}}}"#;
    let encode = |bytes: &[u8]| base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, bytes);
    let token = format!("{}.{}.c2ln", encode(br#"{"alg":"HS256"}"#), encode(claims));
    std::fs::write(site.path().join("none.jwt"), token).unwrap();
    let output = command(site.path(), &[&url, "--token", "none=none.jwt", "--budget", "30"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("the token for `none`: it holds `member` at"), "{said}");
    assert!(!said.contains(SECRET), "{said}");
}

/// What a plan says is what is sent.
#[test]
fn a_plan_counts_what_is_sent() {
    let site = site();
    let (url, heads) = server(sound(site.path()));
    let arguments = [&*url, "--token-command", "member=echo a.b.c", "--budget", "300"];
    let plan = text(&audit(site.path(), &[&arguments[..], &["--plan"]].concat()));
    let number = |before: &str, behind: &str| -> usize {
        let (text, _) = plan.split_once(behind).unwrap_or_else(|| panic!("{behind}: {plan}"));
        let text = text.rsplit_once(before).map_or(text, |(_, text)| text);
        text.trim().replace(',', "").parse().unwrap_or_else(|_| panic!("{text}: {plan}"))
    };
    let planned = number("would ask", " requests") + number("\n", " requests before, to see whether this is the site");
    assert!(plan.contains("may add"), "{plan}");
    assert!(heads.lock().unwrap().is_empty());
    let said = text(&audit(site.path(), &arguments));
    assert_eq!(heads.lock().unwrap().len(), planned, "{plan}{said}");
}
