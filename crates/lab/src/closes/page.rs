//! Writes `docs/closes.md` from the runs.

use super::answers;
use super::case::{PLACES, SHORT, Side};
use super::diagram;
use super::format;
use super::link::Distance;
use super::measure::{Run, between};
use super::packet::End;
use super::scenario::{RESPONSE, Scenario};
use super::subject::{PATIENCE_S, Subject};
use std::fmt::Write;

const HEAD: &str = "\
# Every way to close a connection

`make closes` makes this page. A program writes {response} bytes and closes the connection. It does so with the native close, under
each strategy of softclose, and with recipes that programmers have passed on for thirty years. Its peer follows a script. Each run
has two network namespaces and a link between them. The program is in one of them and the peer is in the other, so it is clear which
side holds TIME_WAIT.

The columns of the tables:

- *delivered*: how much of the response the peer has read.
- *ended with*: how the connection ended for the peer. *the end*: it read end of file. *a reset*: a read or a write failed.
  *nothing*: it gave up.
- *program sent*, *peer sent*: each FIN and RST, captured on the program's side. ×2: it was sent again, because no acknowledgement
  came.
- *first after*: the time from the beginning of the close to the program's first FIN or RST.
- *what stays*: the states that the two kernels keep in the end, and how much longer. The time is what the timer in `/proc/net/tcp`
  said when the state was first seen.
- *held*: how long the program still had a descriptor of the connection after `close` had returned. With softclose it is the private
  descriptor of the drain. *≤*: the first look found none.
- *close took*: the time that the program spent in `close`, and in all that a recipe does before it.

Each case ran once, on a busy machine, so the times are only a rough guide.

The bounds are short here, so that every run ends soon: `SOFTCLOSE_IDLE={idle}`, `SOFTCLOSE_TIMEOUT={timeout}`,
`SOFTCLOSE_PEER_FIRST={peer_first}`. A recipe by hand waits {patience} s at most. The far link has a delay of 40 ms there and back, and
loses 1 % of the packets each way. What makes the far link: {shaper}.

`crates/lab/tests/closes.rs` asserts what must come out on the near link. It does not look at times.
";

/// The text of the page.
pub fn render(runs: &[Run], shaper: &str) -> String {
    let mut page = HEAD.to_owned();
    let words = [
        ("{response}", format::bytes(RESPONSE)),
        ("{idle}", SHORT.idle.to_owned()),
        ("{timeout}", SHORT.timeout.to_owned()),
        ("{peer_first}", SHORT.peer_first.to_owned()),
        ("{patience}", PATIENCE_S.to_string()),
        ("{shaper}", shaper.to_owned()),
    ];
    for (word, meaning) in words {
        page = page.replace(word, &meaning);
    }
    page.push_str(&answers::render(runs));
    page.push_str(&overview(runs));
    page.push_str(&diagram::gallery());
    for (side, distance) in PLACES {
        page.push_str(&details(runs, side, distance));
    }
    page
}

/// For each side and distance a table of the strategies against the peers.
fn overview(runs: &[Run]) -> String {
    let mut text = "\n## At a glance\n\nIn each cell: how much of the response arrived, and how the connection ended for the peer.\n".to_owned();
    for (side, distance) in PLACES {
        let _ = write!(text, "\n### {}\n\n| |", title(side, distance));
        for scenario in Scenario::ALL {
            let _ = write!(text, " {} |", scenario.name());
        }
        text.push_str(&format!("\n|---|{}\n", "---|".repeat(Scenario::ALL.len())));
        for subject in Subject::main() {
            let _ = write!(text, "| {} |", name(&subject));
            for scenario in Scenario::ALL {
                let run = of(runs, side, distance, scenario).find(|run| run.case.subject == subject);
                let cell = run.map_or("not run".to_owned(), |run| {
                    format!("{}, {}", format::delivered(run), format::ending(run.ending()))
                });
                let _ = write!(text, " {cell} |");
            }
            text.push('\n');
        }
    }
    text
}

fn details(runs: &[Run], side: Side, distance: Distance) -> String {
    let mut text = format!("\n## {}\n", title(side, distance));
    for scenario in Scenario::ALL {
        let _ = write!(text, "\n### The peer {}\n\n{}\n\n", scenario.name(), scenario.what());
        text.push_str(
            "| | delivered | ended with | program sent | first after | peer sent | what stays | held | close took |\n",
        );
        text.push_str("|---|---|---|---|---|---|---|---|---|\n");
        for run in of(runs, side, distance, scenario) {
            text.push_str(&row(run));
        }
    }
    text
}

fn row(run: &Run) -> String {
    let cells = [
        name(&run.case.subject),
        format::delivered(run),
        format::ending(run.ending()).to_owned(),
        format::sent(run, End::Program),
        last_word(run),
        format::sent(run, End::Peer),
        format::kept(run),
        held(run),
        format::duration(run.took()),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// How long after the beginning of the close the program's first FIN or RST went.
fn last_word(run: &Run) -> String {
    let word = run.packets.iter().find(|packet| packet.from == End::Program && (packet.fin || packet.rst));
    word.map_or("–".to_owned(), |word| format::duration(between(run.timing.began, word.time)))
}

fn held(run: &Run) -> String {
    let at_most = if run.timing.looks == 1 { "≤ " } else { "" };
    format!("{at_most}{}", format::duration(run.held()))
}

fn of(runs: &[Run], side: Side, distance: Distance, scenario: Scenario) -> impl Iterator<Item = &Run> {
    let place = (side, distance, scenario);
    runs.iter().filter(move |run| (run.case.side, run.case.distance, run.case.scenario) == place)
}

fn title(side: Side, distance: Distance) -> String {
    let side = if side == Side::Server { "The program is the server" } else { "The program is the client" };
    let distance = if distance == Distance::Near { "no delay" } else { "40 ms, 1 % loss" };
    format!("{side}, {distance}")
}

fn name(subject: &Subject) -> String {
    if subject.strategy.is_some() { format!("`{}`", subject.name) } else { subject.name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::missing_words;

    #[test]
    fn the_page_has_the_words_of_the_code() {
        let missing = missing_words(HEAD, "closes.md");
        assert!(missing.is_empty(), "{missing:?}");
    }
}
