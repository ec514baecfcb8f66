//! Links and headings of the documents.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Where a link leads: a path relative to the document, empty for the document itself, and a
/// heading in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Link {
    /// The file.
    pub path: String,
    /// As a link names a heading.
    pub anchor: Option<String>,
}

/// All links and pictures of a document that lead to a file.
pub fn links(document: &str) -> Vec<Link> {
    let to = |event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.into_string()),
        _ => None,
    };
    let is_file = |link: &String| !link.contains("://") && !link.starts_with("mailto:");
    parse(document).filter_map(to).filter(is_file).map(|link| split(&link)).collect()
}

fn split(link: &str) -> Link {
    match link.split_once('#') {
        Some((path, anchor)) => Link { path: path.to_owned(), anchor: Some(anchor.to_owned()) },
        None => Link { path: link.to_owned(), anchor: None },
    }
}

/// The names under which links can lead to the headings of a document.
pub fn anchors(document: &str) -> Vec<String> {
    let (mut anchors, mut heading) = (Vec::new(), None);
    for event in parse(document) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(text) | Event::Code(text) => heading.iter_mut().for_each(|heading| heading.push_str(&text)),
            Event::End(TagEnd::Heading(_)) => anchors.extend(heading.take().map(|heading| anchor(&heading))),
            _ => {}
        }
    }
    anchors
}

/// As the usual renderers make one of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

fn parse(document: &str) -> Parser<'_> {
    Parser::new_ext(document, Options::ENABLE_TABLES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_pictures_lead_to_files_and_headings() {
        let found = links("[a](b.md#c) ![d](e.svg) [f](#g) [h](https://localhost/i)\n\n| [j](k) |\n|---|\n");
        let link = |path: &str, anchor: Option<&str>| Link { path: path.into(), anchor: anchor.map(str::to_owned) };
        assert_eq!(found, [link("b.md", Some("c")), link("e.svg", None), link("", Some("g")), link("k", None)]);
    }

    #[test]
    fn a_heading_is_named_as_links_name_it() {
        assert_eq!(anchors("# The kernel's own `count`\n\ntext\n"), ["the-kernels-own-count"]);
    }
}
