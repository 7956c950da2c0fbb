//! Whom `serve` believes about a visitor.

use crate::Row;
use crate::common::{mmdb, site};
use crate::gate::{Gate, file};

/// The proxy that this test is.
const TRUSTED: [&str; 2] = ["--trusted-proxy", "127.0.0.1"];

pub const ROWS: &[Row] = &[
    ("serve", "--trusted-proxy", |_| {
        let fields =
            [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "a.example"), ("X-Forwarded-For", "192.0.2.1")];
        sees("/h", &[], &TRUSTED, &fields);
    }),
    ("serve", "--forwarding", |_| {
        let fields = [("Forwarded", "for=192.0.2.1;proto=https;host=a.example")];
        sees("/h", &TRUSTED, &["--forwarding", "forwarded"], &fields);
    }),
    ("serve", "--site-port", |_| {
        let folder = site(&[("_redirects", RULES)]);
        for (options, is_seen) in [(["--site-port", "9999"].as_slice(), true), (&[], false)] {
            let answer = Gate::start(folder.path(), options).at("a.example:9999", "/p");
            assert_eq!(answer.header("location") == "/seen", is_seen, "{options:?}: {answer:?}");
        }
    }),
    ("serve", "--country-header", |_| {
        sees("/c", &TRUSTED, &["--country-header", "X-Country"], &[("X-Country", "DE")]);
    }),
    ("serve", "--geoip", |_| {
        let (_folder, file) = file(mmdb::countries(&[("127.0.0.0/8", "DE")]));
        sees("/c", &[], &["--geoip", &file], &[]);
    }),
];

const RULES: &str = "https://a.example/h /seen 302\nhttp://a.example/p /seen 302\n/c /seen 302 Country=de\n";

/// A rule with a condition decides about this request with the option, and not without.
fn sees(path: &str, always: &[&str], option: &[&str], fields: &[(&str, &str)]) {
    let folder = site(&[("_redirects", RULES)]);
    for (option, is_seen) in [(option, true), (&[], false)] {
        let answer = Gate::start(folder.path(), &[always, option].concat()).get(path, fields);
        assert_eq!(answer.header("location") == "/seen", is_seen, "{option:?}: {answer:?}");
    }
}
