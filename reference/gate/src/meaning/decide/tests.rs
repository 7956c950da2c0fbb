use super::*;
use crate::RuleSet;
use crate::request::Scheme;
use crate::site::MemorySite;

const SITE: [&str; 9] = [
    "/index.html",
    "/404.html",
    "/login.html",
    "/about.html",
    "/members/index.html",
    "/members/home.html",
    "/members/x/y.html",
    "/café.html",
    "/public.html",
];

/// What happens, in one line: the outcome, then `denied` where it is.
fn told(decision: &Decision) -> String {
    let outcome = match &decision.outcome {
        Outcome::BadRequest(refused) => refused.status().to_string(),
        Outcome::NotFound { forced, page } => {
            format!("404{}{}", if *forced { "!" } else { "" }, page.as_ref().map_or("", |_| " page"))
        }
        Outcome::Proxy { url } => format!("proxy {url}"),
        Outcome::Redirect { status, location } => format!("{status} to {location}"),
        Outcome::Rewrite { status, file } => format!("{status} {file}"),
        Outcome::Serve { file } => format!("serve {file}"),
    };
    outcome + if decision.denied { " denied" } else { "" }
}

fn ask(rules: &str, target: &str, visitor: &Visitor, headers: &[(&str, &[u8])], country: Option<&str>) -> Decision {
    let rules = RuleSet::parse(rules.as_bytes()).rules;
    let site = MemorySite::new(SITE);
    let request = Request {
        method: "GET",
        target: target.as_bytes(),
        host: Some("a.example"),
        scheme: Scheme::Https,
        headers,
        country,
    };
    let by_index = decide(&rules, &request, visitor, &site);
    let by_walk = decide(rules.rules(), &request, visitor, &site);
    assert_eq!((&by_index.outcome, by_index.by, by_index.denied), (&by_walk.outcome, by_walk.by, by_walk.denied));
    by_walk
}

fn table(rules: &str, roles: Option<&str>, rows: &[(&str, &str)]) {
    let visitor = roles.map_or(Visitor::Anonymous, |roles| Visitor::with_roles(roles.split(',')));
    for (target, expected) in rows {
        assert_eq!(told(&ask(rules, target, &visitor, &[], None)), *expected, "{rules}\n{target}");
    }
}

#[test]
fn no_rules() {
    table("", None, &[("/about", "serve /about.html"), ("/nothing", "404 page"), ("/%", "400"), ("*", "400")]);
}

#[test]
fn redirects_and_rewrites() {
    let rules = "/old/* /new/:splat\n/about /x\n/forced /login 301!\n/404 /login 404\n/lost /nowhere 200\n/p https://b.example/q 200\n/loop/* /loop/a 302";
    table(
        rules,
        None,
        &[
            ("/old/a/b/?q=1", "301 to /new/a/b/?q=1"),
            ("/about", "serve /about.html"),
            ("/forced", "301 to /login"),
            ("/lost", "404 page"),
            ("/p?x=%zz", "proxy https://b.example/q?x=%25zz"),
            ("/loop/b", "302 to /loop/a"),
            ("/loop/a/", "404 page"),
            ("/old//evil.example", "301 to /new/evil.example"),
        ],
    );
}

#[test]
fn denial() {
    let rules = "/members/* /members/:splat 200! Role=admin,editor\n/members/home /login 302";
    table(
        rules,
        None,
        &[
            ("/members/home", "302 to /login denied"),
            ("/members/home/", "302 to /login denied"),
            ("/members", "404! page denied"),
            ("/members/x/y", "404! page denied"),
            ("/members/no-such-file", "404! page denied"),
            ("/x/../members/%68ome", "302 to /login denied"),
            ("//members//home", "302 to /login denied"),
            ("/public", "serve /public.html"),
        ],
    );
    table(rules, Some("editor"), &[("/members/home", "200 /members/home.html"), ("/members/none", "404 page")]);
    table(rules, Some("Admin,admin ,adm"), &[("/members/home", "302 to /login denied")]);
}

#[test]
fn the_denied_file_is_never_the_answer() {
    for rules in [
        "/members/* 200! Role=a\n/* /:splat 200",
        "/members/* 200! Role=a\n/* /:splat 200!",
        "/members/* 200 Role=a\n/members/* /members/home.html 401!",
        "/members/home 200! Role=a x",
        "/members/home.html /x 301 Role=a",
        "/members/home /members/home/ 302 Role=a",
    ] {
        for target in ["/members/home", "/members/home/", "/members/home.html"] {
            let decision = ask(rules, target, &Visitor::Anonymous, &[], None);
            assert_eq!(told(&decision), "404! page denied", "{rules}\n{target}");
            assert!(decision.role_dependent);
        }
    }
    let decision = ask("/* 200! Role=a", "/404", &Visitor::Anonymous, &[], None);
    assert_eq!(told(&decision), "404! denied", "the page itself is what is denied");
}

#[test]
fn other_spellings_of_a_gated_file() {
    let gate = "/members/home.html /members/home.html 200! Role=a";
    table(gate, None, &[("/members/home", "404! page denied"), ("/members/home/", "404! page denied")]);
    table(
        gate,
        Some("a"),
        &[("/members/home", "serve /members/home.html"), ("/members/home.html", "200 /members/home.html")],
    );
    table(
        "/members /x 200! Role=a",
        None,
        &[
            ("/members/index", "404! page denied"),
            ("/members/index.html", "404! page denied"),
            ("/members/x", "404 page"),
        ],
    );
    assert!(ask(gate, "/members/home", &Visitor::with_roles(["a"]), &[], None).role_dependent);
    assert!(!ask(gate, "/members/x/y", &Visitor::with_roles(["a"]), &[], None).role_dependent);
}

/// STATIC-4: a gate on one name of a file covers all of them, and no answer leads round it.
#[test]
fn other_names_of_a_gated_file() {
    let site = MemorySite::new(["/m/other.html", "/free.html"])
        .with_links(&["/m/home.html", "/pub/home.html", "/index.html"])
        .with_links(&["/m/secret.html", "/404.html"])
        .with_links(&["/m/x.html.br", "/pub/x.html.br"])
        .with_links(&["/m/x.html", "/x.html"]);
    let gate = "/m/* /m/:splat 200! Role=admin\n";
    let admin = Visitor::with_roles(["admin"]);
    let ask = |rules: &str, target: &str, visitor: &Visitor| {
        let request = Request {
            method: "GET",
            target: target.as_bytes(),
            host: None,
            scheme: Scheme::Https,
            headers: &[],
            country: None,
        };
        told(&decide(&RuleSet::parse(rules.as_bytes()).rules, &request, visitor, &site))
    };
    for target in ["/m/home", "/pub/home", "/pub/home.html/", "/", "/index", "/x", "/pub/x.html.br", "/404"] {
        assert_eq!(ask(gate, target, &Visitor::Anonymous), "404! denied", "{target}");
    }
    assert_eq!(ask(gate, "/pub/home", &admin), "serve /pub/home.html");
    assert_eq!(ask(gate, "/nothing", &Visitor::Anonymous), "404", "the page is what a gate closes");
    assert_eq!(ask("", "/nothing", &Visitor::Anonymous), "404 page");
    assert_eq!(ask(gate, "/free", &Visitor::Anonymous), "serve /free.html");
    // ROLE-3: a later rule leads to another name of what was denied.
    let fallback = format!("{gate}/m/* /pub/:splat 200!\n");
    assert_eq!(ask(&fallback, "/m/home", &Visitor::Anonymous), "404! denied");
    // HEADERS-6, RULES-9: a sealed line as well, on whichever name it stands.
    assert_eq!(ask("/pub/* Role\n", "/m/home", &admin), "404! page denied");
}

#[test]
fn order_and_conditions() {
    table(
        "/login /login 200\n/* 200! Role=a\n/* /login 302",
        None,
        &[("/login", "serve /login.html"), ("/about", "302 to /login denied")],
    );
    table("/* 200! Role=a\n/* /login 302", None, &[("/login", "404! page denied")]);
    table("/about /login 302\n/about 200! Role=a", None, &[("/about", "serve /about.html")]);
    let both = "/about /about 200! Role=a Country=de";
    table(both, None, &[("/about", "404! page denied")]);
    table(both, Some("a"), &[("/about", "serve /about.html")]);
    let at_home = ask(both, "/about", &Visitor::with_roles(["a"]), &[], Some("DE"));
    assert_eq!(told(&at_home), "200 /about.html");
    table("/* /about 200! Role=*", Some(""), &[("/x", "200 /about.html")]);
    table("/* /about 200! Role=*,b", Some("*"), &[("/x", "200 /about.html")]);
    table("/* /about 200! Role=*,b", Some("c"), &[("/x", "404! page denied")]);
    table("/x /about 200! Typo=a", None, &[("/x", "404 page")]);
    assert_eq!(
        told(&ask(both, "/about", &Visitor::Rejected(crate::TokenError::Expired), &[], Some("de"))),
        "404! page denied"
    );
}

/// FRONT-3
#[test]
fn a_parameter_that_a_rule_names_is_forwarded_in_one_reading() {
    let rules = "\
/doc id=secret http://up.example/doc 200! Role=a
/doc http://up.example/doc 200!
/here id=1 /about 200!
/here /login 200!
/far /x 302
/far id=1 /y 302
/*/end id=1 http://up.example/end 200! Role=a
/all/* http://up.example/:splat 200!
http://b.example/all/* id=1 http://up.example/x 200! Role=a
/:any/deep id=1 http://up.example/deep 200! Role=a
/pre* id=1 http://up.example/deep 200! Role=a
/* http://up.example/:splat 200!";
    for query in ["id=secret&id=x", "id[]=secret", "i%64=x", "x;id=secret", "id=x;y", "id=x&=y"] {
        for path in ["/doc", "/all/end", "/all/deep", "/prefix"] {
            table(rules, None, &[(&format!("{path}?{query}"), "400")]);
        }
    }
    table(
        rules,
        None,
        &[
            ("/doc?id=secret", "404! page denied"),
            ("/doc?id=x", "proxy http://up.example/doc?id=x"),
            ("/doc?x=1&x=2", "proxy http://up.example/doc?x=1&x=2"),
            ("/doc?x=1;y=2", "proxy http://up.example/doc?x=1;y=2"),
            ("/all/end?id=%31", "404! page denied"),
            ("/all/end?id=%2531", "400"),
            // Rules for other paths and hosts read nothing here.
            ("/all/x?id=1&id=2", "proxy http://up.example/x?id=1&id=2"),
            ("/end?id=1&id=2", "proxy http://up.example/end?id=1&id=2"),
            ("/deep?id=1&id=2", "proxy http://up.example/deep?id=1&id=2"),
            ("/all/end/x?id=1&id=2", "proxy http://up.example/end/x?id=1&id=2"),
            // What is shown from here, or sent back, has no other reader.
            ("/here?id=2&id=1", "200 /about.html"),
            ("/far?id=2&id=1", "302 to /x?id=2&id=1"),
        ],
    );
}

/// STATUS-5.own-tree
#[test]
fn a_redirect_into_its_own_tree() {
    for (rules, target, answer) in [
        ("/* /en/:splat 302", "/foo", "302 to /en/foo"),
        ("/* /en/:splat 302!", "/", "302 to /en/"),
        ("/a/* /a/en/:splat 302", "/a", "302 to /a/en/"),
        ("/* /en/:splat 302", "/en", "404 page"),
        ("/* /en/:splat 302", "/en/x/y", "404 page"),
        ("/* /en/:splat 302!", "/%65n//x/.", "404 page"),
        ("/* /en/:splat", "/en/x", "404 page"),
        ("/* /en/:splat 302", "/enx", "302 to /en/enx"),
        ("/* /en/:splat 302\n/* /zz 302", "/en/x", "302 to /zz"),
        ("/* /en/:splat 302 Language=xx\n/* /zh/:splat 302", "/en/x", "404 page"),
        ("/* q=1 /en/:splat 302\n/* /zh/:splat 302", "/en/x", "302 to /zh/en/x"),
        ("/* /en/:splat 302\n/* /en/:splat/x 302", "/en/x", "404 page"),
        ("https://a.example/* /en/:splat 302", "/en/x", "404 page"),
        ("/* https://a.example/en/:splat 302", "/en/x", "404 page"),
        ("/* http://a.example/en/:splat 302", "/en/x", "302 to http://a.example/en/en/x"),
        ("/* http://b.example/en/:splat 302", "/en/x", "302 to http://b.example/en/en/x"),
        ("/* /en/:splat?a=1 302", "/en/x", "404 page"),
        ("/* /caf%C3%A9/:splat 302", "/caf%c3%a9/x", "404 page"),
        ("/:a/* /en/:splat 302", "/en/x", "404 page"),
        ("/:a/* /en/:a/:splat 302", "/en/x", "302 to /en/en/x"),
        ("/a/b/* /a/:splat 302", "/a/b/c", "302 to /a/c"),
        ("/a/* /a/:splat/x 302", "/a/b", "404 page"),
        ("/* /:splat/en 302", "/en", "302 to /en/en"),
        ("/* /e:splat 302", "/ex", "302 to /eex"),
        ("/* /en/:splat 404", "/en/x", "404 page"),
        ("/* /members/:splat 200", "/members/home", "serve /members/home.html"),
        ("/* /members/:splat 302!", "/members/home", "serve /members/home.html"),
        ("/* /members/:splat 302! Role=a", "/members/home", "404! page denied"),
        ("/* /members/:splat 302!\n/members/* /members/:splat 200! Role=a", "/members/home", "404! page denied"),
        ("/* /members/:splat 302!\n/members/* Role", "/members/home", "404! page denied"),
    ] {
        table(rules, None, &[(target, answer)]);
    }
    let why = ask("/* /en/:splat 302 Country=de", "/en/x", &Visitor::Anonymous, &[], None).passed_over;
    assert_eq!(why.iter().map(|(_, why)| why.word()).collect::<Vec<_>>(), ["own-tree"]);
}

/// ROLE-3.redirect
#[test]
fn a_role_rule_that_redirects_keeps_nothing() {
    for (rules, answer) in [
        ("/login /x 302! Role=a\n/login /login 200", "200 /login.html denied"),
        ("/login /x 302 Role=a\n/login /login 200!", "200 /login.html denied"),
        ("/login.html /x 301! Role=a\n/* /:splat 401", "401 /login.html denied"),
        ("/login /x 302! Role=a\n/* /about 200", "200 /about.html denied"),
        ("/login /x 302! Role=a\n/* /about 302", "302 to /about denied"),
        ("/login /x 302! Role=a", "404! page denied"),
        ("/login /x 302! Role=a\n/login /none 200", "404 page denied"),
        ("/login /x 302! Role=a\n/login /login 200! Role=b\n/login /login 200", "404! page denied"),
        ("/login /login 200! Role=b\n/login /x 302! Role=a\n/login /login 200", "404! page denied"),
        ("/login /login 404 Role=b\n/login /x 302! Role=a\n/login /login 200", "404! page denied"),
        ("/login Role\n/login /x 302! Role=a\n/login /login 200", "404! page denied"),
    ] {
        table(rules, None, &[("/login", answer)]);
        table(rules, Some("c"), &[("/login", answer)]);
    }
}

#[test]
fn countries_languages_cookies() {
    let rules = "/a /about 200! Country=at,de\n/b /about 200! Language=en\n/c /about 200! Cookie=x,y";
    for (target, headers, country, matches) in [
        ("/a", &[][..], Some("AT"), true),
        ("/a", &[], Some("fr"), false),
        ("/a", &[], None, false),
        ("/a", &[("cookie", &b"nf_country=de"[..])], Some("fr"), true),
        ("/a", &[("x-country", b"de")], None, false),
        ("/b", &[("Accept-Language", b"en-GB;q=0.5, de")], None, true),
        ("/b", &[("Accept-Language", b"EN")], None, true),
        ("/b", &[("Accept-Language", b"de, en")], None, false),
        ("/b", &[("Accept-Language", b"eng")], None, false),
        ("/b", &[("Accept-Language", b"de"), ("Cookie", b"nf_lang=en")], None, true),
        ("/c", &[("cookie", b"x=1")], None, true),
        ("/c", &[("cookie", b"x="), ("cookie", b"y=1")], None, true),
        ("/c", &[("cookie", b"x=")], None, false),
    ] {
        let decision = ask(rules, target, &Visitor::Anonymous, headers, country);
        assert_eq!(decision.by.is_some(), matches, "{target} {headers:?} {country:?}");
        assert!(!decision.denied);
    }
}

/// NOLEAK-4.conditions
#[test]
fn which_conditions_had_a_say() {
    use crate::rules::ConditionKey::{Cookie, Country, Language};
    let forced =
        "/a /about 200! Language=de\n/about /login 302! Cookie=beta\n/login /about 200! Country=de Language=de";
    let unforced = "/about /login 302 Country=de\n/* /login 302! Cookie=beta";
    let german: &[(&str, &[u8])] = &[("accept-language", b"de")];
    let beta: &[(&str, &[u8])] = &[("cookie", b"beta=1")];
    for (rules, target, headers, country, keys) in [
        (forced, "/a", german, None, [Language].as_slice()),
        (forced, "/a", &[], None, &[Language]),
        (forced, "/about", beta, None, &[Cookie]),
        (forced, "/about", &[], None, &[Cookie]),
        (forced, "/login", german, Some("de"), &[Country, Language]),
        // One that fails is enough for the rule to fail.
        (forced, "/login", german, Some("fr"), &[Country]),
        (forced, "/login", &[], Some("de"), &[Language]),
        (forced, "/", german, Some("de"), &[]),
        // SHADOW-1
        (unforced, "/about", &[], Some("fr"), &[Cookie]),
        (unforced, "/about", beta, Some("fr"), &[Country, Cookie]),
        (unforced, "/about", beta, Some("de"), &[Country]),
        // RULES-10
        ("/a /about 200! Language=de Typo=a", "/a", &[], None, &[]),
        // ROLE-7: whoever does not hold the role is not asked for more.
        ("/a /about 200! Role=x Language=de", "/a", german, None, &[]),
        ("/a /a 302! Cookie=beta", "/a", beta, None, &[]),
        ("/b /about 200! Cookie=beta", "/a", beta, None, &[]),
        ("/a k=v /about 200! Cookie=beta", "/a", beta, None, &[]),
    ] {
        let decision = ask(rules, target, &Visitor::Anonymous, headers, country);
        assert_eq!(decision.conditions, keys.iter().copied().collect(), "{rules} {target} {headers:?} {country:?}");
    }
}

#[test]
fn beside_a_role_the_country_is_not_the_visitors_to_choose() {
    let rules = "/a /about 200! Role=x Country=de\n/a /login 200! Language=fr";
    let cookies: &[(&str, &[u8])] = &[("cookie", b"nf_country=de; nf_lang=fr")];
    let other: &[(&str, &[u8])] = &[("cookie", b"nf_country=fr; nf_lang=fr")];
    for (role, headers, country, expected) in [
        ("x", cookies, Some("FR"), "200 /login.html"),
        ("x", cookies, None, "200 /login.html"),
        ("x", cookies, Some("DE"), "200 /about.html"),
        ("x", other, Some("DE"), "200 /about.html"),
        ("y", cookies, Some("DE"), "200 /login.html denied"),
    ] {
        let decision = ask(rules, "/a", &Visitor::with_roles([role]), headers, country);
        assert_eq!(told(&decision), expected, "{role} {headers:?} {country:?}");
    }
}

#[test]
fn queries_and_hosts() {
    let rules = "/a id=:id v=1 /b/:id 302\n/a id=:id /c/:id 302\nhttps://A.example:443/h /hit 302\nhttp://a.example/h /miss 302";
    table(
        rules,
        None,
        &[
            ("/a?v=1&id=x%2Fy", "302 to /b/x%2Fy?v=1&id=x%2Fy"),
            ("/a?id=1&id=2", "302 to /c/2?id=1&id=2"),
            ("/a?id=", "302 to /c/?id="),
            ("/a?id", "404 page"),
            ("/a?id=1&z=1", "404 page"),
            ("/a", "404 page"),
            ("/h", "302 to /hit"),
            ("http://other.example/h", "404 page"),
            ("http://A.EXAMPLE./h", "302 to /hit"),
        ],
    );
}

#[test]
fn every_rule_before_the_deciding_one_is_accounted_for() {
    let rules = "/x /y\nhttp://a.example/a /y\n/a k=v /y\n/a /y 302 Cookie=z\n/a /y 200! Role=r\n/a /y 3O2 Role=r\n/a /a 302\n/a /login 302";
    let decision = ask(rules, "/a", &Visitor::Anonymous, &[], None);
    let why: Vec<_> = decision.passed_over.iter().map(|(_, why)| why.word()).collect();
    assert_eq!(why, ["path", "host", "query", "condition", "role", "sealed", "loop"]);
    assert_eq!((decision.by, told(&decision).as_str()), (Some(7), "302 to /login denied"));
}

#[test]
fn a_later_role_rule_lifts_a_denial_and_no_seal() {
    let gate = "/members/* /members/:splat 200! Role=editor";
    let two = format!("/members/* /members/:splat 200! Role=admin\n{gate}");
    table(&two, Some("editor"), &[("/members/home", "200 /members/home.html")]);
    let sealed = format!("/members/* /members/:splat 200! Role=admin, owner\n{gate}");
    table(&sealed, Some("editor"), &[("/members/home", "404! page denied")]);
}

#[test]
fn what_a_gate_forwards_is_hidden_however_a_later_rule_spells_it() {
    const GATE: &str = "/members/* http://up.example/members/:splat 200! Role=admin\n";
    for later in [
        "/* http://up.example/:splat 200!",
        "/* http://up.example/:splat 200",
        "/* https://up.example/:splat 200!",
        "/* http://UP.example.:080/:splat 200!",
        "/* http://up.example/x/..//:splat 200!",
        "/* http://up.example//x//../:splat 200!",
        "/* http://up.example/:splat?as=anybody#part 200!",
        "/* http://up.example/:splat.html 200!",
        "/* http://up.example/:splat/index.html 200!",
        "/members/* http://up.example/%6dembers/:splat 200!",
        "/members/* http://up.example/Members;a=b/:splat 200!",
        "/members/:x http://up.example/members%2F:x 200!",
        "/members/home http://up.example/members/home 200!",
        "/:a/:b http://up.example/:a/:b 203",
        "/* http://up.example/:splat 200! Country=de\n/* http://up.example/:splat 200!",
        "/members/* http://up.example/x/:splat 200! Role=owner\n/* http://up.example/:splat 200!",
        "/members/* http://up.example/x/:splat 200! Role=owner\n/* http://up.example/x/home 200!",
        "/members/home /members/home.html 200!",
    ] {
        table(&format!("{GATE}{later}"), None, &[("/members/home", "404! page denied")]);
        table(&format!("{GATE}{later}"), Some("user"), &[("/members/home", "404! page denied")]);
    }
    for (later, answer) in [
        ("/* http://other.example/:splat 200!", "proxy http://other.example/members/home denied"),
        ("/* http://up.example:8080/:splat 200!", "proxy http://up.example:8080/members/home denied"),
        ("/* http://up.example/public/:splat 200!", "proxy http://up.example/public/members/home denied"),
        ("/* http://up.example/login 200!", "proxy http://up.example/login denied"),
        ("/* http://up.example/:splat 302", "302 to http://up.example/members/home denied"),
        ("/* /login 401", "401 /login.html denied"),
        ("/* http://up.example/:splat 200! Role=user", "proxy http://up.example/members/home"),
    ] {
        table(&format!("{GATE}{later}"), Some("user"), &[("/members/home", answer)]);
    }
    table(
        &format!("{GATE}/* http://up.example/:splat 200!"),
        None,
        &[("/public", "proxy http://up.example/public"), ("/members2/x", "proxy http://up.example/members2/x")],
    );
    let by_parameter = "/doc page=:p http://up.example/docs/:p 200! Role=a\n/doc page=:p http://up.example/docs/x 200!";
    table(
        by_parameter,
        None,
        &[("/doc?page=x", "404! page denied"), ("/doc?page=y", "proxy http://up.example/docs/x?page=y denied")],
    );
    // NOLEAK-3
    let spelled = "/members/home.html http://up.example/m/home 200! Role=a\n/members/:x http://up.example/m/:x 200!";
    table(spelled, None, &[("/members/home", "404! page denied"), ("/members/x", "proxy http://up.example/m/x")]);
}

#[test]
fn what_a_gate_shows_from_another_path_is_hidden() {
    for (rules, answer) in [
        ("/vault/* /members/:splat 200! Role=a\n/vault/* /members/:splat 200", "404! page denied"),
        ("/vault/* /members/:splat 200! Role=a\n/* /members/home.html 401!", "404! page denied"),
        ("/vault/* /members/:splat 404 Role=a\n/* /members/home 200", "404! page denied"),
        ("/vault/* /404.html 200! Role=a", "404! denied"),
        ("/vault/* /members/:splat 302 Role=a\n/* /members/home 200", "200 /members/home.html denied"),
        ("/vault/* /members/:splat 200! Role=a\n/* /members/x/y 200", "200 /members/x/y.html denied"),
        ("/vault/* /.netlify/functions/:splat 200! Role=a\n/vault/* /.netlify/functions/:splat 200", "404 page denied"),
    ] {
        table(rules, None, &[("/vault/home", answer)]);
    }
}

#[test]
fn after_a_seal_nothing_is_fetched_along_the_path() {
    const SEALED: &str = "/members/* http://up.example/members/:splat 200! Role=admin, owner\n";
    for (later, answer) in [
        ("/* http://up.example/:splat 200!", "404! page denied"),
        ("/* http://other.example/v1/:splat 200!", "404! page denied"),
        ("/* http://other.example/v1?path=:splat 200!", "404! page denied"),
        ("/* http://up.example/:splat 200! Role=user", "404! page denied"),
        ("/members/home http://up.example/v1/members/home.html 200!", "404! page denied"),
        ("/:folder/* /:folder/index 200!", "404! page denied"),
        ("/* http://up.example/login 200!", "proxy http://up.example/login denied"),
        ("/* /login 401", "401 /login.html denied"),
        ("/* /login?from=:splat 401", "401 /login.html denied"),
        ("/* http://up.example/:splat 302", "302 to http://up.example/members/home denied"),
    ] {
        table(&format!("{SEALED}{later}"), Some("user"), &[("/members/home", answer)]);
    }
}

#[test]
fn the_front_page_is_sealed_as_well() {
    const SEALED: &str = "/ http://up.example/ 200! Role=admin, owner\n";
    table(&format!("{SEALED}/ http://up.example/index.html 200!"), None, &[("/", "404! page denied")]);
    table(
        &format!("{SEALED}/ http://up.example/door 200!"),
        None,
        &[("/", "proxy http://up.example/door denied"), ("/index", "404! page denied")],
    );
}

#[test]
fn captured_text_is_one_segment_of_what_is_fetched() {
    let rules = "/doc page=:page http://up.example/docs/:page 200!\n/file page=:page /members/:page 200\n/to page=:page /docs/:page 302\n/tree/* http://up.example/trees/:splat 200!";
    table(
        rules,
        None,
        &[
            ("/doc?page=intro", "proxy http://up.example/docs/intro?page=intro"),
            ("/doc?page=../api/secret", "404 page"),
            ("/doc?page=a%5Cb", "404 page"),
            ("/doc?page=..%C2%A0", "404 page"),
            ("/doc?page=%E2%80%8B..", "404 page"),
            ("/doc?page=%EF%BC%8E%EF%BC%8E", "404 page"),
            ("/doc?page=a%EF%BC%8Fb", "404 page"),
            ("/doc?page=..%252e%25C2%25A0", "404 page"),
            ("/doc?page=", "404 page"),
            ("/file?page=home", "200 /members/home.html"),
            ("/file?page=x%2Fy", "404 page"),
            ("/file?page=", "404 page"),
            ("/to?page=../a", "302 to /docs/..%2Fa?page=../a"),
            ("/tree/a/b/", "proxy http://up.example/trees/a/b/"),
            ("/tree/%252e%252e/secret", "400"),
            ("/tree/..;/secret", "400"),
        ],
    );
}
