//! Sites of different shape, written to disk as a user has them.

use std::path::Path;

/// A site: how it is written, and its name.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The name.
    pub name: &'static str,
    /// What it is like, in a few words.
    pub about: &'static str,
    write: fn(&Path) -> std::io::Result<()>,
}

/// Every shape.
pub const SHAPES: [Shape; 7] = [
    Shape { name: "spa", about: "one page for all paths, and a gated tree", write: spa },
    Shape { name: "whole-site", about: "everything closed but what logs in", write: whole_site },
    Shape { name: "languages", about: "languages and several roles", write: languages },
    Shape { name: "generated", about: "5,000 generated files", write: generated },
    Shape { name: "toml", about: "rules in netlify.toml alone", write: toml },
    Shape { name: "proxy", about: "rules that forward, beside gated files", write: proxy },
    Shape { name: "tutorial", about: "one gate, with what coders leave beside files", write: tutorial },
];

impl Shape {
    /// Writes the site.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        (self.write)(folder)
    }
}

fn file(folder: &Path, name: &str, content: &str) -> std::io::Result<()> {
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, content)
}

/// A page whose text stands nowhere else: numbers spell it.
fn html(title: &str, number: usize) -> String {
    let words = [
        "Anker", "Birke", "Distel", "Eibe", "Farn", "Ginster", "Hasel", "Iris", "Jasmin", "Kiefer", "Linde", "Mohn",
        "Nelke",
    ];
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n"
    );
    for line in 0..14_usize {
        let word = |factor: usize| {
            let at = number
                .wrapping_mul(31)
                .wrapping_add(line.wrapping_mul(factor))
                .checked_rem(words.len())
                .unwrap_or_default();
            words.get(at).copied().unwrap_or_default()
        };
        text.push_str(&format!(
            "<p>{} {title} {number}.{line} {} {}: {}</p>\n",
            word(7),
            word(5),
            word(11),
            number.wrapping_mul(7919).wrapping_add(line)
        ));
    }
    text.push_str("</body>\n</html>\n");
    text
}

fn spa(folder: &Path) -> std::io::Result<()> {
    file(
        folder,
        "_redirects",
        "/app/*  /app/:splat  200!  Role=admin,editor\n/app/*  /login  302\n/old  /  301\n/*  /index.html  200\n",
    )?;
    for (at, name) in ["index", "login", "about", "app/index", "app/settings", "app/users/list"].into_iter().enumerate()
    {
        file(folder, &format!("{name}.html"), &html(name, at))?;
    }
    file(folder, "assets/main.js", "export const start = () => document.body.append('started, for everybody');\n")?;
    file(folder, "app/chunk.js", &"export const secretPrices = [1742, 9913, 4417, 2285, 7731, 6642];\n".repeat(30))?;
    file(
        folder,
        "app/data.json",
        "{ \"customers\": [\"Aurelia Brandt\", \"Benedikt Clausen\", \"Corinna Dahl\"], \"sum\": 8812734 }\n",
    )?;
    file(folder, "_headers", "/app/*\n  X-Frame-Options: DENY\n/assets/*\n  Cache-Control: public, max-age=3600\n")
}

fn whole_site(folder: &Path) -> std::io::Result<()> {
    file(
        folder,
        "_redirects",
        "/login  /login.html  200!\n/assets/*  /assets/:splat  200!\n/*  /:splat  200!  Role=member\n/*  /login.html  401!\n",
    )?;
    for (at, name) in ["index", "login", "minutes/may", "minutes/june", "board/index"].into_iter().enumerate() {
        file(folder, &format!("{name}.html"), &html(name, 100_usize.wrapping_add(at)))?;
    }
    file(folder, "assets/style.css", "body { font: 16px/1.5 system-ui; } .everybody { color: #345; }\n")?;
    file(
        folder,
        "files/budget.csv",
        &"item,amount,whose\nhall,1200.50,Klara\ncoffee,89.90,Lennart\nprinting,340.00,Mirja\n".repeat(12),
    )
}

fn languages(folder: &Path) -> std::io::Result<()> {
    file(
        folder,
        "_redirects",
        "/  /de/  302  Language=de\n\
         /de/intern/*  /de/intern/:splat  200!  Role=staff\n\
         /de/intern/*  /de/login  302\n\
         /en/internal/*  /en/internal/:splat  200!  Role=staff,admin\n\
         /en/internal/*  /en/login  302!\n\
         /reports/:year/:name  /reports/:year/:name.html  200!  Role=admin\n\
         /reports/*  /en/login  401!\n\
         /fr/*  /en/:splat  301\n",
    )?;
    let pages = [
        "index",
        "de/index",
        "de/login",
        "en/index",
        "en/login",
        "de/intern/plan",
        "de/intern/gehalt/liste",
        "en/internal/plan",
        "reports/2025/q3",
        "reports/2025/q4",
    ];
    for (at, name) in pages.into_iter().enumerate() {
        file(folder, &format!("{name}.html"), &html(name, 200_usize.wrapping_add(at)))?;
    }
    Ok(())
}

fn generated(folder: &Path) -> std::io::Result<()> {
    file(
        folder,
        "_redirects",
        "/docs/private/*  /docs/private/:splat  200!  Role=reader\n/docs/private/*  /docs/login  302!\n/docs/old/:page  /docs/public/:page  301\n",
    )?;
    file(folder, "index.html", &html("index", 1))?;
    file(folder, "docs/login.html", &html("login", 2))?;
    for number in 0..4000_usize {
        file(
            folder,
            &format!("docs/public/page-{number}.html"),
            &html("public page", 10_000_usize.wrapping_add(number)),
        )?;
    }
    for number in 0..998_usize {
        file(
            folder,
            &format!("docs/private/section-{}/page-{number}.html", number % 20),
            &html("private page", 90_000_usize.wrapping_add(number)),
        )?;
    }
    Ok(())
}

fn toml(folder: &Path) -> std::io::Result<()> {
    file(
        folder,
        "netlify.toml",
        "[[redirects]]\nfrom = \"/team/*\"\nto = \"/team/:splat\"\nstatus = 200\nforce = true\nconditions = {Role = [\"team\", \"admin\"]}\n\n\
         [[redirects]]\nfrom = \"/team/*\"\nto = \"/sign-in\"\nstatus = 302\nforce = true\n\n\
         [[redirects]]\nfrom = \"/drafts/*\"\nto = \"/drafts/:splat\"\nstatus = 200\nforce = true\nconditions = {Role = [\"admin\"]}\n\n\
         [[redirects]]\nfrom = \"/drafts/*\"\nto = \"/404.html\"\nstatus = 404\nforce = true\n\n\
         [[headers]]\nfor = \"/team/*\"\n[headers.values]\nX-Robots-Tag = \"noindex\"\n",
    )?;
    for (at, name) in ["index", "sign-in", "404", "team/index", "team/holidays", "drafts/novel", "drafts/letters/one"]
        .into_iter()
        .enumerate()
    {
        file(folder, &format!("{name}.html"), &html(name, 300_usize.wrapping_add(at)))?;
    }
    file(folder, "team/phones.txt", &"Ottilie 0171 4455667\nPeregrin 0172 9988776\nQuirin 0151 1231239\n".repeat(20))
}

fn proxy(folder: &Path) -> std::io::Result<()> {
    file(
        folder,
        "_redirects",
        "/api/*  http://127.0.0.1:9/:splat  200!  Role=admin\n\
         /api/*  /sign-in  401!\n\
         /admin/*  /admin/:splat  200!  Role=admin\n\
         /admin/*  /sign-in  302!\n\
         /hook  /.netlify/functions/hook  200\n",
    )?;
    for (at, name) in ["index", "sign-in", "admin/index", "admin/orders"].into_iter().enumerate() {
        file(folder, &format!("{name}.html"), &html(name, 400_usize.wrapping_add(at)))?;
    }
    Ok(())
}

fn tutorial(folder: &Path) -> std::io::Result<()> {
    file(folder, "_redirects", "/testauth/*  /testauth/:splat  200!  Role=admin\n/testauth/*  /testlogin  404\n")?;
    for (at, name) in ["index", "testlogin", "testauth/index", "testauth/notes"].into_iter().enumerate() {
        file(folder, &format!("{name}.html"), &html(name, 500_usize.wrapping_add(at)))?;
    }
    // Not a coding of the page beside it, so that it is a file of its own.
    file(
        folder,
        "testauth/notes.html.gz",
        "what an editor left behind: the notes of before the meeting, in plain text\n",
    )?;
    file(
        folder,
        "testauth/archive/2024.txt",
        &"the minutes of the year two thousand and twenty-four, page after page\n".repeat(9),
    )
}
