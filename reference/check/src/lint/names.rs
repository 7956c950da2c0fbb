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

/// What the page is called by which people come to hold a role.
const OFFERS: [&str; 22] = [
    "buy",
    "checkout",
    "get-access",
    "join",
    "join-us",
    "memberships",
    "membership",
    "paywall",
    "plans",
    "pricing",
    "purchase",
    "register",
    "registration",
    "sign-up",
    "sign_up",
    "signup",
    "subscribe",
    "subscription",
    "subscriptions",
    "trial",
    "upgrade",
    "upsell",
];

/// What those are called who are not logged in.
const NOBODY: [&str; 11] = [
    "anon",
    "anonymous",
    "logged-out",
    "logged_out",
    "loggedout",
    "nobody",
    "none",
    "signed-out",
    "unauthenticated",
    "unauthorised",
    "unauthorized",
];

/// How a name begins that says who somebody is not.
const NOT: [&str; 7] = ["!", "no-", "no_", "non-", "non_", "not-", "not_"];

/// What those are called who have not paid, or have no account of their own.
const LESSER: [&str; 8] = ["basic", "expired", "free", "guest", "public", "trial", "unpaid", "visitor"];

/// What the page is called that stands in the place of a site that is closed for a while.
const CLOSED: [&str; 12] = [
    "503",
    "coming-soon",
    "comingsoon",
    "coming_soon",
    "closed",
    "down",
    "maintenance",
    "offline",
    "soon",
    "under-construction",
    "unavailable",
    "wartung",
];

/// Whether a page of this name stands in the place of the whole site.
pub(super) fn stands_for_all(path: &str) -> bool {
    CLOSED.contains(&called(path).as_str())
}

/// Whether a path or a file is the front page of the site.
pub(super) fn is_front_page(path: &str) -> bool {
    matches!(path, "" | "/" | "/index.html" | "/index")
}

/// Whether people log in at a path or a file of this name.
pub(super) fn is_login_page(path: &str) -> bool {
    LOG_IN.contains(&called(path).as_str())
}

/// The same, or the page says that something is denied.
pub(super) fn is_denial_page(path: &str) -> bool {
    is_login_page(path) || DENIED.contains(&called(path).as_str())
}

/// Whether people come to hold a role by a path or a file of this name: they sign up, or pay.
pub(super) fn is_offer(path: &str) -> bool {
    OFFERS.contains(&called(path).as_str())
}

/// Whether a role is called after those who are not logged in, or do not hold another one.
pub(super) fn names_nobody(role: &str) -> bool {
    let role = role.to_lowercase();
    NOBODY.contains(&role.as_str()) || NOT.iter().any(|not| role.starts_with(not))
}

/// The same, or after those who have less than others.
pub(super) fn names_somebody_without(role: &str) -> bool {
    names_nobody(role) || LESSER.contains(&role.to_lowercase().as_str())
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
    #[test]
    fn roles_by_their_names() {
        for (role, nobody, lesser) in [
            ("anonymous", true, true),
            ("!paid", true, true),
            ("Not-Member", true, true),
            ("free", false, true),
            ("Guest", false, true),
            ("notary", false, false),
            ("member", false, false),
        ] {
            assert_eq!((names_nobody(role), names_somebody_without(role)), (nobody, lesser), "{role}");
        }
        assert!(is_offer("/upgrade.html") && is_offer("/join/") && !is_offer("/dashboard"));
    }
}
