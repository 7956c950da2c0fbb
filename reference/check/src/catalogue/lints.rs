//! What can be said only of a rule among the others, or before the files of the site. Each of these is in force.

use super::Entry;

pub(super) const ENTRIES: &[Entry] = &[
    Entry::warning("duplicate", "the same rule stands further up", "what the first of them says", "keep one of them")
        .elsewhere("the last of them counts"),
    Entry::warning(
        "fallback-misses-depth",
        "those whom the gate above denies are answered at its root alone",
        "the answer at the root, and a 404 at every deeper path",
        "end `from` in `/*`",
    )
    .trap(&["L16"]),
    Entry::warning(
        "file-before-rule",
        "the path of an unforced rule is a file of the site",
        "the file; never what the rule says",
        "force the rule with a `!` after its status, or remove the file or the rule",
    ),
    Entry::warning(
        "files-before-rule",
        "files of the site lie below the path of an unforced rule that leads elsewhere",
        "the files; what the rule says only where there is none",
        "force the rule with a `!` after its status, or remove the files",
    ),
    Entry::warning(
        "files-swallowed",
        "a forced rule shows one page in the place of the scripts and style sheets of the site, or of the files below a gate, leads to where they are not, or says of everything that it is not there",
        "the page, or a 404, at the path of every script and style sheet, or of every page",
        "leave out the `!`, so that files go first; with a role, let the rule show its own paths",
    ),
    Entry::warning(
        "gate-closes-nothing",
        "there is no file at the paths of a gate, and a folder that is called almost so, or lies there without the name of the folder that is published, is public",
        "the files of that folder, without being asked for a role",
        "write `from` as the path begins in the folder that is published",
    ),
    Entry::warning(
        "lints-stopped",
        "so many rules match the same paths that those from here on are not compared with each other",
        "what the rules say",
        "join rules that differ in a condition alone, or split the file and check each part",
    ),
    Entry::warning(
        "gate-function-open",
        "a role rule leads to a function, which answers at its own path as well",
        "a 404 at the function's own path: this gate runs no functions",
        "let the function look at the token itself: no rule can name a path below `/.netlify`",
    )
    .elsewhere("what the function answers at its own path, without being asked for a role"),
    Entry::warning(
        "to-behind-slash",
        "a destination begins with a slash, and looks like a URL behind it",
        "a path of this site, and a 404 there",
        "begin the destination with `https://` where another host is meant",
    ),
    Entry::warning(
        "gate-one-host",
        "a gate names one scheme and host, and no gate covers the path on the others",
        "the file on every other host of the site, without being asked for a role",
        "write `from` without scheme and host",
    )
    .trap(&["L15"]),
    Entry::warning(
        "gate-one-query",
        "a gate asks for query parameters, and a request with another parameter, or without them, gets what the gate keeps",
        "the file without being asked for a role, where the parameters are left out or others are added",
        "write the gate without the parameters",
    ),
    Entry::warning(
        "gate-one-spelling",
        "a gate covers one spelling of a file that has several",
        "the gate at every spelling of the file",
        "gate the other spellings too",
    )
    .trap(&["L8"])
    .elsewhere("the file at the other spellings, without being asked for a role"),
    Entry::warning(
        "gate-not-beneath",
        "a gate covers one path, or a role rule redirects from it, and files below that path are public",
        "the files below, without being asked for a role",
        "end `from` in `/*`",
    )
    .trap(&["L8"]),
    Entry::warning(
        "gate-shadowed",
        "a rule that asks for no role decides before the gate is met, for everybody or for some visitors or hosts",
        "what the rule above the gate says, or the file where that rule is not forced, without being asked for a role",
        "move the gate and its answer above that rule",
    )
    .trap(&["L5"]),
    Entry::warning(
        "gate-other-case",
        "a gate covers no file, and a folder that differs from its path in upper and lower case or the composition of characters alone is public",
        "the files of that folder, without being asked for a role",
        "write `from` as the folder is called",
    ),
    Entry::warning(
        "gate-target-open",
        "a role rule shows files that are public under their own paths",
        "the files under their own paths, without being asked for a role",
        "gate those paths too, where the files are not for everybody",
    ),
    Entry::warning(
        "gate-data-open",
        "a build writes the content of gated pages into a second file, for its scripts, and that file is public",
        "that file, without being asked for a role",
        "gate the folder of these files too",
    ),
    Entry::warning(
        "gate-undone",
        "a rule without a role leads to what a gate keeps for others: a path of another server, or another file",
        "a 404 where the gate denies, or a redirect to the other server; what the gate closes, at a path that the gate does not cover",
        "add the same `Role=` to the rule, or leave what the gate closes out of it",
    )
    .trap(&["L6"])
    .elsewhere("what the gate closes, without being asked for a role"),
    Entry::warning(
        "chain-into-nothing",
        "redirects lead one after the other to a path where there is nothing",
        "a 404 at the end of the chain",
        "let the first of them lead to a page, or the last one leave the page alone that is there",
    ),
    Entry::warning(
        "fallback-narrower",
        "the answer for those whom a gate denies asks for a parameter, a host or a condition that the gate does not ask for",
        "a 404 without them",
        "write an answer that asks for nothing",
    )
    .trap(&["L16"]),
    Entry::warning(
        "gate-backwards",
        "a role rule leads those who hold the role to the page for those who do not, such as one to log in or to pay, or to nothing where everybody else gets a page",
        "that page, or a 404, with the role, and without it a 404, or what the rule was meant to keep",
        "show those who hold the role what is for them, and lead everybody else to the page below it",
    ),
    Entry::warning(
        "gate-wider-below",
        "a wider role rule further down admits others to what a gate keeps",
        "the same as those whom the gate admits, for those who hold the other role",
        "put a forced denial between the two, if it is for those alone whom the gate names",
    ),
    Entry::warning(
        "gate-wider-above",
        "a wider role rule further up admits others to what a gate is to keep",
        "the same as those whom the gate admits, for those who hold the other role",
        "put the gate and a forced denial for the same paths above the wider rule, if they are for those alone whom the gate names",
    ),
    Entry::warning(
        "gate-without-way-in",
        "those whom a gate denies get nothing at all, and the page to log in lies behind it",
        "a 404 everywhere below the gate, the page to log in too",
        "show the page in the place of what is denied, with the status 401 and below the gate",
    ),
    Entry::warning(
        "leads-into-gate",
        "a rewrite leads into a gated tree, and the target of a rewrite is not matched again",
        "what the gate closes, without being asked for a role, or for another one",
        "add the same `Role=` to the rewrite, or lead elsewhere",
    )
    .trap(&["L6"]),
    Entry::warning(
        "link-into-gate",
        "a file under a gate has another name by a link or a hard link, and no gate names that",
        "the gate at every name of the file",
        "gate the other name too, or put a copy in the place of the link if the file is for everybody",
    )
    .elsewhere("the file at its other name, without being asked for a role"),
    Entry::warning(
        "login-page-assets-gated",
        "the page for those whom a gate denies loads a style sheet or a script that is denied to them as well",
        "the page without it",
        "let the page load it from where no gate is, by a path from the root, or write it into the page",
    ),
    Entry::warning(
        "login-page-gated",
        "those whom a gate denies are sent to a page that is denied to them as well",
        "a 404, and no way to log in",
        "show the page in the place of what is denied, with the status 401 and below the gate",
    )
    .trap(&["L9", "L10"])
    .elsewhere("the same, or a redirect without end"),
    Entry::warning(
        "role-other-case",
        "the name of a role differs in upper and lower case alone from one that another rule asks for",
        "the rule, for those alone whose token names the role just so",
        "write the name as it stands in the token",
    ),
    Entry::warning(
        "role-pattern",
        "the name of a role is written as a pattern, a negation, a variable or an escape, such as `!guest`, `admin*` or a `*` in a list",
        "the rule, for those alone whose token names the role just so, letter for letter",
        "write the names of the roles that are meant, parted by commas, or `Role=*` and nothing else for every valid token",
    )
    .trap(&["L12"]),
    Entry::warning(
        "role-redirect-hides",
        "a role rule redirects those who hold the role, or shows them another page, and nothing shows everybody else the page that is there",
        "a redirect or the other page with the role, and a 404 without it",
        "write a rule for the same path below it that shows the page, such as `/login /login 200`",
    ),
    Entry::warning(
        "role-redirect-kept",
        "a permanent redirect (301, 308, or no status) depends on a role: it is for those whom a gate denies, or for those who hold a role",
        "the redirect, which a browser asks for anew",
        "write the status 302",
    )
    .elsewhere("a browser may keep the redirect, and follow it after the visitor has logged in or out"),
    Entry::warning(
        "query-capture-in-path",
        "the value of a query parameter lands in the path of what is forwarded or shown",
        "a 404 where the value is empty, or holds a slash, a backslash, a control character or dots alone, however escaped; else what the rule says",
        "capture the text as a segment of the path, or put it into the query of the target",
    )
    .elsewhere("whatever lies at a path of the visitor's choice on the server that is asked"),
    Entry::warning(
        "query-key-digit",
        "a query parameter begins with a digit",
        "the rule",
        "name the parameter with a letter first",
    )
    .trap(&["L13"])
    .elsewhere("the rule is known to be dropped; where it asks for a role, everybody gets the file"),
    Entry::warning(
        "redirect-loop",
        "redirects lead in a circle, or go on without end",
        "an error of the browser, after many redirects",
        "let one of the rules lead to a page, or leave the page out of its `from`",
    ),
    Entry::warning(
        "redirect-to-itself",
        "a redirect leads to where it came from, a slash at the end aside",
        "what comes later, or the file, as if the rule were not there",
        "lead elsewhere, or remove the line",
    )
    .elsewhere("the same, or a redirect without end"),
    Entry::warning(
        "target-missing",
        "a rule shows or leads to a page of the site that is not there",
        "a 404",
        "lead to what is there; what `from` captures is written with a colon, such as `:splat`",
    ),
    Entry::warning(
        "tree-ends-walk",
        "a redirect into a tree of its own stands above a gate for that tree, or asks for a role itself",
        "in the tree what the gate below says",
        "write the gate above the redirect, or take the redirect out; with a role, write the status 200",
    )
    .elsewhere("in the tree the file or a 404, the gate notwithstanding"),
    Entry::warning(
        "role-with-condition",
        "a role stands beside a country, a language or a cookie on one rule",
        "a denial without the role; with the role and without the rest, what comes later: the file, where nothing does",
        "add a rule below it that turns everybody else away: a forced one, or a gate with the role alone",
    )
    .trap(&["L7"])
    .elsewhere("where the other condition does not hold the rule is skipped, and everybody gets the file"),
    Entry::warning(
        "rule-unreachable",
        "a rule further up decides every request that this one matches",
        "what the rule further up says",
        "let it go first, where no role rule is in between, or remove the line; `--fix` makes a comment of what is said further up already",
    ),
];
