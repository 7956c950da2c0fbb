//! Pages by what people call them: where visitors log in, and what says that they may not see something.

/// What the page to log in is called.
const LOG_IN: [&str; 12] = [
    "log-in",
    "log_in",
    "login",
    "logon",
    "sign-in",
    "sign_in",
    "signin",
    "signon",
    "sign-on",
    "sso",
    "anmelden",
    "connexion",
];

/// What the page is called that is shown for what is denied.
const DENIED: [&str; 12] = [
    "401",
    "403",
    "access-denied",
    "accessdenied",
    "denied",
    "forbidden",
    "no-access",
    "not-allowed",
    "not-authorized",
    "restricted",
    "unauthorised",
    "unauthorized",
];

/// Whether people log in at a path or a file of this name.
pub(super) fn is_login_page(path: &str) -> bool {
    LOG_IN.contains(&called(path).as_str())
}

/// The same, or the page says that something is denied.
pub(super) fn is_denial_page(path: &str) -> bool {
    is_login_page(path) || DENIED.contains(&called(path).as_str())
}

/// The last segment of a path that says something.
fn called(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let path = path.strip_suffix("/index.html").unwrap_or(path);
    let name = path.rsplit('/').next().unwrap_or_default();
    name.strip_suffix(".html").or_else(|| name.strip_suffix(".htm")).unwrap_or(name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_by_their_names() {
        for (path, login, denial) in [
            ("/login", true, true),
            ("/login.html", true, true),
            ("/Account/Sign-In/index.html", true, true),
            ("/login/?next=/a", true, true),
            ("/denied.html", false, true),
            ("/401", false, true),
            ("/dashboard/", false, false),
            ("/blog/login-with-a-passkey", false, false),
            ("/", false, false),
        ] {
            assert_eq!((is_login_page(path), is_denial_page(path)), (login, denial), "{path}");
        }
    }
}
