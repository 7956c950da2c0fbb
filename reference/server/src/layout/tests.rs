use std::fs;

use super::*;

const GATE: &str = "/beta/* /beta/:splat 200! Role=admin\n";
const APPENDED: &str = "# all\n\n  /beta/* /beta/:splat 200! Role=admin\n* /.netlify/functions/render 200\n";
const PLAIN: &str = "/a /b 301\n";
const TOML_GATE: &str = "[[redirects]]\nfrom = \"/beta/*\"\nto = \"/beta/:splat\"\nstatus = 200\nforce = true\n[redirects.conditions]\nRole = [\"admin\"]\n";

fn publishes(folder: &str) -> String {
    format!("[build]\npublish = \"{folder}\"\n")
}

/// What is said of a project; a name that ends in a slash is a folder.
fn said(files: &[(&str, &str)], named: &str, toml: Option<&str>) -> String {
    let folder = tempfile::tempdir().unwrap();
    // Deep enough that nothing of the machine lies in the three folders above the project.
    let root = fs::canonicalize(folder.path()).unwrap().join("1/2/3/p");
    fs::create_dir_all(&root).unwrap();
    for (name, content) in files {
        let path = root.join(name);
        fs::create_dir_all(if name.ends_with('/') { &path } else { path.parent().unwrap() }).unwrap();
        if !name.ends_with('/') {
            fs::write(path, content).unwrap();
        }
    }
    let named = if named == "." { root.clone() } else { root.join(named) };
    let short =
        |text: String| text.replace(&format!("{}/", root.display()), "").replace(&root.display().to_string(), ".");
    match Layout::find(&named, toml.map(|toml| root.join(toml)).as_deref()) {
        Err(error) => short(format!("! {error}")),
        Ok((layout, bytes)) => {
            let files = [
                (&layout.redirects, is_there(&layout.redirects)),
                (&layout.toml, bytes.is_some()),
                (&layout.headers, is_there(&layout.headers)),
            ];
            let files = files.iter().filter(|(_, there)| *there).map(|(path, _)| path.display().to_string());
            let mut text = format!("{}:", layout.published.display());
            for file in files {
                text = text + " " + &file;
            }
            for note in &layout.notes {
                let severity = if note.severity == Severity::Error { "E" } else { "W" };
                text += &format!("\n{severity} {}", note.message);
            }
            short(text)
        }
    }
}

/// The files of a project with what they hold, the folder that is named, and what is said: the folder that is published, the
/// rule files, errors and warnings by how they begin; or the refusal.
type Shape<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a [&'a str]);

fn hold(shapes: &[Shape<'_>]) {
    for (files, named, expected) in shapes {
        let said = said(files, named, None);
        let lines: Vec<&str> = said.lines().collect();
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        assert_eq!(lines.len(), expected.len(), "{names:?} {named}: {said}");
        assert_eq!(lines[0], expected[0], "{names:?} {named}: {said}");
        for (line, begin) in lines.iter().zip(*expected).skip(1) {
            assert!(line.starts_with(begin), "{names:?} {named}: {said}");
        }
    }
}

#[test]
fn layout_1_the_root_and_the_published_folder_lead_to_each_other() {
    let (public, dist, site) = (publishes("public"), publishes("/dist/"), publishes("./_site"));
    let capital = "[Build]\nPublish = \"public\"\n";
    let based = "[build]\nbase = \"packages/a\"\npublish = \"dist\"\n";
    let production = "[build]\npublish = \"public\"\n[context.production]\npublish = \"dist\"\n";
    let nested = "[context.production.build]\npublish = \"dist\"\n";
    let preview = "[build]\npublish = \"public\"\n[context.deploy-preview]\npublish = \"dist\"\n";
    let two = "[context.deploy-preview]\npublish = \"dist\"\n[context.branch-deploy]\npublish = \"public\"\n";
    hold(&[
        (&[("_redirects", GATE)], ".", &[".: _redirects"]),
        (&[("_redirects", GATE), ("netlify.toml", "")], ".", &[".: _redirects netlify.toml"]),
        (&[("_redirects", GATE), ("netlify.toml", "[build]\npublish = \".\"\n")], ".", &[".: _redirects netlify.toml"]),
        (&[("_redirects", GATE), ("netlify.toml", "[build]\npublish = \"\"\n")], ".", &[".: _redirects netlify.toml"]),
        (&[("netlify.toml", &public), ("public/", "")], ".", &["public: netlify.toml"]),
        (&[("netlify.toml", &public), ("public/", "")], "public", &["public: netlify.toml"]),
        (&[("netlify.toml", &public), ("public/_redirects", GATE)], ".", &["public: public/_redirects netlify.toml"]),
        (&[("netlify.toml", &dist), ("dist/_headers", "")], ".", &["dist: netlify.toml dist/_headers"]),
        (&[("netlify.toml", &dist), ("dist/_headers", "")], "dist", &["dist: netlify.toml dist/_headers"]),
        (&[("netlify.toml", &site), ("_site/", "")], "_site", &["_site: netlify.toml"]),
        (&[("netlify.toml", &site), ("_site/", "")], ".", &["_site: netlify.toml"]),
        (&[("netlify.toml", capital), ("public/", "")], ".", &["public: netlify.toml"]),
        (
            &[("netlify.toml", "\u{feff}[build]\npublish = \"public\"\n"), ("public/", "")],
            ".",
            &["public: netlify.toml"],
        ),
        (&[("netlify.toml", based), ("packages/a/dist/", "")], ".", &["packages/a/dist: netlify.toml"]),
        (&[("netlify.toml", based), ("packages/a/dist/", "")], "packages/a", &["packages/a/dist: netlify.toml"]),
        (&[("netlify.toml", based), ("packages/a/dist/", "")], "packages/a/dist", &["packages/a/dist: netlify.toml"]),
        (&[("netlify.toml", nested), ("dist/", "")], ".", &["dist: netlify.toml"]),
        (
            &[("netlify.toml", production), ("dist/", ""), ("public/", "")],
            ".",
            &["dist: netlify.toml", "W `[build]` publishes `public`, and `dist` is looked at"],
        ),
        (&[("netlify.toml", production), ("dist/", ""), ("public/", "")], "public", &["public: netlify.toml"]),
        (
            &[("netlify.toml", preview), ("dist/", ""), ("public/", "")],
            ".",
            &["public: netlify.toml", "W `[context.deploy-preview]` publishes `dist`"],
        ),
        (&[("netlify.toml", preview), ("dist/", ""), ("public/", "")], "dist", &["dist: netlify.toml"]),
        (
            &[("netlify.toml", two), ("dist/", ""), ("public/", "")],
            ".",
            &[
                "! `netlify.toml` publishes `public` (`[context.branch-deploy]`) and `dist` (`[context.deploy-preview]`) and `.` \
             (otherwise): name the folder that is meant",
            ],
        ),
        (
            &[("netlify.toml", &publishes("../other"))],
            ".",
            &["! `netlify.toml` publishes `../other`, which lies outside its folder: write a folder below it"],
        ),
        (
            &[("netlify.toml", &publishes("a/../../b"))],
            ".",
            &["! `netlify.toml` publishes `a/../../b`, which lies outside its folder: write a folder below it"],
        ),
        (&[("netlify.toml", &publishes("public"))], ".", &["public: netlify.toml", "W `public` is not there"]),
        (
            &[("netlify.toml", "[build]\npublish = 1\n")],
            ".",
            &[".: netlify.toml", "E nobody knows what `netlify.toml`"],
        ),
        (
            &[("netlify.toml", "[build\npublish = \"public\"\n"), ("public/", "")],
            ".",
            &[".: netlify.toml", "E nobody knows what `netlify.toml`"],
        ),
        (
            &[
                ("netlify.toml", "[build]\npublish = \"dist\"\n[headers]\n[headers.a]\n[headers.a]\n"),
                ("dist/index.html", ""),
            ],
            ".",
            &[".: netlify.toml", "E nobody knows what `netlify.toml` publishes: it cannot be read"],
        ),
        (&[("netlify.toml", "[build\n")], ".", &[".: netlify.toml"]),
        (
            &[("netlify.toml", "publish = \"public\"\n"), ("public/", "")],
            ".",
            &[".: netlify.toml", "W `publish` stands"],
        ),
        (
            &[("netlify.toml", "[build]\npublsh = \"public\"\n"), ("public/", "")],
            ".",
            &[".: netlify.toml", "E nobody knows what `netlify.toml` publishes: nobody reads `publsh` of `[build]`"],
        ),
        // It may be said elsewhere.
        (
            &[("netlify.toml", TOML_GATE), ("public/index.html", "")],
            ".",
            &[
                ".: netlify.toml",
                "E `netlify.toml` does not say which folder is published, and `public` has the pages; it holds gates",
            ],
        ),
        (&[("netlify.toml", ""), ("dist/index.html", "")], ".", &[".: netlify.toml", "W `netlify.toml` does not say"]),
        (&[("netlify.toml", TOML_GATE), ("public/index.html", ""), ("index.html", "")], ".", &[".: netlify.toml"]),
        (
            &[("netlify.toml", &format!("[build]\npublish = \".\"\n{TOML_GATE}")), ("public/index.html", "")],
            ".",
            &[".: netlify.toml"],
        ),
        // Two of them.
        (
            &[("netlify.toml", &public), ("public/netlify.toml", TOML_GATE)],
            ".",
            &[
                "! `netlify.toml` and `public/netlify.toml` could each be the `netlify.toml` of `.`, and they differ: keep one of them, \
             or name one with `--config`",
            ],
        ),
        (&[("netlify.toml", &public), ("public/netlify.toml", &public)], "public", &["public: netlify.toml"]),
        // Not the folder that is meant.
        (
            &[("netlify.toml", &public), ("public/x/_redirects", PLAIN)],
            "public/x",
            &["public/x: public/x/_redirects", "W `netlify.toml` is not read: it publishes `public`"],
        ),
        (
            &[("netlify.toml", TOML_GATE), ("public/_redirects", PLAIN)],
            "public",
            &[
                "public: public/_redirects",
                "E `netlify.toml` is not read: it does not say that it publishes this folder; it holds gates",
            ],
        ),
        (
            &[("netlify.toml", TOML_GATE), ("a/b/c/_redirects", PLAIN)],
            "a/b/c",
            &["a/b/c: a/b/c/_redirects", "E `netlify.toml` is not read"],
        ),
        (&[("netlify.toml", TOML_GATE), ("a/b/c/d/_redirects", PLAIN)], "a/b/c/d", &["a/b/c/d: a/b/c/d/_redirects"]),
        (&[("netlify.toml", TOML_GATE), ("public/netlify.toml", "")], "public", &["public: public/netlify.toml"]),
        (&[("netlify.toml", TOML_GATE), ("a/", "")], ".", &[".: netlify.toml"]),
    ]);
}

#[test]
fn layout_2_what_a_build_copies() {
    let (public, dist, root) = (publishes("public"), publishes("dist"), publishes("."));
    let read = "is read as if a build had copied it into `public`";
    hold(&[
        (
            &[("netlify.toml", &public), ("public/", ""), ("static/_redirects", GATE)],
            ".",
            &["public: static/_redirects netlify.toml", &format!("W `static/_redirects` {read}")],
        ),
        (
            &[("netlify.toml", &public), ("public/", ""), ("static/_headers", "/*\n  A: b\n")],
            "public",
            &["public: netlify.toml static/_headers", &format!("W `static/_headers` {read}")],
        ),
        (
            &[("netlify.toml", &dist), ("dist/", ""), ("public/_redirects", GATE)],
            ".",
            &["dist: public/_redirects netlify.toml", "W `public/_redirects` is read as if"],
        ),
        // The same, built and not built.
        (
            &[("netlify.toml", &public), ("public/_redirects", GATE), ("static/_redirects", GATE)],
            ".",
            &["public: public/_redirects netlify.toml"],
        ),
        (
            &[("netlify.toml", &public), ("static/_redirects", GATE)],
            ".",
            &["public: static/_redirects netlify.toml", "W `public` is not there"],
        ),
        (
            &[("netlify.toml", &dist), ("static/_redirects", GATE), ("public/_redirects", GATE)],
            ".",
            &["dist: static/_redirects netlify.toml", "W `dist` is not there"],
        ),
        (
            &[("netlify.toml", &dist), ("_redirects", GATE)],
            ".",
            &["dist: _redirects netlify.toml", "W `_redirects` is read as if", "W `dist` is not there"],
        ),
        // Beside a folder that the published one lies in.
        (
            &[("netlify.toml", &publishes("docs/.out/dist")), ("docs/public/_redirects", GATE)],
            ".",
            &["docs/.out/dist: docs/public/_redirects netlify.toml", "W `docs/.out/dist` is not there"],
        ),
        // A build that has copied the one and written more.
        (
            &[("netlify.toml", &dist), ("dist/_redirects", APPENDED), ("public/_redirects", GATE)],
            ".",
            &["dist: dist/_redirects netlify.toml"],
        ),
        // What a command copies.
        (
            &[
                (
                    "netlify.toml",
                    "[build]\ncommand = \"mkdocs build && cp ./_redirects site/_redirects\"\npublish = \"site\"\n",
                ),
                ("site/index.html", ""),
                ("site/beta/x.html", ""),
                ("_redirects", GATE),
            ],
            ".",
            &["site: _redirects netlify.toml", "W `_redirects` is read as if a build had copied it into `site`"],
        ),
        (
            &[
                (
                    "netlify.toml",
                    "[build]\ncommand = \"mkdocs build && cp hosts/_redirects site/\"\npublish = \"site\"\n",
                ),
                ("site/beta/x.html", ""),
                ("_redirects", GATE),
            ],
            ".",
            &["site: netlify.toml", "E `_redirects` is not read: it lies outside the published folder"],
        ),
        (
            &[
                ("netlify.toml", "[build]\ncommand = \"make && cp _redirects site\"\npublish = \"site\"\n"),
                ("site/_redirects", PLAIN),
                ("_redirects", GATE),
            ],
            ".",
            &[
                "! `site/_redirects` and `_redirects` could each be the `_redirects` of `site`, and they differ: build the site again, or name `site` if that is right",
            ],
        ),
        // The base is told from the root of the repository.
        (
            &[
                ("packages/web/netlify.toml", "[build]\nbase = \"packages/web\"\npublish = \"out/public\"\n"),
                ("packages/web/out/public/_redirects", GATE),
            ],
            "packages/web",
            &["packages/web/out/public: packages/web/out/public/_redirects packages/web/netlify.toml"],
        ),
        // Two that differ.
        (
            &[("netlify.toml", &dist), ("dist/", ""), ("static/_redirects", GATE), ("public/_redirects", PLAIN)],
            ".",
            &[
                "! `static/_redirects` and `public/_redirects` could each be the `_redirects` of `dist`, and they differ: keep one of \
             them",
            ],
        ),
        (
            &[("netlify.toml", &public), ("public/_redirects", PLAIN), ("static/_redirects", GATE)],
            ".",
            &[
                "! `public/_redirects` and `static/_redirects` could each be the `_redirects` of `public`, and they differ: build the \
             site again, or name `public` if that is right",
            ],
        ),
        (
            &[("netlify.toml", &public), ("public/_redirects", PLAIN), ("static/_redirects", GATE)],
            "public",
            &[
                "public: public/_redirects netlify.toml",
                "E `static/_redirects` is not read: it differs from the one in the published folder; it holds gates",
            ],
        ),
        (
            &[("netlify.toml", &public), ("public/_redirects", GATE), ("static/_redirects", PLAIN)],
            "public",
            &["public: public/_redirects netlify.toml", "W `static/_redirects` is not read: it differs"],
        ),
        // A gate that a plugin has only added to is in force.
        (
            &[("netlify.toml", &public), ("public/_redirects", &format!("{PLAIN}{GATE}")), ("static/_redirects", GATE)],
            "public",
            &["public: public/_redirects netlify.toml"],
        ),
        // Where the root is published, a folder below it is a folder like any.
        (
            &[("netlify.toml", &root), ("_redirects", PLAIN), ("static/_redirects", GATE)],
            ".",
            &[".: _redirects netlify.toml"],
        ),
        (&[("_redirects", PLAIN), ("public/_redirects", GATE)], ".", &[".: _redirects"]),
    ]);
}

#[test]
fn layout_3_rules_that_nobody_reads() {
    let public = publishes("public");
    let outside = "E `_redirects` is not read: it lies outside the published folder; it holds gates";
    let password = "/beta/*\n  Basic-Auth: a:b\n";
    hold(&[
        (&[("netlify.toml", &public), ("public/", ""), ("_redirects", GATE)], ".", &["public: netlify.toml", outside]),
        (
            &[("netlify.toml", &public), ("public/_redirects", PLAIN), ("_redirects", GATE)],
            "public",
            &["public: public/_redirects netlify.toml", outside],
        ),
        (
            &[("netlify.toml", &public), ("public/", ""), ("_headers", password)],
            ".",
            &["public: netlify.toml", "E `_headers` is not read: it lies outside the published folder; it holds gates"],
        ),
        (
            &[("netlify.toml", &public), ("public/", ""), ("_redirects", PLAIN)],
            ".",
            &["public: netlify.toml", "W `_redirects` is not read: it lies outside the published folder"],
        ),
        (
            &[("netlify.toml", &public), ("public/_redirects", GATE), ("_redirects", GATE)],
            ".",
            &["public: public/_redirects netlify.toml"],
        ),
        // The root of a project that says nowhere what it publishes.
        (
            &[("_redirects", GATE), ("index.md", ""), ("_site/index.html", ""), ("_site/beta/x.html", "")],
            ".",
            &[
                ".: _redirects",
                "W `_site` has pages and no `_redirects`: if it is what is published, nothing of `_redirects` is in force there",
            ],
        ),
        (
            &[("_redirects", GATE), ("index.html", ""), ("_config.yml", ""), ("_site/index.html", "")],
            ".",
            &[".: _redirects", "W `_site` has pages and no `_redirects`"],
        ),
        (&[("_redirects", GATE), ("index.html", ""), ("site/index.html", "")], ".", &[".: _redirects"]),
        (
            &[
                ("_redirects", GATE),
                ("index.html", ""),
                ("_config.yml", ""),
                ("_site/index.html", ""),
                ("_site/_redirects", GATE),
            ],
            ".",
            &[".: _redirects"],
        ),
        (&[("_redirects", GATE), ("beta/x.html", "")], ".", &[".: _redirects"]),
        (
            &[("netlify.toml", &publishes(".")), ("_redirects", GATE), ("public/index.html", "")],
            ".",
            &[".: _redirects netlify.toml"],
        ),
        // An old one, whose gates are for paths at which nothing is published, or nobody knows.
        (
            &[("netlify.toml", &public), ("public/index.html", ""), ("_redirects", GATE)],
            ".",
            &[
                "public: netlify.toml",
                "W `_redirects` is not read: it lies outside the published folder; it holds gates, and nothing",
            ],
        ),
        (
            &[
                ("netlify.toml", &public),
                ("public/_redirects", PLAIN),
                ("public/x.html", ""),
                ("_redirects", GATE),
                ("beta/a.html", ""),
            ],
            "public",
            &["public: public/_redirects netlify.toml", "W `_redirects` is not read"],
        ),
        (
            &[("netlify.toml", &public), ("public/x.html", ""), ("public/beta.html", ""), ("_redirects", GATE)],
            ".",
            &["public: netlify.toml", outside],
        ),
        (
            &[
                ("netlify.toml", &public),
                ("public/x.html", ""),
                ("public/_redirects", "/* /:splat 200\n"),
                ("_redirects", GATE),
            ],
            ".",
            &["public: public/_redirects netlify.toml", outside],
        ),
        (
            &[
                ("netlify.toml", &public),
                ("public/x.html", ""),
                ("public/_redirects", "/* /x.html 200\n"),
                ("_redirects", GATE),
            ],
            ".",
            &["public: public/_redirects netlify.toml", "W `_redirects` is not read"],
        ),
        (
            &[
                (
                    "netlify.toml",
                    &format!("{public}[[redirects]]\nfrom = \"/*\"\nto = \"https://a.example/:splat\"\nstatus = 200\n"),
                ),
                ("public/x.html", ""),
                ("_redirects", GATE),
            ],
            ".",
            &["public: netlify.toml", outside],
        ),
        (
            &[
                ("netlify.toml", &public),
                ("public/x.html", ""),
                ("_redirects", &format!("{GATE}beta /x 200! Role=admin\n")),
            ],
            ".",
            &["public: netlify.toml", outside],
        ),
        (
            &[("netlify.toml", &public), ("public/x.html", ""), ("_headers", password)],
            ".",
            &["public: netlify.toml", "W `_headers` is not read"],
        ),
        // A line that cannot be read and names a role is a gate as well.
        (
            &[("netlify.toml", &public), ("public/", ""), ("_redirects", "/beta/* Role=admin\n")],
            ".",
            &["public: netlify.toml", outside],
        ),
        (
            &[("netlify.toml", &public), ("public/", ""), ("_redirects", "beta /x 200! Role=admin\n")],
            ".",
            &["public: netlify.toml", outside],
        ),
        (
            &[("netlify.toml", &public), ("public/", ""), ("conf/_redirects", GATE)],
            ".",
            &[
                "public: netlify.toml",
                "E `conf/_redirects` is not read: it lies outside the published folder; it holds gates",
            ],
        ),
        (
            &[("netlify.toml", &public), ("public/_redirects", PLAIN), ("conf/_redirects", GATE)],
            ".",
            &["public: public/_redirects netlify.toml"],
        ),
        (
            &[("netlify.toml", &public), ("public/members/_redirects", GATE)],
            "public",
            &["public: netlify.toml", "E `public/members/_redirects` is not read: it lies below the published folder"],
        ),
        (
            &[("netlify.toml", &public), ("public/", ""), ("b/netlify.toml", ""), ("b/public/_redirects", GATE)],
            ".",
            &["public: netlify.toml"],
        ),
        (&[("_redirects", PLAIN), ("examples/netlify.toml", TOML_GATE)], ".", &[".: _redirects"]),
        // No `netlify.toml`.
        (&[("docs/_redirects", GATE)], ".", &[".:", "E `docs/_redirects` is not read: it lies below"]),
        (
            &[("docs/.vitepress/dist/_redirects", GATE)],
            "docs",
            &["docs:", "E `docs/.vitepress/dist/_redirects` is not read"],
        ),
        (&[("web/static/_redirects", GATE)], ".", &[".:", "E `web/static/_redirects` is not read: it lies below"]),
        (
            &[("packages/web/netlify.toml", TOML_GATE)],
            ".",
            &[".:", "E `packages/web/netlify.toml` is not read: it lies below"],
        ),
        (
            &[("apps/web/public/_redirects", GATE)],
            ".",
            &[".:", "E `apps/web/public/_redirects` is not read: it lies below"],
        ),
        (&[("node_modules/x/_redirects", GATE), ("node_modules/_redirects", GATE)], ".", &[".:"]),
        (
            &[("public/_redirects", GATE)],
            ".",
            &[".:", "E `public/_redirects` is not read: it lies below the published folder"],
        ),
        (
            &[("static/_redirects", GATE), ("public/", "")],
            ".",
            &[".:", "E `static/_redirects` is not read: it lies below"],
        ),
        (&[("dist/_redirects", PLAIN)], ".", &[".:", "W `dist/_redirects` is not read: it lies below"]),
        (
            &[("netlify.toml", ""), ("dist/_redirects", GATE)],
            ".",
            &[".: netlify.toml", "E `dist/_redirects` is not read"],
        ),
        (&[("public/netlify.toml", TOML_GATE)], ".", &[".:", "E `public/netlify.toml` is not read: it lies below"]),
        (
            &[("_redirects", GATE), ("public/x.html", "")],
            "public",
            &["public:", "E `_redirects` is not read: it lies outside"],
        ),
        (
            &[("_redirects", PLAIN), ("public/x.html", "")],
            "public",
            &["public:", "W `_redirects` is not read: it lies outside"],
        ),
        (&[("_redirects", GATE), ("public/_redirects", PLAIN)], "public", &["public: public/_redirects"]),
        (
            &[("static/_redirects", GATE), ("public/x.html", "")],
            "public",
            &["public:", "E `static/_redirects` is not read"],
        ),
        (&[("static/_redirects", GATE), ("other/x.html", "")], "other", &["other:"]),
        // Names that are nearly right.
        (
            &[("_redirect", GATE)],
            ".",
            &[".:", "E `_redirect` is not read: rules stand in a file with the name `_redirects`"],
        ),
        (&[("_redirects.txt", GATE)], ".", &[".:", "E `_redirects.txt` is not read"]),
        (&[("_Redirects", GATE)], ".", &[".:", "E `_Redirects` is not read"]),
        (&[("redirects", GATE)], ".", &[".:", "E `redirects` is not read"]),
        (&[("redirects", PLAIN)], ".", &[".:", "W `redirects` is not read"]),
        (&[("redirects.txt", "a text about redirects\n")], ".", &[".:"]),
        (&[("_rediretcs", "")], ".", &[".:", "W `_rediretcs` is not read"]),
        (
            &[("_header", password)],
            ".",
            &[".:", "E `_header` is not read: rules stand in a file with the name `_headers`"],
        ),
        (&[("_header", "/*\n  A: b\n")], ".", &[".:", "W `_header` is not read"]),
        (&[("netlify.tom", TOML_GATE)], ".", &[".:", "E `netlify.tom` is not read"]),
        (&[("Netlify.toml", "")], ".", &[".:", "W `Netlify.toml` is not read"]),
        (&[("netlify.toml.txt", "")], ".", &[".:", "W `netlify.toml.txt` is not read"]),
        // In another language.
        (
            &[("netlify.yml", "redirects:\n  - conditions:\n      Role: [a]\n")],
            ".",
            &[".:", "E `netlify.yml` is not read"],
        ),
        (&[("netlify.json", "{\"conditions\": {\"Role\": [\"a\"]}}")], ".", &[".:", "E `netlify.json` is not read"]),
        (&[("netlify.json", "{\"name\": \"x\"}")], ".", &[".:"]),
        (&[("_redirects", GATE), ("_redirects.bak", PLAIN), ("_redirects.txt", GATE)], ".", &[".: _redirects"]),
        (&[("_redirects", PLAIN), ("_redirects.bak", GATE)], ".", &[".: _redirects"]),
        (&[("_redirects", PLAIN), ("_redirect", GATE)], ".", &[".: _redirects", "E `_redirect` is not read"]),
        (&[("_redirects.bak", GATE)], ".", &[".:", "W `_redirects.bak` is not read"]),
        (
            &[("netlify.toml", &public), ("public/_redirect", GATE)],
            ".",
            &["public: netlify.toml", "E `public/_redirect` is not read"],
        ),
        (
            &[("netlify.toml", &public), ("public/", ""), ("static/_redirect", GATE)],
            ".",
            &["public: netlify.toml", "E `static/_redirect` is not read"],
        ),
        (&[("redirects/", ""), ("header.html", ""), ("headers", "x"), ("redirect", "hello")], ".", &[".:"]),
    ]);
}

#[test]
fn the_file_that_the_operator_names() {
    let public = publishes("public");
    let files = [("netlify.toml", public.as_str()), ("public/", ""), ("other/n.toml", &public), ("n.toml", &public)];
    assert_eq!(said(&files, ".", Some("n.toml")), "public: n.toml", "its folder is the one that is named");
    assert_eq!(said(&files, ".", Some("other/n.toml")), ".: other/n.toml", "its folder is another");
    assert_eq!(said(&files, "public", Some("n.toml")), "public: n.toml");
    assert!(said(&files, ".", Some("none.toml")).starts_with("! cannot read `none.toml`"));
}

#[cfg(unix)]
#[test]
fn rules_15_links_stay_inside_the_project() {
    use std::os::unix::fs::symlink;
    let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("public")).unwrap();
    fs::write(at("netlify.toml"), publishes("public")).unwrap();
    fs::write(at("rules"), GATE).unwrap();
    fs::write(outside.path().join("rules"), GATE).unwrap();
    symlink("../rules", at("public/_redirects")).unwrap();
    let (layout, _) = Layout::find(folder.path(), None).unwrap();
    assert_eq!(layout.read(&layout.redirects).unwrap().unwrap(), GATE.as_bytes(), "inside the project");
    fs::remove_file(at("public/_redirects")).unwrap();
    symlink(outside.path().join("rules"), at("public/_redirects")).unwrap();
    let (layout, _) = Layout::find(folder.path(), None).unwrap();
    assert!(layout.read(&layout.redirects).is_err_and(|error| error.to_string().contains("out of the site")));
    // A folder that is reached through a link is found by either name.
    fs::remove_file(at("public/_redirects")).unwrap();
    symlink("public", at("current")).unwrap();
    let (layout, toml) = Layout::find(&at("current"), None).unwrap();
    assert!(toml.is_some() && layout.notes.is_empty(), "{layout:?}");
}

/// What is said of a rule file that no build copies: it is never to be removed.
#[test]
fn layout_3_says_what_has_to_copy_the_file() {
    let gate = ("_redirects", GATE);
    let page = ("_site/beta/x.html", "");
    let built = |command: &str| format!("[build]\ncommand = \"{command}\"\npublish = \"_site\"\n");
    let (jekyll, none) = (built("jekyll build"), publishes("_site"));
    for (files, words) in [
        (
            vec![("netlify.toml", jekyll.as_str()), ("_config.yml", ""), page, gate],
            "Jekyll copies it by `include: [_redirects]`",
        ),
        (
            vec![("netlify.toml", &jekyll), page, gate],
            "does with `cp _redirects _site/` at the end of its command; then build again",
        ),
        (
            vec![("netlify.toml", &none), ("eleventy.config.js", ""), page, gate],
            "`eleventyConfig.addPassthroughCopy(\"_redirects\")`",
        ),
        (vec![("netlify.toml", &none), ("vite.config.ts", ""), page, gate], "Vite copies what lies in `public/`"),
        (vec![("netlify.toml", &none), page, gate], "what builds that folder has to copy them there"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let (layout, _) = Layout::find(folder.path(), None).unwrap();
        let note = layout.refusal().unwrap();
        assert!(note.help.contains(words) && !note.help.contains("remove"), "{}", note.help);
    }
}

/// `publish` counts from `base`, and is often written as if it counted from the root.
#[test]
fn layout_1_says_that_a_base_is_said_twice() {
    let folder = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(folder.path()).unwrap().join("1/2/3/p");
    fs::create_dir_all(root.join("apps/web/dist")).unwrap();
    for (base, publish, help) in [
        ("apps/web", "apps/web/dist", "if `apps/web/dist` is meant, write `publish = \"dist\"`; until then"),
        ("apps/web", "build", "build the site; until then"),
        ("apps", "apps/web/dist", "if `apps/web/dist` is meant, write `publish = \"web/dist\"`; until then"),
    ] {
        fs::write(root.join("netlify.toml"), format!("[build]\nbase = \"{base}\"\npublish = \"{publish}\"\n")).unwrap();
        let (layout, _) = Layout::find(&root, None).unwrap();
        let said = layout.notes.iter().map(|note| note.help.replace(&format!("{}/", root.display()), ""));
        assert!(said.clone().any(|said| said.contains(help)), "{publish}: {:?}", said.collect::<Vec<_>>());
    }
}
