//! What a person, and a program, is told about a decision.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails may panic")]

use rolegate::{Explanation, MemorySite, Request, RuleFiles, RuleSet, Scheme, TokenError, Visitor, decide};

const RULES: &str = "\
# the members' area
/old/* /new/:splat
/public /about 302
/members/* /members/:splat 200! Role=admin,editor
/members/* /login 302
/store id=:id /goods/:id 301
/sealed/* /sealed/:splat Role=admin
https://b.example/* /b 302!
/country /de 302! Country=de
/login /login 302
";

fn explain(target: &str, visitor: &Visitor) -> Explanation {
    let rules = RuleSet::parse(RULES.as_bytes()).rules;
    let site = MemorySite::new(["/404.html", "/login.html", "/public.html", "/members/home.html", "/sealed/x.html"]);
    let target = target.as_bytes();
    let request =
        Request { method: "GET", target, host: Some("a.example"), scheme: Scheme::Https, headers: &[], country: None };
    Explanation::new(&rules, &decide(rules.rules(), &request, visitor, &site), &request, visitor)
}

/// The reason why the first rule did not decide.
fn reason(rule: &str, headers: &[(&str, &[u8])], country: Option<&str>, visitor: &Visitor) -> String {
    let rules = RuleSet::parse(rule.as_bytes()).rules;
    let site = MemorySite::new(["/x.html"]);
    let request = Request {
        method: "GET",
        target: b"/x?a=1",
        host: Some("a.example:80"),
        scheme: Scheme::Http,
        headers,
        country,
    };
    let decision = decide(rules.rules(), &request, visitor, &site);
    Explanation::new(&rules, &decision, &request, visitor).passed_over[0].reason.clone()
}

#[test]
fn why_a_rule_does_not_decide() {
    let nobody = Visitor::Anonymous;
    let expired = Visitor::Rejected(TokenError::Expired);
    let roles = |roles: &[&str]| Visitor::with_roles(roles.iter().copied());
    let cookie = |text: &'static str| vec![("Cookie", text.as_bytes())];
    let language = |text: &'static str| vec![("Accept-Language", text.as_bytes())];
    let rule = "/x /y 200! Role=admin,editor";
    let mut text = String::new();
    for (rule, headers, country, visitor) in [
        (rule, vec![], None, nobody.clone()),
        (rule, cookie("nf_jwt=a; nf_jwt=b"), None, nobody.clone()),
        (rule, vec![], None, expired),
        (rule, vec![], None, roles(&[])),
        (rule, vec![], None, roles(&["user", "guest"])),
        (rule, vec![], None, roles(&["Admin"])),
        (rule, vec![], None, roles(&["editor "])),
        ("/x /y 200! Role=*", vec![], None, nobody.clone()),
        ("/x /y 200! Country=de,at", vec![], None, nobody.clone()),
        ("/x /y 200! Country=de", vec![], Some("FR"), nobody.clone()),
        ("/x /y 200! Country=de", cookie("nf_country=fr"), Some("DE"), nobody.clone()),
        ("/x /y 200! Role=admin Country=de", cookie("nf_country=de"), Some("FR"), roles(&["admin"])),
        ("/x /y 200! Language=de", vec![], None, nobody.clone()),
        ("/x /y 200! Language=de", language("fr;q=0.5, de"), None, nobody.clone()),
        ("/x /y 200! Language=de", cookie("nf_lang=fr"), None, nobody.clone()),
        ("/x /y 200! Cookie=beta,early", cookie("beta="), None, nobody.clone()),
        ("/x /y 200! Country=de Cookie=beta", vec![], None, nobody.clone()),
        ("/x /y 200! Contry=de", vec![], None, nobody.clone()),
        ("https://a.example/x /y 200!", vec![], None, nobody.clone()),
        ("/x id=:id b=1 /y 200!", vec![], None, nobody.clone()),
    ] {
        let reason = reason(rule, &headers, country, &visitor);
        text.push_str(&format!("{rule}\n    {reason}\n"));
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "snapshots/explain" }, {
        insta::assert_snapshot!("reasons", text);
    });
}

#[test]
fn text() {
    for (name, target, roles) in [
        ("denied", "/members/home", None),
        ("admitted", "/members/home", Some("editor")),
        ("missing", "/members/none", Some("admin")),
        ("shadowed", "/public", None),
        ("redirected", "/old/a?q=1", None),
        ("query", "/store?id=7", None),
        ("sealed", "/sealed/x", Some("admin")),
        ("loop", "/login", None),
        ("condition", "/country", None),
        ("refused", "/members%2Fhome", None),
        ("no-rule", "/nothing", None),
    ] {
        let visitor = roles.map_or(Visitor::Anonymous, |role| Visitor::with_roles([role]));
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "snapshots/explain" }, {
            insta::assert_snapshot!(name, explain(target, &visitor).text());
        });
    }
}

/// A function answers on a host, and nothing does here.
#[test]
fn why_a_function_shows_nothing() {
    for folder in ["functions", "builders"] {
        let rules = RuleSet::parse(format!("/run /.netlify/{folder}/a 200\n").as_bytes()).rules;
        let (visitor, site) = (Visitor::Anonymous, MemorySite::new(["/x.html"]));
        let target = b"/run";
        let request = Request { method: "GET", target, host: None, scheme: Scheme::Https, headers: &[], country: None };
        let decision = decide(rules.rules(), &request, &visitor, &site);
        let text = Explanation::new(&rules, &decision, &request, &visitor).text();
        assert!(text.contains("a function, and functions are not run here"), "{folder}: {text}");
    }
}

/// HEADERS-6: what names no role is not said to name one.
#[test]
fn why_nobody_gets_past_a_password() {
    let headers = b"/x\n  Basic-Auth: a:b\n/y/* 200! Role=a\n";
    let rules = RuleSet::read(RuleFiles { redirects: b"", toml: b"", headers }).rules;
    let site = MemorySite::new(["/x.html", "/y/z.html"]);
    for (target, words) in [("/x", "it asks for a password"), ("/y/z", "this line is in error and names a role")] {
        let target = target.as_bytes();
        let request = Request { method: "GET", target, host: None, scheme: Scheme::Https, headers: &[], country: None };
        let visitor = Visitor::Anonymous;
        let told = Explanation::new(&rules, &decide(rules.rules(), &request, &visitor, &site), &request, &visitor);
        assert!(told.text().contains(words), "{}", told.text());
    }
}

#[test]
fn json() {
    let explanation = explain("/members/home", &Visitor::Anonymous);
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "snapshots/explain" }, {
        insta::assert_json_snapshot!("json-denied", explanation);
    });
}
