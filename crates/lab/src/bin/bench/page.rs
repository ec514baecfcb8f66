//! Writes `docs/performance.md` from what is kept of each measure.

use crate::chart;
use crate::measure::Measure;
use crate::measurement::{Figure, Goal, Measurement, Table, folder};
use crate::measures::MEASURES;
use crate::number::number;
use std::error::Error;
use std::fmt::Write;

const HEAD: &str = "\
# What softclose costs

`make bench` makes this page. `MEASURES=\"files nginx\"` chooses some of the measures; the others keep the results of their last run.

A measure compares arms, for example a program without softclose (*bare*) and the same program with softclose. The arms take turns in
one run: A B, B A, B A, A B, ... A figure is a ratio of two arms, or a difference where a unit stands beside it. Each round gives one
point. The figure is the median of the points, and half of the points lie between its quartiles. The charts show every point of each
ratio.

Servers run in a network namespace of their own on the first processor, and clients on the last one, unless a measure says otherwise.
So the time of softclose's thread is the server's time, as on a machine that has no idle processor.

*required* and *aim* are goals that this project has set itself. *required* is the worst result that it accepts, and *aim* is the result that it wants.
An empty cell means that there is no such goal. The last column says which goal the median reaches: ++ the aim; + what is required, but
not the aim; − not what is required, or, where nothing is required, not the aim.

";

/// The table of figures and its columns.
const SUMMARY: &str = "| | measured | bare | with softclose | quartiles | required | aim | reached |\n|---|---|---|---|---|---|---|---|\n";

/// Writes the page and the charts.
///
/// # Errors
/// That a file cannot be read or written.
pub fn write() -> Result<(), Box<dyn Error>> {
    let kept: Vec<_> = MEASURES.iter().map(|measure| (measure, Measurement::kept(measure.name))).collect();
    let mut page = HEAD.to_owned();
    page.push_str(&machines(&kept));
    page.push_str(SUMMARY);
    for (measure, measurement) in &kept {
        page.push_str(&summary(measure, measurement.as_ref()));
    }
    for (measure, measurement) in &kept {
        page.push_str(&section(measure, measurement.as_ref())?);
    }
    page.push('\n');
    page.push_str(&std::fs::read_to_string(folder().join("notes.md"))?);
    std::fs::write(folder().with_extension("md"), page)?;
    Ok(())
}

/// Names the machine. If there are several, each is named with the measures that ran on it.
fn machines(kept: &[(&Measure, Option<Measurement>)]) -> String {
    let mut machines: Vec<(&str, Vec<&str>)> = Vec::new();
    for (measure, measurement) in
        kept.iter().filter_map(|(measure, measurement)| Some((measure, measurement.as_ref()?)))
    {
        match machines.iter_mut().find(|(machine, _)| *machine == measurement.machine) {
            Some((_, names)) => names.push(measure.name),
            None => machines.push((&measurement.machine, vec![measure.name])),
        }
    }
    let mut text = String::new();
    for (machine, names) in &machines {
        let which = if machines.len() == 1 { String::new() } else { format!(" ({})", names.join(", ")) };
        let _ = writeln!(text, "The machine{which}: {machine}.");
    }
    text + "\n"
}

fn summary(measure: &Measure, measurement: Option<&Measurement>) -> String {
    let Some(measurement) = measurement else {
        return format!("| `{}` | {} | | not run | | | | |\n", measure.name, measure.title);
    };
    let mut text = String::new();
    for figure in measurement.figures.iter() {
        let _ = writeln!(text, "| [`{0}`](#{0}) | {1} |", measure.name, cells(figure).join(" | "));
    }
    text
}

fn cells(figure: &Figure) -> [String; 7] {
    let spread = figure.spread();
    let unit = if figure.unit.is_empty() { String::new() } else { format!(" {}", figure.unit) };
    [
        figure.what.clone(),
        figure.bare.clone(),
        format!("**{}**{unit}", number(spread.median)),
        format!("{} – {}", number(spread.lower), number(spread.upper)),
        goal(figure.required),
        goal(figure.aim),
        reached(figure).to_owned(),
    ]
}

fn reached(figure: &Figure) -> &'static str {
    let is_reached = |goal: Option<Goal>| goal.map(|goal| goal.is_reached(figure.spread().median));
    match (is_reached(figure.required), is_reached(figure.aim)) {
        (None, None) => "",
        (Some(false), _) | (None, Some(false)) => "−",
        (_, Some(true)) => "++",
        (Some(true), _) => "+",
    }
}

fn goal(goal: Option<Goal>) -> String {
    match goal {
        Some(Goal::AtMost(most)) => format!("≤ {most}"),
        Some(Goal::AtLeast(least)) => format!("≥ {least}"),
        None => String::new(),
    }
}

fn section(measure: &Measure, measurement: Option<&Measurement>) -> Result<String, Box<dyn Error>> {
    let mut text = format!("\n## {}\n\n{}. {}\n", measure.name, measure.title, measure.about);
    let Some(measurement) = measurement else { return Ok(text) };
    if chart::draw(measurement, &folder().join(measure.name).with_extension("svg"))? {
        let _ = write!(text, "\n![{}](performance/{}.svg)\n", measure.title, measure.name);
    }
    let _ = write!(text, "\n{}\n", meanwhile(measurement));
    measurement.tables.iter().for_each(|table| text.push_str(&markdown(table)));
    Ok(text)
}

fn meanwhile(measurement: &Measurement) -> String {
    format!("While it ran, other programs used about {:.0} % of the machine's processors.", measurement.others)
}

fn markdown(table: &Table) -> String {
    let mut text =
        format!("\n{}\n\n| {} |\n|{}\n", table.title, table.head.join(" | "), "---|".repeat(table.head.len()));
    for row in &table.rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// The measurement as text for the terminal.
pub fn plain(measurement: &Measurement) -> String {
    let mut text = String::new();
    for figure in &measurement.figures {
        let [what, bare, measured, quartiles, required, aim, reached] = cells(figure);
        let _ = write!(text, "  {what}: {} ({quartiles})", measured.replace("**", ""));
        let said = [("bare", bare), ("required", required), ("aim", aim), ("reached", reached)];
        let said: Vec<_> =
            said.iter().filter(|(_, word)| !word.is_empty()).map(|(name, word)| format!("{name} {word}")).collect();
        let _ = writeln!(text, "; {}", said.join(", "));
    }
    let _ = writeln!(text, "  {}", meanwhile(measurement));
    for table in &measurement.tables {
        let _ = writeln!(text, "  {}\n    {}", table.title, table.head.join(" | "));
        table.rows.iter().for_each(|row| text.push_str(&format!("    {}\n", row.join(" | "))));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_says_what_it_has_reached() {
        let at = |value| {
            let figure = Figure::ratio("", "", vec![value]);
            reached(&figure.must(Goal::AtMost(1.5)).aims_at(Goal::AtMost(1.2)))
        };
        assert_eq!([at(1.0), at(1.3), at(1.6)], ["++", "+", "−"]);
        assert_eq!(reached(&Figure::ratio("", "", vec![1.0])), "");
    }
}
