//! The manual pages.

mod ctl;
mod launcher;
mod markdown;
mod options;
mod overview;

use roff::{Roff, roman};
use std::path::PathBuf;

/// The pages: each path below `share`, and its content.
pub fn all(date: &str) -> Vec<(PathBuf, String)> {
    let pages =
        [("softclose", 1, launcher::page()), ("softclosectl", 1, ctl::page()), ("softclose", 7, overview::page())];
    pages.into_iter().map(|(name, section, body)| page(name, section, date, body)).collect()
}

fn page(name: &str, section: u8, date: &str, body: Roff) -> (PathBuf, String) {
    let mut roff = Roff::new();
    let source = concat!("softclose ", env!("CARGO_PKG_VERSION"));
    roff.control("TH", [&*name.to_uppercase(), &section.to_string(), date, source, "softclose"]);
    // Names of variables must not be hyphenated.
    roff.control("nh", []);
    // The page has one preamble, and so its body has none.
    let text = roff.render() + &without_preamble(&body);
    (PathBuf::from(format!("man/man{section}/{name}.{section}")), text)
}

fn without_preamble(body: &Roff) -> String {
    let preamble = Roff::new().render();
    let text = body.render();
    text.strip_prefix(&*preamble).unwrap_or(&text).to_owned()
}

/// `make install` puts in the place that it really is.
const DOCUMENTS: &str = "The documents, as README.md, docs/operations.md, docs/not-loaded.md and docs/limits.md, are in \
    /usr/local/share/doc/softclose.";

/// The section SEE ALSO.
fn see_also(roff: &mut Roff, pages: &[&str]) {
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(pages.join(", "))]);
    roff.control("PP", []);
    roff.text([roman(DOCUMENTS)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use softclose_core::decision::REASONS;
    use softclose_core::settings::knobs::KNOBS;
    use softclose_core::settings::strategy;

    fn text(path: &str) -> String {
        let found = all("2000-01-01").into_iter().find(|(name, _)| name.as_os_str() == path);
        found.unwrap().1.replace(r"\-", "-")
    }

    #[test]
    fn every_knob_is_in_both_pages_with_its_default_and_its_help() {
        let (command, overview) = (text("man/man1/softclose.1"), text("man/man7/softclose.7"));
        for knob in KNOBS {
            assert!(command.contains(&format!("--{}", knob.flag)), "{}", knob.flag);
            assert!(overview.contains(&format!(r"\fB{}\fR", knob.env)), "{}", knob.env);
            for part in [knob.default, knob.allowed] {
                assert!(overview.contains(part), "{}: {part}", knob.env);
            }
            // roff writes apostrophes in another way, and the first letter may be a capital.
            for page in [&command, &overview] {
                assert!(knob.help[1..].split('\'').all(|part| page.contains(part)), "{}", knob.help);
            }
        }
    }

    #[test]
    fn every_strategy_is_in_the_overview() {
        let overview = text("man/man7/softclose.7");
        let strategies = overview.split(".SH STRATEGIES").nth(1).unwrap().split(".SH ").next().unwrap();
        for word in strategy::WORDS {
            assert!(strategies.contains(&format!(".TP\n\\fB{word}\\fR\n")), "{word} in {strategies}");
        }
    }

    #[test]
    fn every_subcommand_and_its_options_are_in_the_page_of_softclosectl() {
        let page = text("man/man1/softclosectl.1");
        for command in softclose_ctl::args::Cli::command().get_subcommands() {
            assert!(page.contains(&format!("softclosectl {}", command.get_name())), "{}", command.get_name());
            for long in command.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(page.contains(&format!("--{long}")), "--{long}");
            }
        }
    }

    /// explain named a section of 300 lines.
    #[test]
    fn every_section_that_explain_names_is_in_the_overview() {
        let overview = text("man/man7/softclose.7");
        let advice = REASONS.iter().map(|(reason, _)| softclose_ctl::explain::meaning(*reason).1);
        let named: Vec<_> = advice.filter_map(|text| text.split('"').nth(1)).collect();
        assert!(named.len() > 1);
        for section in named {
            assert!(overview.contains(&format!(".SS \"{section}\"\n")), "{section}");
        }
    }

    /// A heading that is renamed must not vanish silently from the manual.
    #[test]
    fn every_section_that_is_taken_from_a_document_has_text() {
        let overview = text("man/man7/softclose.7");
        for section in overview.split(".SH ").skip(1) {
            assert!(section.lines().count() > 1, "{section}");
        }
        assert!(overview.contains("SIGKILL") && overview.contains("/run/softclose"));
    }
}
