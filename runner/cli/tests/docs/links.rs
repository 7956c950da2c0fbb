//! Links from page to page.

use std::path::Path;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::page::Page;

/// The links of `page` that lead nowhere: to no file, or to no heading of the page that they name.
pub fn dead(page: &Page) -> Vec<String> {
    let parser = Parser::new_ext(&page.text, Options::ENABLE_TABLES).into_offset_iter();
    let links = parser.filter_map(|(event, range)| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            Some((page.text[..range.start].lines().count().max(1), dest_url.to_string()))
        }
        _ => None,
    });
    links
        .filter_map(|(line, link)| fault(page, &link).map(|what| format!("{}:{line}: {link}: {what}", page.name)))
        .collect()
}

fn fault(page: &Page, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let target = if path.is_empty() { page.path.clone() } else { page.path.with_file_name("").join(path) };
    if !target.exists() {
        return Some("there is no such file".to_owned());
    }
    let anchor = anchor?;
    if target.extension().is_none_or(|extension| extension != "md") {
        return Some("only a page has headings".to_owned());
    }
    let known = anchors(&target);
    (!known.iter().any(|known| known == anchor)).then(|| format!("no such heading; there are {}", known.join(", ")))
}

/// The anchors of the headings of a page, as code hosts make them.
fn anchors(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).expect("UTF-8");
    let mut found: Vec<String> = Vec::new();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(part) | Event::Code(part) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&part);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let slug = slug(&heading.take().unwrap_or_default());
                let again = found.iter().filter(|known| **known == slug).count();
                found.push(if again == 0 { slug } else { format!("{slug}-{again}") });
            }
            _ => {}
        }
    }
    found
}

fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|kept| kept.is_alphanumeric() || matches!(kept, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}
