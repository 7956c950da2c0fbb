use crate::rules::RuleSet;
use crate::span::RuleFile;

fn read(redirects: &[u8], toml: &[u8]) -> crate::Parsed {
    RuleSet::read(crate::RuleFiles { redirects, toml, headers: b"" })
}

/// Each rule as it prints, with what is wrong.
fn read_both(toml: &str) -> (Vec<String>, Vec<&'static str>) {
    let parsed = read(b"", toml.as_bytes());
    let rules = parsed.rules.rules().iter().map(ToString::to_string).collect();
    (rules, parsed.problems.iter().map(|problem| problem.id).collect())
}

#[test]
fn toml_1_fields_and_aliases() {
    for (entry, printed) in [
        (
            r#"from = "/a"
            to = "/b""#,
            "/a /b 301",
        ),
        (
            r#"origin = "/a/*"
            destination = "/b/:splat"
            status = 302
            force = true"#,
            "/a/* /b/:splat 302!",
        ),
        (
            r#"from = "/a/*"
            status = "200""#,
            "/a/* /a/:splat 200",
        ),
        (
            r#"from = "/a"
            to = "/b/:id"
            query = { page = "1", id = ":id" }"#,
            "/a page=1 id=:id /b/:id 301",
        ),
        (
            r#"from = "/a"
            to = "/b"
            params = { q = "" }"#,
            "/a q= /b 301",
        ),
        (
            r#"from = "/a"
            to = "/b"
            parameters = { q = "x y" }"#,
            "/a q=x+y /b 301",
        ),
        (
            r#"from = "/a"
            to = "/b"
            status = 200
            conditions = { Role = ["admin", "b"], Country = "de, AT", Language = ["en"], Cookie = "c" }"#,
            "/a /b 200 Role=admin,b Country=de,AT Language=en Cookie=c",
        ),
        (
            r#"from = "/a"
            to = "/b"
            [redirects.conditions]
            role = "*""#,
            "/a /b 301 Role=*",
        ),
        (
            r#"from = "/a"
            to = "https://b.example/"
            status = 200
            signed = "KEY"
            headers = { X-From = "here" }"#,
            "/a https://b.example/ 200 Sign=KEY",
        ),
        (
            r#"from = "/a"
            to = "https://b.example/"
            status = 200
            sign = "KEY""#,
            "/a https://b.example/ 200 Sign=KEY",
        ),
        (
            r#"from = "/a"
            to = "https://b.example/"
            status = 200
            signing = "KEY""#,
            "/a https://b.example/ 200 Sign=KEY",
        ),
        (
            r#"from = "https://A.example/a b"
            to = "/b""#,
            "https://a.example/a%20b /b 301",
        ),
        (
            r#""fr\u006fm" = '/a'
            to = """/b""""#,
            "/a /b 301",
        ),
    ] {
        assert_eq!(read_both(&format!("[[redirects]]\n{entry}\n")), (vec![printed.to_owned()], vec![]), "{entry}");
    }
    let parsed = read(
        b"",
        b"redirects = [{ from = '/a', to = 'https://b.example/', status = 200, headers = { X-B = '1', x-a = '2' } }]",
    );
    let apply = parsed.rules.rules()[0].apply().unwrap();
    let headers: Vec<_> = apply.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(headers, [("x-b", "1"), ("x-a", "2")]);
}

#[test]
fn toml_2_after_the_file() {
    let toml = b"\xef\xbb\xbf[build]\ncommand = 'x'\n\n[[redirects]]\nfrom = '/a'\nto = '/c'\n[[redirects]]\nfrom = '/b'\nto = '/c'";
    let parsed = read(b"/a /b\n", toml);
    let places: Vec<_> = parsed
        .rules
        .rules()
        .iter()
        .map(|rule| (rule.text.as_str(), rule.span.file, rule.span.line, rule.span.column))
        .collect();
    assert_eq!(
        places,
        [
            ("/a /b", RuleFile::Redirects, 1, 1),
            ("/a /c 301", RuleFile::Toml, 5, 8),
            ("/b /c 301", RuleFile::Toml, 8, 8),
        ]
    );
    assert!(parsed.problems.is_empty());
}

#[test]
fn toml_3_errors_and_seals() {
    for (lines, id) in [
        ("force = 'yes'", "toml-force"),
        ("force = 1", "toml-force"),
        ("status = '200!'", "status-invalid"),
        ("status = 199", "status-invalid"),
        ("status = 0xc8", "status-invalid"),
        ("status = true", "status-invalid"),
        ("headers = 'X: y'", "toml-type"),
        ("headers = { Connection = 'close' }", "header-of-the-connection"),
        ("headers = { 'a b' = 'c' }", "header-name"),
        ("headers = { a = '\u{e9}', A = 'b' }", "header-repeated"),
        ("signed = 'a b'", "sign-variable"),
        ("signed = 1", "toml-type"),
        ("query = 'a=b'", "toml-type"),
        ("query = { a = 1 }", "toml-type"),
        ("query = { '' = 'a' }", "query-key-empty"),
        ("query = { 'a b' = 'a', 'a+b' = 'c' }", "query-key-repeated"),
        ("origin = '/b'", "toml-field-repeated"),
        ("destination = '/b'", "toml-field-repeated"),
    ] {
        let entry = |more: &str| format!("[[redirects]]\nfrom = '/a/*'\nto = '/b'\n{lines}\n{more}\n");
        assert_eq!(read_both(&entry("")), (vec![], vec![id]), "{lines}");
        // RULES-9
        let parsed = read(b"", entry("conditions = { Role = 'x' }").as_bytes());
        if lines.starts_with("origin") {
            assert!(parsed.rules.unreadable().len() == 1 && parsed.problems[0].refuses_to_start);
        } else {
            assert_eq!(parsed.rules.rules()[0].to_string(), "/a/* Role", "{lines}");
            assert!(parsed.problems[0].note.is_some());
        }
    }
    for (lines, id) in [
        ("conditions = 'Role=x'", "toml-type"),
        ("conditions = ['Role=x']", "toml-type"),
        ("conditions = { ROLE = 'x' }", "condition-unknown"),
        ("conditions = { Rolle = 'x' }", "condition-unknown"),
        ("conditions = { Role = 'x', Typo = 'y' }", "condition-unknown"),
        ("conditions = { Role = 'x,' }", "condition-empty"),
        ("conditions = { Role = ['a;b'] }", "role-punctuation"),
        ("conditions = { Role = ['\"a\"'] }", "role-punctuation"),
        ("conditions = { Role = '' }", "condition-empty"),
        ("conditions = { Role = [] }", "condition-empty"),
        ("conditions = { Role = [''] }", "condition-empty"),
        ("conditions = { Role = ['x,y'] }", "condition-comma"),
        ("conditions = { Role = [' x'] }", "white-space"),
        ("conditions = { Role = [1] }", "toml-type"),
        ("conditions = { Role = true }", "toml-type"),
        ("conditions = { Role = \"x\\n\" }", "control-character"),
        ("conditions = { Role = 'x', role = 'y' }", "condition-repeated"),
        ("condition = { Role = 'x' }", "toml-field-unknown"),
        ("role = 'x'", "toml-field-unknown"),
        ("query = { Role = 'x' }", "query-role"),
    ] {
        let toml = format!("[[redirects]]\nfrom = '/a/*'\nto = '/b'\nstatus = 200\n{lines}\n");
        assert_eq!(read_both(&toml), (vec!["/a/* Role".to_owned()], vec![id]), "{lines}");
    }
    for (from, sealed) in [
        ("from = ' /a'", Some("/a Role")),
        ("from = '/a/**'", Some("/a/* Role")),
        ("from = '/a b/*'\nto = 1", Some("/a%20b/* Role")),
        ("from = \"/a/\\u0000\"", Some("/a/* Role")),
        ("from = '/a/* /b 200! Role=x'", Some("/a/* Role")),
        ("from = '/a/*'\nto = '/b 200! Role=x'", Some("/a/* Role")),
        ("from = '/a/b*c, Role'\nto = '/b'", Some("/a/* Role")),
        ("from = '/a/*,'\nto = 1", Some("/a/* Role")),
        ("from = '/a/{id}/x'\nto = 1", Some("/a/* Role")),
        ("from = '/a/:path*'\nto = 1", Some("/a/* Role")),
        ("from = 'a'", None),
        ("from = 1", None),
        ("to = '/b'", None),
    ] {
        let toml = format!("[[redirects]]\n{from}\nconditions = {{ Role = 'x' }}\n");
        let parsed = read(b"", toml.as_bytes());
        let rules: Vec<String> = parsed.rules.rules().iter().map(ToString::to_string).collect();
        assert_eq!(rules.first().map(String::as_str), sealed, "{from}");
        assert_eq!(parsed.rules.unreadable().len(), usize::from(sealed.is_none()), "{from}");
    }
}

#[test]
fn toml_3_what_is_no_list_of_rules() {
    let entry = "from = '/a/*'\nto = '/b'\nstatus = 200\nconditions = { Role = 'x' }\n";
    for (header, id) in [
        ("[redirects]", "toml-redirects"),
        ("[[redirect]]", "toml-misplaced"),
        ("[[Redirects]]", "toml-misplaced"),
        ("[[context.production.redirects]]", "toml-misplaced"),
        ("[[redirects.redirects]]", "toml-redirects"),
    ] {
        let (rules, problems) = read_both(&format!("{header}\n{entry}"));
        if header == "[[redirects.redirects]]" {
            // The outer table has no path.
            assert_eq!((rules.len(), problems), (0, vec![id]));
            continue;
        }
        assert_eq!((rules, problems), (vec!["/a/* Role".to_owned()], vec![id]), "{header}");
    }
    let apart = "[[redirects]]\nfrom = '/a/*'\nstatus = 200\n[conditions]\nRole = ['x']\n";
    let parsed = read(b"", apart.as_bytes());
    assert_eq!((parsed.rules.unreadable().len(), parsed.problems[0].id), (1, "toml-misplaced"), "no gate starts");
    assert_eq!(read(b"", b"[conditions]\nCountry = ['de']\n").rules.unreadable().len(), 0);
    for (toml, starts) in [
        ("redirects = 'Role=x'", false),
        ("redirects = ['/a /b 200 Role=x']", false),
        ("redirects = [1]", true),
        ("redirects = 1", true),
        ("[[redirects]\nfrom = '/a'", true),
        ("[[redirects]\nfrom = '/a'\nconditions = { Role = 'x' }", false),
        ("a = 'b\nroles", false),
    ] {
        let parsed = read(b"", toml.as_bytes());
        assert_eq!((parsed.rules.rules().len(), parsed.problems.len()), (0, 1), "{toml}");
        assert_eq!(parsed.rules.unreadable().is_empty(), starts, "{toml}");
        assert_eq!(parsed.problems[0].refuses_to_start, !starts, "{toml}");
    }
}
