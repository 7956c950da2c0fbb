//! The seeds of the fuzz targets, and every input that once broke a property, go through the same functions.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod browser;
mod standstill;

use std::fs;
use std::path::Path;

use rolegate_properties as properties;

fn replay(target: &str, property: fn(&[u8])) {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let mut seeds = 0;
    for (folder, prefix) in [(fuzz.join("corpus").join(target), "seed-"), (fuzz.join("regressions").join(target), "")] {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if !name.starts_with(prefix) || name == ".gitkeep" {
                continue;
            }
            seeds += usize::from(!prefix.is_empty());
            let input = fs::read(entry.path()).unwrap();
            // The name of the input is what a failure needs to say first.
            let outcome = std::panic::catch_unwind(|| property(&input));
            assert!(outcome.is_ok(), "{target}: the property does not hold for {name}");
        }
    }
    assert!(seeds > 0, "{target} has no seed");
}

#[test]
fn parse_redirects() {
    replay("parse_redirects", properties::parse_redirects);
}

#[test]
fn parse_toml() {
    replay("parse_toml", properties::parse_toml);
}

#[test]
fn parse_headers() {
    replay("parse_headers", properties::parse_headers);
}

#[test]
fn git_tree_paths() {
    replay("git_tree_paths", properties::git_tree_paths);
}

#[test]
fn identity_bodies() {
    replay("identity_bodies", properties::identity_bodies);
}

#[test]
fn decode_token() {
    replay("decode_token", properties::decode_token);
}

#[test]
fn read_cookie() {
    replay("read_cookie", properties::read_cookie);
}

#[test]
fn canonical_path() {
    replay("canonical_path", properties::canonical_path);
}

#[test]
fn decide() {
    replay("decide", properties::decide);
}

#[test]
fn fix_opens_nothing() {
    replay("fix_opens_nothing", properties::fix_opens_nothing);
}

#[test]
fn advice_opens_nothing() {
    replay("advice_opens_nothing", properties::advice_opens_nothing);
}

#[test]
fn reload_opens_nothing() {
    replay("reload_opens_nothing", properties::reload_opens_nothing);
}

#[test]
fn location() {
    replay("location", |bytes| properties::location(bytes, browser::resolve));
}

#[test]
fn token_json() {
    replay("token_json", properties::token_json);
}

#[test]
fn jwks() {
    replay("jwks", properties::jwks);
}

#[test]
fn forwarded() {
    replay("forwarded", properties::forwarded);
}

#[test]
fn forward_fields() {
    replay("forward_fields", properties::forward_fields);
}

#[test]
fn front_end_paths() {
    replay("front_end_paths", properties::front_end_paths);
}

#[test]
fn http_head() {
    replay("http_head", properties::http_head);
}

#[test]
fn edge() {
    replay("edge", properties::edge);
}

#[test]
fn print_rules() {
    replay("print_rules", properties::print_rules);
}

#[test]
fn lint_rules() {
    replay("lint_rules", properties::lint_rules);
}

#[test]
fn render_problems() {
    replay("render_problems", properties::render_problems);
}

#[test]
fn toml_gates() {
    replay("toml_gates", properties::toml_gates);
}

#[test]
fn toml_headers() {
    replay("toml_headers", properties::toml_headers);
}

#[test]
fn header_answers() {
    replay("header_answers", properties::header_answers);
}

#[test]
fn load_cost() {
    replay("load_cost", properties::load_cost);
}

#[test]
fn request_cost() {
    replay("request_cost", properties::request_cost);
}

#[test]
fn jwks_confusion() {
    replay("jwks_confusion", properties::jwks_confusion);
}

#[test]
fn whole_server() {
    replay("whole_server", standstill::whole_server);
}
