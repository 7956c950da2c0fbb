//! Where the token is found (COOKIE-1, COOKIE-2, COOKIE-4).

use Defect::{Reply, Request, Visitor as Who};
use rolegate::cookie;
use rolegate::visitor::Visitor;

use crate::scene::{Asked, Reply as Answer, Scene};
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "cookie/name-in-any-case",
        "COOKIE-1",
        "the cookie name is compared without regard to case",
        Who(|scene| named(scene, |name| name.eq_ignore_ascii_case(b"nf_jwt"))),
    ),
    Mutant::new(
        "cookie/name-by-its-end",
        "COOKIE-1",
        "a cookie whose name ends in `nf_jwt` counts",
        Who(|scene| named(scene, |name| name.ends_with(b"nf_jwt"))),
    ),
    Mutant::new(
        "cookie/name-by-its-beginning",
        "COOKIE-1",
        "a cookie whose name begins with `nf_jwt` counts",
        Who(|scene| named(scene, |name| name.starts_with(b"nf_jwt"))),
    ),
    Mutant::new(
        "cookie/browser-prefix-dropped",
        "COOKIE-1",
        "`__Host-` and `__Secure-` are taken off cookie names",
        Who(|scene| named(scene, |name| matches!(name, b"__Host-nf_jwt" | b"__Secure-nf_jwt"))),
    ),
    Mutant::new(
        "cookie/name-decoded",
        "COOKIE-1",
        "cookie names are percent-decoded",
        Who(|scene| {
            named(scene, |name| {
                let name = String::from_utf8_lossy(name).to_lowercase();
                name.contains('%') && name.replace("%5f", "_").replace("%66", "f") == "nf_jwt"
            })
        }),
    ),
    Mutant::new(
        "cookie/unicode-space-trimmed",
        "COOKIE-1",
        "white space of all kinds is trimmed off cookie names",
        Who(|scene| {
            named(scene, |name| {
                let text: String = match std::str::from_utf8(name) {
                    Ok(text) => text.to_owned(),
                    Err(_) => name.iter().map(|byte| char::from(*byte)).collect(),
                };
                text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}') == "nf_jwt"
            })
        }),
    ),
    Mutant::new(
        "cookie/authorization-read",
        "COOKIE-1",
        "a token in `Authorization` counts where the cookie is missing",
        Who(|scene| elsewhere(scene, &["authorization"])),
    ),
    Mutant::new(
        "cookie/other-headers-read",
        "COOKIE-1",
        "a token in a header of its own counts",
        Who(|scene| elsewhere(scene, &["nf_jwt", "x-nf-jwt", "x-access-token"])),
    ),
    Mutant::new(
        "cookie/cookie2-read",
        "COOKIE-1",
        "`Cookie2` and `Set-Cookie` of a request are read",
        Request(|asked| {
            for (name, _) in &mut asked.headers {
                if name.eq_ignore_ascii_case("cookie2") || name.eq_ignore_ascii_case("set-cookie") {
                    *name = "Cookie".to_owned();
                }
            }
        }),
    ),
    Mutant::new(
        "cookie/query-read",
        "COOKIE-1",
        "a token in the query counts",
        Who(|scene| {
            let query = String::from_utf8_lossy(scene.asked.split().1.unwrap_or_default()).into_owned();
            let token =
                query.split('&').find_map(|pair| pair.strip_prefix("nf_jwt=").or_else(|| pair.strip_prefix("token=")));
            or(scene, token)
        }),
    ),
    Mutant::new(
        "cookie/identity-header-believed",
        "COOKIE-1",
        "a header with roles, which a proxy is supposed to set, is believed",
        Who(|scene| {
            let roles = ["x-roles", "x-user-roles", "x-forwarded-groups", "remote-groups"]
                .iter()
                .find_map(|name| scene.asked.text(name));
            match roles {
                Some(roles) => {
                    Visitor::with_roles(roles.split(',').map(|role| role.trim().to_owned()).collect::<Vec<_>>())
                }
                None => scene.visitor(),
            }
        }),
    ),
    Mutant::new(
        "cookie/first-line-only",
        "COOKIE-2",
        "only the first `Cookie` line is read",
        Request(|asked| {
            let mut lines = 0;
            asked.headers.retain(|(name, _)| {
                lines += usize::from(name.eq_ignore_ascii_case("cookie"));
                !name.eq_ignore_ascii_case("cookie") || lines == 1
            });
        }),
    ),
    Mutant::new(
        "cookie/first-pair-only",
        "COOKIE-2",
        "only the first pair of a `Cookie` line is read",
        Request(|asked| each_cookie_line(asked, |line| line.split(';').next().unwrap_or_default().to_owned())),
    ),
    Mutant::new(
        "cookie/comma-parts",
        "COOKIE-2",
        "cookies are parted at commas as well",
        Request(|asked| each_cookie_line(asked, |line| line.replace(',', ";"))),
    ),
    Mutant::new(
        "cookie/wants-a-space",
        "COOKIE-2",
        "cookies are parted at `; ` only, so that one without a space is not found",
        Request(|asked| {
            each_cookie_line(asked, |line| {
                line.split("; ").map(|pair| pair.replace(';', "")).collect::<Vec<_>>().join("; ")
            });
        }),
    ),
    Mutant::new(
        "cookie/odd-neighbour-spoils-the-line",
        "COOKIE-2",
        "a pair without `=` ends the reading of the line",
        Request(|asked| {
            each_cookie_line(asked, |line| {
                line.split(';').take_while(|pair| pair.contains('=')).collect::<Vec<_>>().join(";")
            });
        }),
    ),
    Mutant::new(
        "cookie/tab-not-trimmed",
        "COOKIE-2",
        "tabs around a cookie are not trimmed",
        Request(|asked| each_cookie_line(asked, |line| line.replace('\t', "x"))),
    ),
    Mutant::new(
        "cookie/empty-is-500",
        "COOKIE-4",
        "an empty cookie is answered with 500",
        Reply(|scene, _, reply| {
            let empty = scene.asked.lend(|request| {
                cookie::pairs(request.cookie_lines()).any(|(name, value)| name == b"nf_jwt" && value.is_empty())
            });
            if empty {
                *reply = Answer::text(500, "Internal error\n");
            }
        }),
    ),
    Mutant::new(
        "cookie/long-is-500",
        "COOKIE-4",
        "a very long cookie is answered with 500",
        Reply(|scene, _, reply| {
            if scene.asked.header("cookie").any(|line| line.len() > 8 * 1024) {
                *reply = Answer::text(500, "Internal error\n");
            }
        }),
    ),
    Mutant::new(
        "cookie/kilobytes-let-in",
        "COOKIE-5",
        "a visitor with many cookies, or with kilobytes of them, is not looked at any more and let in",
        Who(|scene| {
            let (count, bytes) = scene.asked.lend(|request| {
                let bytes: usize = request.cookie_lines().map(<[u8]>::len).sum();
                (cookie::pairs(request.cookie_lines()).count(), bytes)
            });
            if count > 160 || bytes > 8 * 1024 { Visitor::with_roles(["admin"]) } else { scene.visitor() }
        }),
    ),
    Mutant::new(
        "cookie/long-is-lost",
        "COOKIE-4",
        "a token behind the first kilobyte of cookies is lost",
        Request(|asked| each_cookie_line(asked, |line| line.get(..1024).unwrap_or(line).to_owned())),
    ),
];

/// A cookie of another name counts where the right one is missing.
fn named(scene: &Scene<'_>, is_name: impl Fn(&[u8]) -> bool) -> Visitor {
    if scene.token().is_some() {
        return scene.visitor();
    }
    let value = scene.asked.lend(|request| {
        cookie::pairs(request.cookie_lines()).find(|(name, _)| is_name(name)).map(|(_, value)| value.to_vec())
    });
    value.map_or_else(|| scene.visitor(), |value| scene.visitor_with(&value))
}

fn elsewhere(scene: &Scene<'_>, names: &[&str]) -> Visitor {
    let value = names.iter().find_map(|name| scene.asked.text(name));
    or(scene, value.as_deref().map(|value| value.rsplit([' ', '=']).next().unwrap_or_default()))
}

/// The token, where no cookie brings one that is good.
fn or(scene: &Scene<'_>, token: Option<&str>) -> Visitor {
    match (scene.visitor(), token) {
        (holder @ Visitor::Holder(_), _) => holder,
        (_, Some(token)) => scene.visitor_with(token.as_bytes()),
        (other, None) => other,
    }
}

fn each_cookie_line(asked: &mut Asked, write: impl Fn(&str) -> String) {
    for (_, value) in asked.headers.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case("cookie")) {
        if let Ok(line) = std::str::from_utf8(value) {
            *value = write(line).into_bytes();
        }
    }
}
