//! The pages, as HTML. Every text that comes from outside is escaped by the templates.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{Cookie, Explained};
use crate::page::STYLE;
use crate::user::User;

fn page(title: &str, here: &str, site: &str, content: &Markup) -> String {
    let link =
        |path: &str, name: &str| html! { a href=(path) aria-current=[(path == here).then_some("page")] { (name) } };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · rolegate identity" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    strong { "rolegate identity" }
                    nav {
                        (link("/", "Users"))
                        (link("/mail", "Mailbox"))
                        (link("/audit", "Audit log"))
                        @if !site.is_empty() { a href=(site) rel="noreferrer" { "The site" } }
                    }
                }
                main { h1 { (title) } (content) }
            }
        }
    }
    .into_string()
}

pub(super) fn failed(why: &str) -> String {
    page(
        "This did not work",
        "",
        "",
        &html! {
            p.note.bad { (why) }
            p { a href="/" { "Back to the users" } }
        },
    )
}

pub(super) fn users(users: &[Value], filter: &str, number: u32, total: &str, site: &str) -> String {
    let encoded = utf8_percent_encode(filter, NON_ALPHANUMERIC).to_string();
    page(
        "Users",
        "/",
        site,
        &html! {
            form.inline method="get" action="/" {
                label { "Search" input type="search" name="filter" value=(filter); }
                button.plain { "Search" }
            }
            p.quiet { (total) " in all" }
            div.scroll {
                table.list {
                    thead { tr { th { "Address" } th { "Roles for the gate" } th { "State" } th { "Last log-in" } } }
                    tbody {
                        @for user in users {
                            tr {
                                td { a href={ "/users/" (text(user, "id")) } { (text(user, "email")) } }
                                td data-name="Roles" { (roles(user)) @if text(user, "role") == "admin" { " " span.quiet { "(admin of the API)" } } }
                                td data-name="State" { (state(user)) }
                                td data-name="Last log-in" { (short(text(user, "last_sign_in_at"))) }
                            }
                        }
                        @if users.is_empty() { tr { td colspan="4" { "Nobody is here yet." } } }
                    }
                }
            }
            div.row {
                @if number > 1 { a href={ "/?filter=" (encoded) "&page=" (number - 1) } { "Newer" } }
                @if users.len() >= 50 { a href={ "/?filter=" (encoded) "&page=" (number + 1) } { "Older" } }
            }
            h2 { "Invite somebody" }
            form.inline method="post" action="/users" {
                label { "E-mail address" input type="email" name="email" required; }
                button name="how" value="invite" { "Send the invitation" }
            }
            h2 { "Add a confirmed user" }
            form.inline method="post" action="/users" {
                label { "E-mail address" input type="email" name="email" required; }
                label { "Password" input type="password" name="password" required autocomplete="new-password"; }
                button name="how" value="add" { "Add" }
            }
        },
    )
}

pub(super) fn user(
    user: &User,
    cookie: &Cookie,
    asked: Option<&(&str, Explained, Explained)>,
    reasons: &[String],
    site: &str,
) -> String {
    let path = format!("/users/{}", user.id);
    let roles = user.roles();
    page(
        &user.email,
        "",
        site,
        &html! {
            @if let Cookie::Good { until, roles: held } = cookie && held.iter().map(String::as_str).ne(roles.iter().copied()) {
                p.note.bad {
                    "The roles were changed, and the cookie is still the old one, with "
                    @if held.is_empty() { "no roles" } @else { code { (held.join(", ")) } }
                    ", until " (until.in_words()) " at the latest. It changes with the next token: "
                    code { "netlifyIdentity.refresh(true)" } " in the page, a new log-in, or the next refresh."
                }
            }
            div.scroll {
                table {
                    tbody {
                        tr { th { "Id" } td { code { (user.id) } } }
                        tr { th { "State" } td {
                            @if let Some(when) = user.confirmed_at { "confirmed " (when.in_words()) }
                            @else if user.invited_at.is_some() { "invited, not confirmed" } @else { "not confirmed" }
                        } }
                        tr { th { "Last log-in" } td { (user.last_sign_in_at.map_or_else(|| "never".to_owned(), |when| when.in_words())) } }
                        tr { th { "Token" } td { @match cookie {
                            Cookie::None => "none that is still good",
                            Cookie::Good { until, .. } => { "good until " (until.in_words()) },
                        } } }
                        @if let Some(new) = &user.new_email { tr { th { "New address" } td { (new) " (not confirmed)" } } }
                        tr { th { "app_metadata" } td { code { (Value::Object(user.app_metadata.clone())) } } }
                        tr { th { "user_metadata" } td { code { (user.user_metadata.clone().map_or(Value::Null, Value::Object)) } } }
                    }
                }
            }
            h2 { "Roles for the gate" }
            form.inline method="post" action={ (path) "/roles" } {
                label { "app_metadata.roles, with commas between" input name="roles" value=(roles.join(", ")); }
                button { "Save the roles" }
            }
            h2 { "Why is a page shut for this user?" }
            form.inline method="get" action=(path) {
                label { "Path" input name="path" value=(asked.map_or("/", |(path, ..)| path)) required; }
                button.plain { "Explain" }
            }
            @if let Some((path, now, next)) = asked {
                @for reason in reasons { p.note.bad[now.denied].good[now.is_open()] { (reason) } }
                p { "With the cookie that the user can have now, " code { (path) } " is answered:" }
                pre { (now.text) }
                @if now.text != next.text {
                    p { "With the next token:" }
                    pre { (next.text) }
                }
            }
            h2 { "The account" }
            div.row {
                @if user.confirmed_at.is_none() {
                    form method="post" action={ (path) "/confirm" } { button.plain { "Confirm the address" } }
                }
                form method="post" action={ (path) "/admin" } {
                    @if user.role == "admin" {
                        button.plain name="role" value="" { "Take the admin API away" }
                    } @else {
                        button.plain name="role" value="admin" { "Make an admin of the API" }
                    }
                }
                form method="post" action={ (path) "/remove" } { button.danger { "Remove the user" } }
            }
            p.quiet { "A token that is out stays good until it runs out, also when the user is removed." }
        },
    )
}

pub(super) fn mail(mails: &[String], site: &str) -> String {
    page(
        "Mailbox",
        "/mail",
        site,
        &html! {
            @if mails.is_empty() { p { "No mail has been written yet." } }
            @for mail in mails {
                @let (head, body) = mail.split_once("\r\n\r\n").unwrap_or((mail, ""));
                @let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
                h2 { (field("Subject: ")) }
                p.quiet { "To " (field("To: ")) " · " (field("Date: ")) }
                @for line in body.lines().filter(|line| !line.is_empty()) {
                    p { @if line.starts_with("http://") || line.starts_with("https://") {
                        a.link href=(line) rel="noreferrer" { (line) }
                    } @else { (line) } }
                }
            }
        },
    )
}

pub(super) fn audit(entries: &[Value], site: &str) -> String {
    page(
        "Audit log",
        "/audit",
        site,
        &html! {
            div.scroll {
                table.list {
                    thead { tr { th { "When" } th { "Who" } th { "What" } th { "Whom" } } }
                    tbody {
                        @for entry in entries {
                            @let payload = entry.get("payload").unwrap_or(&Value::Null);
                            @let actor = text(payload, "actor_email");
                            tr {
                                td { (short(text(entry, "created_at"))) }
                                td data-name="Who" { @if actor.is_empty() { "the operator" } @else { (actor) } }
                                td data-name="What" { (text(payload, "action").replace('_', " ")) }
                                td data-name="Whom" { (payload.get("traits").map_or("", |traits| text(traits, "user_email"))) }
                            }
                        }
                        @if entries.is_empty() { tr { td colspan="4" { "Nothing has happened yet." } } }
                    }
                }
            }
        },
    )
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn roles(user: &Value) -> String {
    let roles = user.get("app_metadata").and_then(|data| data.get("roles")).and_then(Value::as_array);
    roles.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

fn state(user: &Value) -> &'static str {
    match (user.get("confirmed_at"), user.get("invited_at")) {
        (Some(_), _) => "confirmed",
        (None, Some(_)) => "invited",
        (None, None) => "not confirmed",
    }
}

/// A time without its fraction.
fn short(time: &str) -> String {
    time.split_once('.').map_or(time, |(time, _)| time).replace('T', " ")
}
