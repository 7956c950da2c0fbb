//! What can be wrong with a line of `_redirects` or an entry of `netlify.toml`, whatever stands around it.

use rolegate::words;

use super::Entry;

/// What follows from most errors, where the line names no role.
const NOTHING: &str = "the file at the path, or a 404, as if the line were not there";

/// What a comment changes.
const OF_A_COMMENT: &str = "nothing changes: what the comment is about is told as if it were not there";

pub(super) const ENTRIES: &[Entry] = &[
    Entry::warning(
        "allow-unknown",
        "a comment accepts a kind of finding that there is not",
        OF_A_COMMENT,
        "write the id that stands in brackets behind `warning` or `error`",
    ),
    Entry::warning(
        "allow-unreadable",
        "a comment begins with `rolegate:`, and what follows is not `allow ID reason`",
        OF_A_COMMENT,
        "write `# rolegate: allow ID reason`",
    ),
    Entry::warning(
        "allow-unused",
        "a comment accepts a finding where there is none",
        "nothing changes",
        "take the comment out, or put it before the rule that it is about",
    ),
    Entry::warning(
        "allow-without-reason",
        "a comment accepts a finding and does not say why",
        OF_A_COMMENT,
        "write the reason behind the id",
    ),
    Entry::error(
        "bare-word",
        "a field is neither a parameter nor a condition",
        NOTHING,
        "write it as `key=value`, or leave it out",
    )
    .trap(&["L3"])
    .elsewhere_always("the word is skipped, and what is left of the line is in force; a rule that names no role but by this word is for everybody"),
    Entry::error("blank", "a line holds no field", "nothing changes", "remove the line"),
    Entry::warning(
        "cookie-name",
        "a cookie condition names what no cookie is called, such as `name=value`",
        "the rule never matches by this value",
        "write the name of the cookie alone: the condition asks whether there is one, whatever its value",
    ),
    Entry::warning(
        "country-unknown",
        "a country condition lists what is no code of a country, such as `UK` or `USA`",
        "the rule never matches by this value",
        "write the code of two letters of ISO 3166-1, such as `GB` or `US`",
    ),
    Entry::warning(
        "language-unknown",
        "a language condition lists what is no tag of a language, such as `zh_CN` or `english`",
        "the rule never matches by this value",
        "write the tag of BCP 47, such as `zh-CN` or `en`",
    ),
    Entry::warning(
        "from-foreign-syntax",
        "`from` holds what another program would take for a pattern, such as `(.*)`, `{id}`, `[slug]` or `:path*`",
        "the rule for a path with that text in it, or for one segment behind a colon, and for no other",
        words::help::FROM_FOREIGN_SYNTAX,
    )
    .elsewhere("the rule may match nothing; where it asks for a role, everybody gets the file"),
    Entry::warning(
        "from-look-alike",
        "`from` holds a character that looks like a star, a slash or a colon of the format and is another one",
        "the rule for a path with that character in it, and for no other",
        "write the character of the format, or the other one as an escape",
    ),
    Entry::warning(
        "to-foreign-syntax",
        "a destination holds what stands for something in another program, such as `$1` or `{id}`",
        "a destination with that text in it",
        words::help::TO_FOREIGN_SYNTAX,
    ),
    Entry::warning(
        "to-literal-star",
        words::message::TO_LITERAL_STAR,
        "a destination with a star in it",
        "write `:splat` for what the star of `from` stands for, or `%2A` if a star is meant",
    ),
    Entry::error(
        "condition-comma",
        "an item of a list in `netlify.toml` holds a comma",
        NOTHING,
        words::help::CONDITION_COMMA,
    )
    .trap(&["L12"])
    .elsewhere("the item is read as two, so that each of them is admitted"),
    Entry::error(
        "condition-empty",
        "a condition lists an empty value, as `Role=` and `Role=a, b` do",
        NOTHING,
        words::help::CONDITION_EMPTY,
    )
    .trap(&["L12", "L14"])
    .elsewhere("an empty role may admit everybody, and what follows a space after a comma is lost"),
    Entry::error(
        "condition-repeated",
        "a condition stands on the rule twice",
        NOTHING,
        words::help::CONDITION_REPEATED,
    )
    .elsewhere("one of the two counts, and nobody says which"),
    Entry::error(
        "condition-unknown",
        "a condition has a key that is none, such as `Contry=` or `ROLE=`",
        "the file at the path, or a 404: the rule never matches",
        "write `Role`, `Country`, `Language` or `Cookie`",
    )
    .trap(&["L2"])
    .elsewhere("the rule never matches, and everybody gets the file"),
    Entry::error(
        "control-character",
        "a character stands in the text that controls something or is not seen",
        NOTHING,
        "remove it",
    ),
    Entry::error(
        "from-backslash",
        "`from` holds a backslash, and no request that holds one is answered",
        NOTHING,
        "write `/`",
    ),
    Entry::error(
        "from-control",
        "`from` holds an encoded control character, and no request that holds one is answered",
        NOTHING,
        "leave it out",
    ),
    Entry::error("from-double-star", words::message::FROM_DOUBLE_STAR, NOTHING, words::help::FROM_DOUBLE_STAR),
    Entry::error(
        "from-encoded-slash",
        "`from` holds an encoded slash, and no request that holds one is answered",
        NOTHING,
        "write `/`",
    ),
    Entry::error("from-escape", "`%` starts no escape in `from`", NOTHING, words::help::FROM_ESCAPE),
    Entry::error(
        "from-many-stars",
        "more than 32 segments follow a `*` that is not at the end of `from`",
        NOTHING,
        words::help::FROM_MANY_STARS,
    ),
    Entry::error(
        "from-fragment",
        "`from` holds a fragment, and no request has one",
        NOTHING,
        words::help::FROM_FRAGMENT,
    ),
    Entry::error("from-host", "the host of `from` is none", NOTHING, words::help::FROM_HOST),
    Entry::warning(
        "from-literal-star",
        "a `*` in the middle of a segment is literal text",
        "the rule for a path with a star in it, and for no other",
        words::help::FROM_LITERAL_STAR,
    ),
    Entry::warning(
        "from-middle-star",
        "a `*` in the middle of a path is not documented",
        "the rule for one or more segments in its place",
        words::help::FROM_MIDDLE_STAR,
    )
    .elsewhere("they differ; the rule may match nothing, and where it asks for a role everybody gets the file"),
    Entry::warning(
        "from-without-slash",
        "`from` does not begin with a slash",
        "the rule for the path with it",
        "write the slash",
    ),
    Entry::error("from-missing", "an entry of `netlify.toml` has no `from`", NOTHING, words::help::FROM_MISSING),
    Entry::error("from-not-a-path", "`from` is not a path", NOTHING, words::help::FROM_NOT_A_PATH),
    Entry::warning(
        "from-not-canonical",
        "`from` holds dot segments or empty segments, which no request keeps",
        "the rule for the path without them",
        "write the path as it is read",
    )
    .elsewhere("the rule may match nothing"),
    Entry::warning(
        "from-prefix-star",
        "a `*` that is not a segment of its own is not documented",
        "the rule for everything that begins so",
        words::help::FROM_PREFIX_STAR,
    )
    .elsewhere("they differ; the rule may match nothing, and where it asks for a role everybody gets the file"),
    Entry::error("from-query", words::message::FROM_QUERY, NOTHING, words::help::FROM_QUERY),
    Entry::error(
        "from-reserved",
        "`from` begins with `/.netlify`, which the platform keeps for itself",
        NOTHING,
        "choose another path",
    ),
    Entry::error("from-utf8", words::message::FROM_UTF8, NOTHING, words::help::FROM_UTF8),
    Entry::error("header-name", "a header field has a name that is none", NOTHING, words::help::HEADER_NAME),
    Entry::error(
        "header-of-the-connection",
        "a rule sets a header that the gate itself writes on what it forwards",
        NOTHING,
        "leave it out",
    ),
    Entry::error("header-repeated", "a header stands on the rule twice", NOTHING, "leave one of them out"),
    Entry::error(
        "header-value",
        "a header field has no value, or one that cannot be sent",
        NOTHING,
        "write a value in printable characters",
    ),
    Entry::warning(
        "headers-without-proxy",
        "a rule has headers for what it forwards, and forwards nothing",
        "the answer of the rule; the headers go nowhere",
        words::help::HEADERS_WITHOUT_PROXY,
    ),
    Entry::error("invalid-utf8", "the text is not UTF-8", NOTHING, words::help::INVALID_UTF8),
    Entry::warning(
        "line-end",
        words::message::LINE_END,
        "the rules, each on its line",
        words::help::LINE_END,
    )
    .elsewhere("the lines up to the next LF are one: what follows a `#` is a comment, and rules are lost"),
    Entry::error("line-too-long", "the line or text has more than 16 KiB", NOTHING, "write several shorter ones"),
    Entry::error("query-key-empty", "a query parameter has no key", NOTHING, "write `key=value`"),
    Entry::error("query-key-repeated", "a query parameter stands on the rule twice", NOTHING, "leave one of them out"),
    Entry::warning(
        "query-like-role",
        "a query parameter has a key that is nearly `role`, or one of a destination that is shown has the key `role`",
        "the rule only where the address holds that parameter; behind a destination it asks nobody for a role",
        words::help::QUERY_LIKE_ROLE,
    ),
    Entry::error("query-role", "a role stands where query parameters stand", NOTHING, words::help::QUERY_ROLE)
        .elsewhere("the rule asks for a query parameter, and everybody gets the file"),
    Entry::warning(
        "role-colon",
        "a role name holds a colon",
        "the rule, as for any other name",
        words::help::ROLE_COLON,
    )
    .trap(&["L12"])
    .elsewhere("the role is known never to match, so that nobody is admitted"),
    Entry::error(
        "role-punctuation",
        "a role name holds quotation marks, brackets, a backslash, `=`, or a separator other than the comma",
        NOTHING,
        "write the names as they stand in the token, parted by commas: `Role=admin,editor`",
    )
    .trap(&["L12"])
    .elsewhere("the whole text is one name, so that those who are meant do not get in"),
    Entry::error("sign-variable", "a signature names no environment variable", NOTHING, words::help::SIGN_VARIABLE),
    Entry::warning(
        "sign-without-proxy",
        "a rule signs what it forwards, and forwards nothing",
        "the answer of the rule; nothing is signed",
        words::help::SIGN_WITHOUT_PROXY,
    ),
    Entry::error(
        "status-invalid",
        "the status is not a number from 200 to 599",
        NOTHING,
        "write one, with a `!` directly after it to force; in `netlify.toml` `force = true`",
    )
    .trap(&["L11"])
    .elsewhere("the rule does nothing or is not forced, and everybody gets the file"),
    Entry::error(
        "status-missing",
        words::message::STATUS_MISSING,
        NOTHING,
        "write `302` or `200!`, for example, before the first condition",
    )
    .trap(&["L1"]),
    Entry::warning(
        "status-unusual",
        "the status is an unusual one for a redirect",
        "the redirect, with this status",
        words::help::STATUS_UNUSUAL,
    )
    .elsewhere("they differ; the rule may be dropped"),
    Entry::error(
        "to-absolute",
        "the status shows a page of this site, and the destination is a URL",
        NOTHING,
        words::help::TO_ABSOLUTE,
    ),
    Entry::error("to-host", "the host of the destination is none", NOTHING, words::help::FROM_HOST),
    Entry::error("to-missing", "the rule has no destination", NOTHING, words::help::TO_MISSING).trap(&["L4"]),
    Entry::error("to-name-in-host", "a name stands for a part of a host label", NOTHING, words::help::TO_NAME_IN_HOST),
    Entry::error("to-name-in-upstream", words::message::TO_NAME_IN_UPSTREAM, NOTHING, words::help::TO_NAME_IN_UPSTREAM),
    Entry::error("to-not-a-path", "the destination is none", NOTHING, "begin with `/`, `http://` or `https://`"),
    Entry::error(
        "to-other-site",
        "a browser takes the destination for another site",
        NOTHING,
        words::help::TO_OTHER_SITE,
    ),
    Entry::error(
        "too-many-captures",
        "a rule captures more than 32 names, or its destination holds more than 32",
        NOTHING,
        "write fewer of them, or `/*` for the rest of a path",
    ),
    Entry::warning(
        "to-unknown-name",
        "the destination holds a name that the rule captures nowhere",
        "a destination with a colon and the name in it, as they are written",
        words::help::TO_UNKNOWN_NAME,
    ),
    Entry::error(
        "toml-field-repeated",
        "a field stands on the rule twice, under two names",
        NOTHING,
        "leave one of them out",
    ),
    Entry::warning(
        "toml-field-unknown",
        "the rule has a field that is none; an error where the field names a role",
        "the rule without the field",
        "write a field that there is, or leave it out",
    ),
    Entry::error("toml-force", words::message::TOML_FORCE, NOTHING, "write `force = true`, without quotes")
        .trap(&["L11"])
        .elsewhere("the rule is not forced or does nothing, and everybody gets the file"),
    Entry::error(
        "toml-misplaced",
        "a list of redirects, or a table of conditions that names a role, stands where none is read",
        NOTHING,
        words::help::TOML_MISPLACED,
    ),
    Entry::error(
        "toml-redirects",
        words::message::TOML_REDIRECTS,
        NOTHING,
        "write `[[redirects]]`, in double brackets",
    ),
    Entry::error(
        "toml-role-in-path",
        "a role stands behind the path in `from` or `to`",
        NOTHING,
        words::help::TOML_ROLE_IN_PATH,
    )
    .elsewhere("the text is part of the path, and everybody gets the file"),
    Entry::error(
        "toml-syntax",
        "the file is no TOML",
        "the files of the site: no rule of this file is in force",
        "correct the place",
    )
    .elsewhere("the site is not built, or none of the rules of the file is in force"),
    Entry::error(
        "toml-type",
        "a field has a value of the wrong type",
        NOTHING,
        "write the type that the message names",
    ),
    Entry::error(
        "white-space",
        "a character separates fields that is no space and no tab, or stands around a text",
        NOTHING,
        "write an ordinary space, or percent-encode it inside a path",
    ),
];
