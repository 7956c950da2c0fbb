//! What can be wrong with a `_headers` file, or with `[[headers]]` of `netlify.toml`.

use rolegate::words;

use super::Entry;

/// What follows from most errors.
const NOTHING: &str = "the file without this header field";

pub(super) const ENTRIES: &[Entry] = &[
    Entry::error(
        "basic-auth",
        words::message::BASIC_AUTH,
        "nobody is admitted to the path",
        "close the path with a rule in `_redirects` that asks for a role, and take the line out",
    )
    .elsewhere("those that know it ask for the password; the others serve the file to everybody"),
    Entry::error(
        "header-reserved",
        "the server itself says this header field, and it cannot be set",
        NOTHING,
        "leave the line out",
    ),
    Entry::error("no-colon", "a line is neither a path nor a header field", NOTHING, words::help::NO_COLON),
    Entry::error(
        "no-path",
        "a header field stands under no path",
        NOTHING,
        "write the path on a line before it, such as `/*`",
    ),
    Entry::error("not-utf-8", "a line is not UTF-8 text", NOTHING, words::help::NOT_UTF_8),
    Entry::error(
        "path-dots",
        "a path holds dot segments, which no request keeps",
        NOTHING,
        "write the path without them",
    ),
    Entry::error("path-query", "a path holds a query or a fragment", NOTHING, words::help::PATH_QUERY),
    Entry::error("path-space", "a path does not stand alone on its line", NOTHING, words::help::PATH_SPACE),
    Entry::error("path-unreadable", "no request matches the path", NOTHING, words::help::PATH_UNREADABLE),
    Entry::warning(
        "role-in-headers",
        "a header field has the name of a condition",
        "the file to everybody, with that header field",
        words::help::ROLE_IN_HEADERS,
    ),
    Entry::error(
        "rule-in-headers",
        "a rule of `_redirects` stands in `_headers`",
        NOTHING,
        words::help::RULE_IN_HEADERS,
    ),
    Entry::error(
        "toml-headers",
        "`[[headers]]` of `netlify.toml` is not a list of tables with `for` and `values`",
        NOTHING,
        "write `[[headers]]` with `for = \"/path\"`, and the header fields in `[headers.values]`",
    ),
    Entry::error(
        "too-many-names",
        "the file names more header fields than an answer can carry",
        NOTHING,
        "leave some of them out",
    ),
    Entry::error(
        "url-for-path",
        "header fields are given to a URL instead of a path",
        NOTHING,
        words::help::URL_FOR_PATH,
    ),
];
