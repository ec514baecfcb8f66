//! Writes `docs/soak.md`.

use crate::chart;
use crate::sample::{FIGURES, Sample, Series};
use shim_tests::built::project;
use shim_tests::shim::Shim;
use std::error::Error;
use std::fmt::Write;

const HEAD: &str = "\
# Soak

`make soak` runs several servers at once. Each of them runs twice, natively and with softclose, side by side and under the same traffic.
The traffic is everyday sessions, answers that a close would destroy, reloads of the server, and peers that are killed in a download,
that stall for seven seconds, or that reset. What the processes hold is sampled every five seconds. A run takes 30 minutes, or as many
as `MINUTES` says.

The last run took {minutes} minutes.

![descriptors, memory, threads and aborts over time](soak.svg)

The columns of the table:

- *connections*: connections of sessions, and of answers that a close would destroy.
- *lost*: those of them whose answer did not arrive in full. Some servers refuse connections during a reload, natively too.
- *faults*: peers that were killed, stalled or reset.
- *aborts*: `TcpExtTCPAbortOnClose` and `TcpExtTCPAbortOnData`. The peers that are killed in a download cause some of them, in both arms.
- *growth*: the most that was held in the last quarter of the run, less the most in the second quarter.

The two arms of a server make different numbers of connections. A worker does one turn of traffic after the other, so an arm whose turns
take longer makes fewer connections. Natively a reset ends a large answer to a slow reader early. With softclose the whole answer arrives,
and the reader needs the time to read it. PostgreSQL shows that most: its slow reader takes seconds for an answer of 3 MiB, because it
reads in small pieces and searches all that it has heard after each. For a check, PostgreSQL also ran with readers that leave nothing
unread, so that natively nothing is cut off either. Then the turns of both arms were equally long.
";

/// Writes both, and answers what is wrong with softclose.
pub fn write(minutes: u64, series: &[Series]) -> Result<Vec<String>, Box<dyn Error>> {
    let docs = project().join("docs");
    std::fs::write(docs.join("soak.md"), text(minutes, series))?;
    chart::draw(series, &docs.join("soak.svg"))?;
    Ok(series.chunks(2).flat_map(faults).collect())
}

fn text(minutes: u64, series: &[Series]) -> String {
    let mut text = HEAD.replace("{minutes}", &minutes.to_string()) + "\n";
    text.push_str("| program | | connections | lost | faults | reloads | aborts | growth: descriptors | memory, KiB | threads |\n");
    text.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
    for one in series {
        let arm = if one.shim == Shim::Native { "without" } else { "with" };
        let Sample { connections, lost, faults, reloads, aborts, .. } = one.last();
        let growth = [FIGURES[0].1, |sample| sample.memory as f64, FIGURES[2].1].map(|figure| growth(one, figure));
        let _ = writeln!(
            text,
            "| {} | {arm} | {connections} | {lost} | {faults} | {reloads} | {aborts} | {} | {} | {} |",
            one.title, growth[0], growth[1], growth[2]
        );
    }
    text
}

fn growth(series: &Series, figure: impl Fn(&Sample) -> f64 + Copy) -> f64 {
    series.most(0.75, 1.0, figure) - series.most(0.25, 0.5, figure)
}

/// What is worse in the shimmed series of a program than in the native one: more answers lost, or
/// something that grows more.
fn faults(pair: &[Series]) -> Vec<String> {
    let [native, with] = pair else { return Vec::new() };
    let mut faults = Vec::new();
    if with.last().lost > native.last().lost {
        faults.push(format!("{}: {} lost, {} without", with.title, with.last().lost, native.last().lost));
    }
    for ((name, figure), slack) in FIGURES.into_iter().zip([64.0, 4.0, 4.0]) {
        let [without, grown] = [native, with].map(|series| growth(series, figure));
        if grown > without.max(0.0) + slack {
            faults.push(format!("{}: {name} grew by {grown}, {without} without", with.title));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use softclose_lab::head::missing_words;

    #[test]
    fn the_page_has_the_words_of_the_code() {
        let missing = missing_words(HEAD, "soak.md");
        assert!(missing.is_empty(), "{missing:?}");
    }
}
