//! The words for a kind of problem that are the same for every line: each stands here and nowhere else.
//!
//! A constant is named after the id of its kind. Whoever reads rules adds the place and what was written there; whoever lists the
//! kinds tells the same words.

/// What is the matter.
pub mod message {
    use crate::rules::MAX_LINE;

    /// `line-too-long`, of a line with so many bytes.
    pub(crate) fn line_too_long(bytes: usize) -> String {
        format!("this line has {bytes} bytes; no more than {MAX_LINE} are read")
    }

    /// `line-end`
    pub const LINE_END: &str = "a line ends in CR alone, without LF";
    /// `to-literal-star`
    pub const TO_LITERAL_STAR: &str = "a `*` in a destination is literal text";
    /// `from-double-star`
    pub const FROM_DOUBLE_STAR: &str = "`**` is no splat";
    /// `from-query`
    pub const FROM_QUERY: &str = "`from` holds a query";
    /// `from-utf8`
    pub const FROM_UTF8: &str = "the escapes in `from` are not UTF-8";
    /// `status-missing`
    pub const STATUS_MISSING: &str = "conditions stand after a status, and there is none";
    /// `to-name-in-upstream`
    pub const TO_NAME_IN_UPSTREAM: &str = "a visitor would choose the server that the gate asks";
    /// `toml-force`
    pub const TOML_FORCE: &str = "`force` is neither `true` nor `false`";
    /// `toml-redirects`
    pub const TOML_REDIRECTS: &str = "`redirects` is not a list of tables";
    /// `basic-auth`
    pub const BASIC_AUTH: &str = "`Basic-Auth` asks for a password, which this gate does not know how to ask for";
}

/// What to write instead.
pub mod help {
    /// `condition-comma`
    pub const CONDITION_COMMA: &str = "write each value as a text of its own";
    /// `condition-empty`
    pub const CONDITION_EMPTY: &str = "write a value on each side of every comma, without spaces";
    /// `condition-repeated`
    pub const CONDITION_REPEATED: &str = "list the values in one condition, with commas between them";
    /// `from-double-star`
    pub const FROM_DOUBLE_STAR: &str = "write `/*` at the end: it covers every depth";
    /// `from-escape`
    pub const FROM_ESCAPE: &str = "write `%25` for a percent sign";
    /// `from-many-stars`
    pub const FROM_MANY_STARS: &str = "write `/*` at the end of the path alone";
    /// `from-foreign-syntax`
    pub const FROM_FOREIGN_SYNTAX: &str = "write `:name` for one segment, or `/*` at the end for all that begins so";
    /// `from-fragment`
    pub const FROM_FRAGMENT: &str = "a browser sends nothing of what follows `#`: leave it out if the rule is for every visit of the \
        path before it, or write `%23` for a `#` in the path";
    /// `from-host`
    pub const FROM_HOST: &str = "write a host name, with a port if it is not the default one";
    /// `from-literal-star`
    pub const FROM_LITERAL_STAR: &str =
        "a star stands at the end of a path, as a segment of its own; write `%2A` if a star is meant";
    /// `from-middle-star`
    pub const FROM_MIDDLE_STAR: &str = "write `:name` for one segment, or `/*` at the end";
    /// `from-missing`
    pub const FROM_MISSING: &str = "write `from = \"/path\"`";
    /// `from-not-a-path`
    pub const FROM_NOT_A_PATH: &str = "begin with `/`, or with `http://` or `https://` and a host";
    /// `from-prefix-star`
    pub const FROM_PREFIX_STAR: &str =
        "a star stands for whole segments: write it behind the folder that is meant, or list the paths";
    /// `from-query`
    pub const FROM_QUERY: &str = "write parameters as fields of their own, `key=value`, or write `%3F`";
    /// `from-utf8`
    pub const FROM_UTF8: &str = "encode the UTF-8 bytes of the text";
    /// `header-name`
    pub const HEADER_NAME: &str = "write letters, digits and `-`";
    /// `headers-without-proxy`
    pub const HEADERS_WITHOUT_PROXY: &str = "leave them out, or write a URL and the status 200";
    /// `invalid-utf8`
    pub const INVALID_UTF8: &str = "save the file as UTF-8, or percent-encode the path";
    /// `query-like-role`
    pub const QUERY_LIKE_ROLE: &str = "if a role is meant, write `Role=` after the status";
    /// `query-role`
    pub const QUERY_ROLE: &str = "write destination and status first: conditions stand after the status";
    /// `role-colon`, for what looks like a name that `from` captures.
    pub const ROLE_FROM_PATH: &str =
        "a role is never filled in from the path: write one rule for each role, with the name of that role in it";
    /// `role-colon`
    pub const ROLE_COLON: &str = "name the role without a colon";
    /// `sign-variable`
    pub const SIGN_VARIABLE: &str = "name the variable that holds the secret: letters, digits and `_`";
    /// `sign-without-proxy`
    pub const SIGN_WITHOUT_PROXY: &str = "leave the signature out, or write a URL and the status 200";
    /// `status-unusual`
    pub const STATUS_UNUSUAL: &str = "write 301 or 302";
    /// `to-absolute`
    pub const TO_ABSOLUTE: &str = "write a local path, or the status 200 or 302";
    /// `to-foreign-syntax`
    pub const TO_FOREIGN_SYNTAX: &str =
        "write `:splat` for what the star of `from` stands for, or the `:name` that `from` captures";
    /// `to-missing`, for what is shown.
    pub const TO_LEFT_OUT: &str = "it can be left out only where `from` ends in `/*`";
    /// The same, behind what is said of a star.
    pub const A_DESTINATION_LEFT_OUT: &str = "a destination can be left out only where `from` ends in `/*`";
    /// `to-missing`
    pub const TO_MISSING: &str = "write one; it can be left out only where `from` ends in `/*` and the status is 200";
    /// `to-name-in-host`
    pub const TO_NAME_IN_HOST: &str = "write it between dots, as in `https://:name.example.com/`";
    /// `to-name-in-upstream`
    pub const TO_NAME_IN_UPSTREAM: &str = "write the whole host, or a redirect status such as 302";
    /// `to-other-site`
    pub const TO_OTHER_SITE: &str = "write `https://host/…` for another site, or a single `/`";
    /// `to-unknown-name`
    pub const TO_UNKNOWN_NAME: &str = "capture it in `from` or in a query parameter, or write `%3A` for a colon";
    /// `toml-role-in-path`
    pub const TOML_ROLE_IN_PATH: &str =
        "write the path alone, and beside it `status = 200`, `force = true` and `conditions = { Role = [\"admin\"] }`";
    /// `toml-misplaced`
    pub const TOML_MISPLACED: &str = "write `[[redirects]]`, at the top level of the file";
    /// `line-end`
    pub const LINE_END: &str = "save the file with LF, or CR LF, at the end of each line";
    /// `no-colon`
    pub const NO_COLON: &str = "begin a path with `/`, and write a header field as `Name: value`";
    /// `not-utf-8`
    pub const NOT_UTF_8: &str = "save the file as UTF-8";
    /// `path-query`
    pub const PATH_QUERY: &str = "leave out what begins with `?` or `#`";
    /// `path-space`
    pub const PATH_SPACE: &str = "write header fields on lines of their own, and a space in a path as `%20`";
    /// `rule-in-headers`
    pub const RULE_IN_HEADERS: &str = "move this line to `_redirects`";
    /// `role-in-headers`
    pub const ROLE_IN_HEADERS: &str = "write a rule that asks for the role into `_redirects`, and take this line out";
    /// `path-unreadable`
    pub const PATH_UNREADABLE: &str = "write the characters themselves, or valid escapes such as `%20`";
    /// `url-for-path`
    pub const URL_FOR_PATH: &str = "leave scheme and host out, and begin with `/`";
}
