//! Converts the Markdown of the documents to roff, as far as they use it. So the manual says the same
//! as the documents.
//!
//! A row of a table becomes a paragraph under its first cell. The headings of a table are left out.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use roff::{Inline, Roff, bold, italic, line_break, roman};

/// The paragraphs below a heading of the second level, up to the next one.
///
/// # Panics
/// Panics if the document has no such section: the manual would lack it.
pub fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let start = format!("\n## {heading}\n");
    let Some((_, rest)) = document.split_once(&*start) else { panic!("no section {heading:?}") };
    introduction(rest)
}

/// The text before the first heading of the second level, without the title.
pub fn introduction(document: &str) -> &str {
    let body = body(document);
    body.split("\n## ").next().unwrap_or(body)
}

/// The document without its title.
pub fn body(document: &str) -> &str {
    match document.strip_prefix("# ") {
        Some(titled) => titled.split_once('\n').map_or("", |(_, rest)| rest),
        None => document,
    }
}

/// The first paragraph of the document, and its sections: without the lists of links between.
pub fn without_contents(document: &str) -> String {
    let (introduction, sections) = body(document).split_once("\n## ").unwrap_or((body(document), ""));
    let first = introduction.trim_start().split("\n\n").next().unwrap_or_default();
    format!("{first}\n\n## {sections}")
}

/// Appends Markdown to a page. The document lies in the directory `base` of the installed documents.
pub fn render(roff: &mut Roff, markdown: &str, base: &'static str) {
    let mut writer = Writer::of(roff, base);
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        writer.take(event);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Roman,
    Bold,
    Italic,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Text,
    /// A list item, which begins a paragraph itself.
    Item,
    /// The headings of a table.
    Head,
    /// A cell of a table, from 0 on.
    Cell(usize),
    Code,
}

struct Writer<'a> {
    roff: &'a mut Roff,
    line: Vec<Inline>,
    style: Style,
    block: Block,
    /// The targets of the links that have begun.
    links: Vec<String>,
    /// The directory of the document, among the installed ones.
    base: &'static str,
    /// Whether a paragraph has begun already, as right below a heading.
    is_begun: bool,
}

impl<'a> Writer<'a> {
    fn of(roff: &'a mut Roff, base: &'static str) -> Self {
        Self { roff, line: vec![], style: Style::Roman, block: Block::Text, links: vec![], base, is_begun: true }
    }

    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.begin(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.block == Block::Code => self.code_block(&text),
            Event::Text(text) => self.push(self.style, &text),
            Event::Code(text) => self.push(Style::Bold, &text),
            Event::SoftBreak => self.push(Style::Roman, " "),
            other => panic!("the manual knows no {other:?}"),
        }
    }

    fn begin(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph if self.block == Block::Text => self.paragraph(),
            Tag::Item => {
                self.block = Block::Item;
                self.control("IP", &[r"\(bu", "2"]);
            }
            Tag::CodeBlock(_) => {
                self.block = Block::Code;
                self.paragraph();
                self.control("RS", &["4"]);
                self.control("nf", &[]);
            }
            Tag::TableHead => self.block = Block::Head,
            Tag::TableRow => {
                self.block = Block::Cell(0);
                self.control("TP", &[]);
            }
            Tag::Strong => self.style = Style::Bold,
            Tag::Emphasis => self.style = Style::Italic,
            Tag::Link { dest_url, .. } => self.links.push(dest_url.into_string()),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => self.heading(level),
            TagEnd::Paragraph => self.flush(),
            TagEnd::Item => {
                self.flush();
                self.block = Block::Text;
            }
            TagEnd::CodeBlock => {
                self.block = Block::Text;
                self.control("fi", &[]);
                self.control("RE", &[]);
            }
            TagEnd::TableCell => self.end_cell(),
            TagEnd::TableHead | TagEnd::TableRow | TagEnd::Table => self.block = Block::Text,
            TagEnd::Strong | TagEnd::Emphasis => self.style = Style::Roman,
            TagEnd::Link => self.end_link(),
            _ => {}
        }
    }

    fn end_cell(&mut self) {
        match self.block {
            Block::Cell(at) => {
                // The third cell and those behind it have lines of their own.
                if at > 1 && !self.line.is_empty() {
                    self.line.insert(0, line_break());
                }
                self.flush();
                self.block = Block::Cell(at + 1);
            }
            _ => self.line.clear(),
        }
    }

    /// Names the target of a link, as a reader of a manual cannot follow it. A target that the text
    /// names already, or that is in the same document, is left out.
    fn end_link(&mut self) {
        let Some(link) = self.links.pop() else { return };
        let said: String = self.line.iter().map(text_of).collect();
        let path = installed(self.base, &link);
        let file = path.rsplit('/').next().unwrap_or_default();
        if !link.starts_with('#') && !said.ends_with(file) {
            self.push(Style::Roman, &format!(" ({path})"));
        }
    }

    fn heading(&mut self, level: HeadingLevel) {
        assert_eq!(level, HeadingLevel::H2, "a section has no sections that are smaller");
        let title: String = self.line.drain(..).map(|inline| text_of(&inline).to_owned()).collect();
        self.control("SS", &[&title]);
        self.is_begun = true;
    }

    fn code_block(&mut self, text: &str) {
        for line in text.lines() {
            self.roff.text([roman(line)]);
        }
    }

    fn push(&mut self, style: Style, text: &str) {
        self.line.push(match style {
            Style::Roman => roman(text),
            Style::Bold => bold(text),
            Style::Italic => italic(text),
        });
    }

    fn flush(&mut self) {
        if !self.line.is_empty() {
            self.roff.text(std::mem::take(&mut self.line));
            self.is_begun = false;
        }
    }

    fn paragraph(&mut self) {
        if !self.is_begun {
            self.control("PP", &[]);
        }
    }

    fn control(&mut self, name: &str, args: &[&str]) {
        self.roff.control(name, args.iter().copied());
        self.is_begun = false;
    }
}

/// Where a link of a document in `base` leads, below the directory of the documents.
fn installed(base: &str, link: &str) -> String {
    let file = link.split('#').next().unwrap_or_default();
    match file.strip_prefix("../") {
        Some(above) => above.to_owned(),
        None if base.is_empty() || file.contains("://") => file.to_owned(),
        None => format!("{base}/{file}"),
    }
}

fn text_of(inline: &Inline) -> &str {
    match inline {
        Inline::Roman(text) | Inline::Bold(text) | Inline::Italic(text) => text,
        Inline::LineBreak => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(markdown: &str) -> String {
        let mut roff = Roff::new();
        render(&mut roff, markdown, "docs");
        roff.to_roff()
    }

    #[test]
    fn a_row_of_a_table_is_a_paragraph_under_its_first_cell() {
        let table = "| a | b | c |\n|---|---|---|\n| `x` | y | z |\n";
        assert_eq!(rendered(table), ".TP\n\\fBx\\fR\ny\n.br\nz\n");
    }

    #[test]
    fn links_name_what_they_lead_to() {
        assert_eq!(rendered("see [the table](roads.md#a)."), "see the table (docs/roads.md).\n");
        assert_eq!(rendered("see [roads.md](roads.md)."), "see roads.md.\n");
        assert_eq!(rendered("see [docs/roads.md](roads.md)."), "see docs/roads.md.\n");
        assert_eq!(rendered("see [above](../README.md#a)."), "see above (README.md).\n");
        assert_eq!(rendered("see [above](#above)."), "see above.\n");
    }

    #[test]
    fn lists_and_code_keep_their_shape() {
        assert_eq!(rendered("- one\n- two\n"), ".IP \\(bu 2\none\n.IP \\(bu 2\ntwo\n");
        assert_eq!(rendered("a\n\n    b  c\n"), "a\n.PP\n.RS 4\n.nf\nb  c\n.fi\n.RE\n");
    }

    #[test]
    fn a_section_ends_at_the_next_one() {
        let document = "# title\n\nbefore\n\n## one\n\nfirst\n\n## two\n\nsecond\n";
        assert_eq!(introduction(document).trim(), "before");
        assert_eq!(section(document, "one").trim(), "first");
        assert_eq!(section(document, "two").trim(), "second");
    }
}
