//! softclose(7): the library. Its variables come from the table of knobs, its prose from the
//! documents.

use super::markdown;
use super::see_also;
use roff::{Roff, bold, roman};
use softclose_core::settings::knobs::{KNOBS, Knob};

const README: &str = include_str!("../../../../README.md");
const LIMITS: &str = include_str!("../../../../docs/limits.md");
const OPERATIONS: &str = include_str!("../../../../docs/operations.md");

const SIGNALS: &str = "A signal that ends the program by its default action, or SIGKILL, ends it at once: the kernel \
    closes its connections, as without softclose. A server that handles SIGTERM and exits has up to \
    SOFTCLOSE_EXIT_TIMEOUT to finish its connections. A service manager should wait longer than that before it sends \
    SIGKILL (TimeoutStopSec= of systemd, the grace period of a container).";

/// The page, without its title.
pub fn page() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["NAME"]);
    roff.text([roman("softclose - graceful close of TCP sockets, preloaded into unmodified programs")]);
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([bold("softclose"), roman(" -- "), bold("./server")]);
    roff.control("PP", []);
    roff.text([bold("LD_PRELOAD="), roman("/path/to/"), bold("libsoftclose.so ./server")]);
    roff.control("SH", ["DESCRIPTION"]);
    markdown::render(&mut roff, markdown::introduction(README), "");
    roff.control("SH", ["ENVIRONMENT"]);
    variables(&mut roff);
    for (title, text, base) in [
        ("STRATEGIES", markdown::section(README, "Strategies"), ""),
        ("WHAT A CLOSE BECOMES", markdown::section(README, "What a close becomes"), ""),
        ("FILES", markdown::section(OPERATIONS, "The files"), "docs"),
    ] {
        roff.control("SH", [title]);
        markdown::render(&mut roff, text, base);
    }
    roff.control("SH", ["SIGNALS"]);
    roff.text([roman(SIGNALS)]);
    roff.control("SH", ["LIMITS"]);
    markdown::render(&mut roff, &markdown::without_contents(LIMITS), "docs");
    see_also(
        &mut roff,
        &["softclose(1)", "softclosectl(1)", "close(2)", "shutdown(2)", "socket(7)", "tcp(7)", "ld.so(8)"],
    );
    roff
}

fn variables(roff: &mut Roff) {
    let settings = markdown::section(README, "Settings");
    markdown::render(roff, settings.split("\n|").next().unwrap_or_default(), "");
    KNOBS.iter().for_each(|knob| variable(roff, knob));
}

fn variable(roff: &mut Roff, knob: &Knob) {
    roff.control("TP", []);
    roff.text([bold(knob.env)]);
    roff.text([roman(format!("{}.", capitalised(knob.help)))]);
    let default = if knob.default.is_empty() { "unset" } else { knob.default };
    roff.text([roman("The value is "), roman(knob.allowed), roman(". The default is "), bold(default), roman(".")]);
    roff.text([roman("Option of the launcher: "), bold(format!("--{}", knob.flag)), roman(".")]);
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}
