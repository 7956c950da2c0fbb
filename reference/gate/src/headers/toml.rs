//! HEADERS-8: each `[[headers]]` of `netlify.toml` is a path with header fields, held to the same as those of `_headers`.
//!
//! HEADERS-6 holds too: a `Basic-Auth` seals the path of its entry, and where that cannot be read, or the file cannot,
//! no gate starts.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::field::{Names, Part};
use super::parse::{Fault, explain};
use super::password::{self, Closed};
use super::pattern::HeaderPath;
use super::{Block, ParsedHeaders};
use crate::reading::netlify_toml::{Document, TomlFile, on_one_line};

type Value<'v, 'i> = &'v Spanned<DeValue<'i>>;

/// Reads a whole file.
pub(super) fn file(document: &Document<'_>) -> ParsedHeaders {
    let (names, parsed, closed) = Default::default();
    let mut reader = Reader { file: &document.file, names, parsed, closed };
    match &document.root {
        Ok(root) => reader.document(root.get_ref()),
        // The rules of the file say why it cannot be read.
        Err(_) => reader.unparsed(&document.text()),
    }
    reader.parsed.problems.sort_by_key(|problem| problem.span);
    reader.parsed
}

struct Reader<'a> {
    file: &'a TomlFile<'a>,
    names: Names,
    parsed: ParsedHeaders,
    closed: Closed,
}

impl Reader<'_> {
    fn unparsed(&mut self, text: &str) {
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            if password::is_mentioned(line) {
                let end = (start + line.trim_end().len()).min(self.file.bytes().len());
                self.close(&(start.min(end)..end), None);
                return;
            }
            start += line.len();
        }
    }

    fn document(&mut self, root: &DeTable<'_>) {
        for (key, value) in root {
            match key.get_ref().as_ref() {
                "headers" => self.list(&key.span(), value),
                // The fields of a rule go to an upstream; an edge function asks for those of a request.
                "redirects" | "edge_functions" => {}
                _ => self.misplaced(key, value),
            }
        }
    }

    fn list(&mut self, key: &Range<usize>, value: Value<'_, '_>) {
        let DeValue::Array(entries) = value.get_ref() else {
            let message = "`headers` is not a list of tables";
            let help = "write `[[headers]]`, in double brackets, above every path";
            self.refuse(key.clone(), "toml-headers", message, help);
            return self.passwords(None, value);
        };
        for entry in entries {
            match entry.get_ref() {
                DeValue::Table(table) => self.entry(&entry.span(), table),
                _ => {
                    let message = "this is no table, so it sets no header field";
                    let help = "write `[[headers]]`, and `for` and `values` below it";
                    self.refuse(entry.span(), "toml-headers", message, help);
                    self.passwords(None, entry);
                }
            }
        }
    }

    fn entry(&mut self, at: &Range<usize>, table: &DeTable<'_>) {
        self.closed = Closed::default();
        let (path, pattern) = self.path(at, table).unzip();
        let path = path.as_deref();
        let mut fields = Vec::new();
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("for", _) => {}
                ("values", DeValue::Table(values)) => fields.extend(values),
                ("values", _) => {
                    let help = "write `[headers.values]`, and below it `Name = \"value\"`";
                    self.refuse(value.span(), "toml-headers", "`values` is not a table", help);
                    self.passwords(path, value);
                }
                (name, _) if password::is_asked_for(name) => self.close(&key.span(), path),
                (name, _) => {
                    let message = format!("`{name}` is not a field of `[[headers]]`, and is not looked at");
                    let help = "use `for` and `values`; header fields stand in `[headers.values]`";
                    self.refuse(key.span(), "toml-headers", message, help);
                    self.passwords(path, value);
                }
            }
        }
        // As written; the table is sorted by name.
        fields.sort_by_key(|(key, _)| key.span().start);
        let mut block = pattern.map(|path| Block { path, fields: Vec::new(), more: Vec::new() });
        for (key, value) in fields {
            let name = key.get_ref().trim();
            if password::is_asked_for(name) {
                self.close(&key.span(), path);
            } else if let Some(block) = &mut block {
                self.field(block, name, &key.span(), value);
            } else {
                self.passwords(None, value);
            }
        }
        block.iter_mut().for_each(Block::close);
        self.parsed.rules.blocks.extend(block.filter(|block| !block.fields.is_empty()));
    }

    /// HEADERS-2: the path of an entry, as written and as read, if it can be read.
    fn path(&mut self, at: &Range<usize>, table: &DeTable<'_>) -> Option<(String, HeaderPath)> {
        let Some(value) = table.get("for") else {
            let help = "write `for = \"/path\"`";
            self.refuse(at.clone(), "toml-headers", "these header fields stand under no path", help);
            return None;
        };
        let Some(path) = value.get_ref().as_str().map(str::trim) else {
            self.refuse(value.span(), "toml-headers", "`for` is not a text", "write `for = \"/path\"`");
            return None;
        };
        if path.is_empty() || path.contains("://") {
            let message = format!("`{path}` is not a path");
            self.refuse(value.span(), "toml-headers", message, "begin with `/`, without scheme and host");
            return None;
        }
        // HEADERS-8: here a path is read from the root with or without a slash in front, as the owner's package does.
        let path = format!("/{}", path.strip_prefix('/').unwrap_or(path));
        match HeaderPath::parse(&path) {
            Ok(read) => Some((path, read)),
            Err(fault) => {
                let fault = Fault { range: value.span(), instead: None, ..explain(&path, fault) };
                self.say(fault);
                None
            }
        }
    }

    /// HEADERS-3, HEADERS-4
    fn field(&mut self, block: &mut Block, name: &str, key: &Range<usize>, value: Value<'_, '_>) {
        let Some(text) = text(value.get_ref()) else {
            let message = format!("the value of `{name}` is neither a text nor a list of texts");
            self.refuse(value.span(), "header-value", message, "write it in quotes");
            return self.passwords(None, value);
        };
        match self.names.read(name, &text) {
            Ok((name, value)) => block.add(name, value),
            Err(fault) => {
                let range = if fault.part == Part::Value { value.span() } else { key.clone() };
                self.refuse(range, fault.id, fault.message, fault.help);
            }
        }
    }

    /// A list of header fields where nobody looks for one.
    fn misplaced(&mut self, key: &Spanned<std::borrow::Cow<'_, str>>, value: Value<'_, '_>) {
        let tables = match value.get_ref() {
            DeValue::Table(table) => vec![table],
            DeValue::Array(items) => items.iter().filter_map(|item| item.get_ref().as_table()).collect(),
            _ => return,
        };
        let letters: String = key.get_ref().chars().filter(|c| c.is_alphanumeric()).collect();
        if letters.to_lowercase().starts_with("header") {
            let message = format!("`{}` is not read here, so none of its fields is sent", key.get_ref());
            let help = "write `[[headers]]`, at the top level of the file";
            self.refuse(key.span(), "toml-misplaced", message, help);
            for table in tables {
                self.closed = Closed::default();
                let path = table.get("for").and_then(|path| path.get_ref().as_str()).map(str::trim);
                let path = path.filter(|path| path.starts_with('/') && HeaderPath::parse(path).is_ok());
                table.iter().for_each(|(key, value)| self.password(path, key, value));
            }
            return;
        }
        for (key, value) in tables.into_iter().flatten() {
            self.misplaced(key, value);
        }
    }

    /// HEADERS-6: every `Basic-Auth` in what is not in force.
    fn passwords(&mut self, path: Option<&str>, value: Value<'_, '_>) {
        match value.get_ref() {
            DeValue::String(text) if text.lines().any(password::is_asked_for) => self.close(&value.span(), path),
            DeValue::Array(items) => items.iter().for_each(|item| self.passwords(path, item)),
            DeValue::Table(table) => table.iter().for_each(|(key, value)| self.password(path, key, value)),
            _ => {}
        }
    }

    fn password(&mut self, path: Option<&str>, key: &Spanned<std::borrow::Cow<'_, str>>, value: Value<'_, '_>) {
        if password::is_asked_for(key.get_ref()) {
            self.close(&key.span(), path);
        } else {
            self.passwords(path, value);
        }
    }

    fn close(&mut self, range: &Range<usize>, path: Option<&str>) {
        let span = self.file.span(range);
        password::close(&mut self.parsed, span, path, &mut self.closed);
    }

    fn refuse(&mut self, range: Range<usize>, id: &'static str, message: impl Into<String>, help: impl Into<String>) {
        self.say(Fault { id, range, message: message.into(), help: help.into(), instead: None });
    }

    fn say(&mut self, fault: Fault) {
        self.parsed.problems.push(fault.into_problem(|range| self.file.span(range)));
    }
}

/// HEADERS-8: a value, which may be a list, or go over several lines.
fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => {
            Some(on_one_line(text).trim().split(',').map(str::trim).collect::<Vec<_>>().join(", "))
        }
        DeValue::Array(items) => {
            let one = |item: &Spanned<DeValue<'_>>| Some(on_one_line(item.get_ref().as_str()?).trim().to_owned());
            let items: Option<Vec<String>> = items.iter().map(one).collect();
            items.map(|items| items.join(", "))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::RequestPath;

    fn file(bytes: &[u8]) -> ParsedHeaders {
        super::file(&Document::read(bytes))
    }

    /// The problems of a file, each `line:column id`.
    fn problems(parsed: &ParsedHeaders) -> Vec<String> {
        let problems = parsed.problems.iter();
        problems.map(|problem| format!("{}:{} {}", problem.span.line, problem.span.column, problem.id)).collect()
    }

    #[test]
    fn headers_8() {
        let parsed = file(
            "\u{feff}[[headers]]\nfor = \" /a/* \"\n[headers.values]\nX-One = 'a'\nx-one = 'b'\nX-List = ['a', ' b ']\n\
             X-Lines = '''\n a,\n   b'''\nX-Policy = \"\"\"\n  default-src 'self';\r\n\n\t img-src *;\n\"\"\"\nX-Both = [\"a\\n b\", 'c']\n[[headers]]\nfor = '/b'\nvalues = { X-B = 'yes' }\n"
                .as_bytes(),
        );
        assert_eq!(problems(&parsed), [""; 0]);
        let fields = |path: &str| -> Vec<String> {
            let path = RequestPath::parse(path.as_bytes()).unwrap();
            parsed.rules.fields(&path).map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
        };
        assert_eq!(
            fields("/a/x"),
            [
                "x-one: a, b",
                "x-list: a, b",
                "x-lines: a, b",
                "x-policy: default-src 'self'; img-src *;",
                "x-both: a b, c",
            ]
        );
        assert_eq!(fields("/b"), ["x-b: yes"]);
    }

    #[test]
    fn headers_8_a_path_without_a_slash_in_front() {
        let toml =
            "[[headers]]\nfor = '*.js'\nvalues = { X-A = 'js' }\n[[headers]]\nfor = 'm/*'\nvalues = { X-A = 'm' }\n";
        let parsed = file(toml.as_bytes());
        assert_eq!(problems(&parsed), [""; 0]);
        for (path, value) in [("/a.js", Some("js")), ("/x/a.js", Some("js")), ("/m/x", Some("m")), ("/a.css", None)] {
            let path = RequestPath::parse(path.as_bytes()).unwrap();
            let fields: Vec<_> = parsed.rules.fields(&path).collect();
            assert_eq!(fields.first().map(|(_, value)| value.to_str().unwrap()), value);
        }
    }

    #[test]
    fn what_is_not_in_force() {
        for (text, found) in [
            ("[headers]\nfor = '/a'", "1:2 toml-headers"),
            ("headers = [1]", "1:12 toml-headers"),
            ("[[headers]]\nvalues = {}", "1:1 toml-headers"),
            ("[[headers]]\nfor = 1", "2:7 toml-headers"),
            ("[[headers]]\nfor = ''", "2:7 toml-headers"),
            ("[[headers]]\nfor = 'https://a.example/'", "2:7 toml-headers"),
            ("[[headers]]\nfor = '/a b'", "2:7 path-space"),
            ("[[headers]]\nfor = '/a'\nvalues = 'X-A: b'", "3:10 toml-headers"),
            ("[[headers]]\nfor = '/a'\nX-A = 'b'", "3:1 toml-headers"),
            ("[[headers]]\nfor = '/a'\nvalues = { X-A = 1 }", "3:18 header-value"),
            ("[[headers]]\nfor = '/a'\nvalues = { X-A = \"a\\u0000b\" }", "3:18 header-value"),
            ("[[headers]]\nfor = '/a'\nvalues = { X-A = '' }", "3:12 header-value"),
            ("[[headers]]\nfor = '/a'\nvalues = { 'X A' = 'b' }", "3:12 header-name"),
            ("[[headers]]\nfor = '/a'\nvalues = { Location = '/b' }", "3:12 header-reserved"),
            ("[[header]]\nfor = '/a'\nvalues = { X-A = 'b' }", "1:3 toml-misplaced"),
            ("[[context.production.headers]]\nfor = '/a'", "1:22 toml-misplaced"),
        ] {
            assert_eq!(problems(&file(text.as_bytes())), [found], "{text}");
        }
    }

    #[test]
    fn headers_6() {
        for (text, sealed) in [
            ("[[headers]]\nfor = '/a'\nvalues = { Basic-Auth = 'a:b' }", Some("/a")),
            ("[[headers]]\nfor = '/a/*'\n[headers.values]\n\"basic_auth\" = ['a:b']", Some("/a/*")),
            ("[[headers]]\nfor = '/a'\nBasic-Auth = 'a:b'", Some("/a")),
            ("[[headers]]\nfor = '/a'\nvalues = 'Basic-Auth: a:b'", Some("/a")),
            ("[[headers]]\nfor = '/a'\nvalue = { Basic-Auth = 'a:b' }", Some("/a")),
            ("[[header]]\nfor = '/a'\nvalues = { Basic-Auth = 'a:b' }", Some("/a")),
            ("[[context.production.headers]]\nfor = '/a'\nvalues = { Basic-Auth = 'a:b' }", Some("/a")),
            ("[[headers]]\nfor = 'a/*'\nvalues = { Basic-Auth = 'a:b' }", Some("/a/*")),
            ("[[headers]]\nfor = ''\nvalues = { Basic-Auth = 'a:b' }", None),
            ("[[headers]]\nvalues = { Basic-Auth = 'a:b' }", None),
            ("[headers]\nfor = '/a'\nvalues = { Basic-Auth = 'a:b' }", None),
            ("headers = ['Basic-Auth: a:b']", None),
            ("[[headers]]\nfor = '/a'\nvalues = { Basic-Auth = 'a:b'", None),
        ] {
            let parsed = file(text.as_bytes());
            let seals: Vec<String> = parsed.seals.iter().map(|rule| rule.pattern.to_string()).collect();
            assert_eq!(seals, sealed.as_slice(), "{text}");
            assert_eq!(parsed.unreadable.len(), usize::from(sealed.is_none()), "{text}");
            assert!(problems(&parsed).iter().any(|problem| problem.ends_with("basic-auth")), "{text}");
        }
        for text in [
            "[[edge_functions]]\npath = '/a'\nheader = { X-A = true }",
            "[build.environment]\nBASIC_AUTH = 'a:b'",
            "[[redirects]]\nheaders = { Basic-Auth = 'a:b' }",
            "x = [",
        ] {
            let parsed = file(text.as_bytes());
            assert!(parsed.problems.is_empty() && parsed.seals.is_empty(), "{text}");
        }
    }
}
