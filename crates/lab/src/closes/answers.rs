//! The answers in plain words. Every number in them is looked up among the runs; that
//! the words around it are true is what [`super::expect`] checks of the same runs.

use super::case::{Case, Side};
use super::format::{bytes, duration, ending, state};
use super::link::Distance;
use super::measure::{Ending, Run, TIME_WAIT, between};
use super::packet::End;
use super::scenario::{RESPONSE, Scenario};
use super::subject::{NATIVE, PATIENCE_S, Subject};
use std::time::Duration;

/// The width of the lines of prose.
const COLUMNS: usize = 118;

/// The text of all answers, from the runs of a server on the near link.
pub fn render(runs: &[Run]) -> String {
    let near = Near(runs);
    let answers = [
        time_wait(&near),
        recipes(&near),
        linger(&near),
        abort(&near),
        peer_first(&near),
        select(&near),
        log_out(runs),
    ];
    let answers: Vec<String> = answers.into_iter().map(|answer| answer.unwrap_or_else(|missing| missing)).collect();
    format!(
        "\n## In plain words\n\nIn these answers the program is the server and the link has no delay, unless a sentence says otherwise.\n{}",
        wrapped(&answers.concat())
    )
}

/// Wraps paragraphs and lists at [`COLUMNS`], because the numbers in them change their length.
fn wrapped(text: &str) -> String {
    let blocks = text.split("\n\n").map(|block| match block.trim_start().chars().next() {
        Some('#' | '|') => block.to_owned(),
        Some('-') => block.split("\n- ").map(|item| filled(item, "  ")).collect::<Vec<_>>().join("\n- "),
        _ => filled(block, ""),
    });
    blocks.collect::<Vec<_>>().join("\n\n")
}

fn filled(text: &str, indent: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    // A hyphen in a name, as in `peer-first`, is no place to break.
    let options = textwrap::Options::new(COLUMNS).word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(&words.join(" "), options.subsequent_indent(indent))
}

/// Runs of a server on the near link.
struct Near<'a>(&'a [Run]);

type Answer = Result<String, String>;

impl Near<'_> {
    fn run(&self, subject: Subject, scenario: Scenario) -> Result<&Run, String> {
        let case = Case::new(subject, scenario);
        let found = self.0.iter().find(|run| run.case == case);
        found.ok_or_else(|| format!("\nNot measured: {}.\n", case.name()))
    }

    fn strategy(&self, name: &'static str, scenario: Scenario) -> Result<&Run, String> {
        self.run(Subject::under(name), scenario)
    }

    fn recipe(&self, word: &str, scenario: Scenario) -> Result<&Run, String> {
        self.run(Subject::recipe(word), scenario)
    }
}

fn time_wait(near: &Near) -> Answer {
    let runs = near.0;
    let orderly: Vec<&Run> = runs.iter().filter(|run| has_two_fins(run)).collect();
    let (as_said, not): (Vec<&Run>, Vec<&Run>) =
        orderly.iter().partition(|run| run.time_wait() == run.first_fin().into_iter().collect::<Vec<_>>());
    let others = match &not[..] {
        [] => String::new(),
        some => format!(
            " In the other {}, over the far link, packets crossed or were lost. The tables show what each side kept: {}.",
            some.len(),
            some.iter().map(|run| run.case.name()).collect::<Vec<_>>().join("; ")
        ),
    };
    let reset = runs.iter().filter(|run| run.resets(End::Program) != 0);
    let (reset, waits) =
        reset.fold((0, 0), |(all, waits), run| (all + 1, waits + usize::from(!run.time_wait().is_empty())));
    let never = near.strategy("drain", Scenario::Never)?;
    Ok(format!(
        "
### Who holds TIME_WAIT?

The side that sends its FIN first. No call and no option changes that. In {} runs of this page both sides sent a FIN and
nobody sent a RST. In {} of them TIME_WAIT was at the side whose FIN was first on the wire, and only there.{others} The program
sent a RST in {reset} runs. In {waits} of those a TIME_WAIT was left behind. Linux keeps TIME_WAIT for 60 s, a constant
(`TCP_TIMEWAIT_LEN`). The longest time that any of them had left when it was first seen was {}. With a peer that never closes
there is no TIME_WAIT: under `drain` the program's kernel kept {}.
",
        orderly.len(),
        as_said.len(),
        duration(longest(runs)),
        never.kept_by(End::Program).map_or("nothing".to_owned(), state),
    ))
}

/// The longest time that a socket in TIME_WAIT had left.
fn longest(runs: &[Run]) -> Duration {
    let kept = runs.iter().flat_map(|run| run.kept.iter().flatten()).filter(|socket| socket.state == TIME_WAIT);
    kept.map(|socket| socket.timer).max().unwrap_or_default()
}

fn has_two_fins(run: &Run) -> bool {
    let fins = |end| run.fins(end) != 0;
    fins(End::Program) && fins(End::Peer) && End::BOTH.iter().all(|end| run.resets(*end) == 0)
}

fn recipes(near: &Near) -> Answer {
    let rows = [
        near.run(NATIVE, Scenario::Later)?,
        near.recipe("linger-off", Scenario::Later)?,
        near.recipe("shut-both", Scenario::Later)?,
        near.recipe("shut-both-select", Scenario::Later)?,
        near.recipe("linger", Scenario::Later)?,
    ];
    let mut table = "| | first FIN | program keeps | peer keeps |\n|---|---|---|---|\n".to_owned();
    for run in rows {
        let kept = |end| run.kept_by(end).map_or("–".to_owned(), state);
        let first = run.first_fin().map_or("–", End::name);
        table.push_str(&format!(
            "| {} | {first} | {} | {} |\n",
            run.case.subject.name,
            kept(End::Program),
            kept(End::Peer)
        ));
    }
    Ok(format!(
        "
### Why do `shutdown(SHUT_RDWR)` and `SO_LINGER {{0,0}}` change nothing about TIME_WAIT?

They do not change which side sends the first FIN. `SO_LINGER {{0,0}}` switches lingering off, and every socket begins with
lingering off. `SHUT_RDWR` sends the same FIN that `close` would have sent a moment later. It also shuts the receive side, but
the peer cannot see that until it sends something and gets a RST. Against a peer that closes within 50 ms:

{table}"
    ))
}

fn linger(near: &Near) -> Answer {
    let (slow, native) = (near.recipe("linger", Scenario::Slow)?, near.run(NATIVE, Scenario::Slow)?);
    let (lost, strategy) = (near.recipe("linger", Scenario::Uploads)?, near.strategy("linger", Scenario::Slow)?);
    Ok(format!(
        "
### And `SO_LINGER {{1,n}}`?

It makes `close` wait until the peer has acknowledged everything, n seconds at most. It delivers nothing that would not arrive
without it. The peer that reads slowly got {} bytes after a close that took {}, and {} bytes after a native close that took {}.
Where a plain close is a reset, this one is a reset too: the peer that uploads got {} bytes and {}. The strategy `linger` waits
in the background; its `close` took {}.
",
        bytes(slow.report.received),
        duration(slow.took()),
        bytes(native.report.received),
        duration(native.took()),
        bytes(lost.report.received),
        ending(lost.ending()),
        duration(strategy.took()),
    ))
}

fn abort(near: &Near) -> Answer {
    let (slow, by_hand) = (near.strategy("abort", Scenario::Slow)?, near.recipe("linger-zero", Scenario::Slow)?);
    let (done, gone) = (near.strategy("abort", Scenario::First)?, near.strategy("abort", Scenario::Vanishes)?);
    Ok(format!(
        "
### What does `abort` do about it, and what does it cost?

`SO_LINGER {{1,0}}`, by hand or as the strategy `abort`, sends a RST instead of a FIN. So neither side has a TIME_WAIT. The price
is the response, because the kernel throws the send queue away. A peer that reads slowly got {} of {} bytes under `abort` and {}
by hand, and then {}. Even the peer that had every byte and had sent its FIN ({} bytes) read {} instead of end of file. And a RST
is sent only once: nobody repeats it when it is lost. The peer whose link was cut had {} when it gave up; the program had sent
{} RST. Use `abort` by a rule (`SOFTCLOSE_RULES`) for peers that deserve it. Do not use it for peers that need the answer.
",
        bytes(slow.report.received),
        bytes(RESPONSE),
        bytes(by_hand.report.received),
        ending(slow.ending()),
        bytes(done.report.received),
        ending(done.ending()),
        ending(gone.ending()),
        gone.resets(End::Program),
    ))
}

fn peer_first(near: &Near) -> Answer {
    let (first, drain) = (near.strategy("peer-first", Scenario::Later)?, near.strategy("drain", Scenario::Later)?);
    let (waits, soon) = (near.strategy("peer-first", Scenario::Never)?, near.strategy("drain", Scenario::Never)?);
    let slow = near.strategy("peer-first", Scenario::Slow)?;
    Ok(format!(
        "
### What does `peer-first` do about it, and what does it cost?

It gives the peer a moment to send the first FIN. A peer that knows the length of the response closes by itself, and then
TIME_WAIT moves to its side. Against the peer that closes within 50 ms it was held by the {} under `peer-first`, and by the {}
under `drain`. Both delivered all of the {} bytes. Peers that wait for *our* FIN pay the price. The peer that never closes got our
FIN {} after the close under `peer-first`, and {} after it under `drain`. For such peers `peer-first` does not even help: with the
peer that reads to the end of the response (\"reads slowly\") TIME_WAIT was held by the {} all the same.{}
",
        holder(first),
        holder(drain),
        bytes(RESPONSE),
        fin_after(waits),
        fin_after(soon),
        holder(slow),
        over_a_far_link(near),
    ))
}

/// Explains what the patience of `peer-first` is counted from.
fn over_a_far_link(near: &Near) -> String {
    let case = Case { distance: Distance::Far, ..Case::new(Subject::under("peer-first"), Scenario::Later) };
    let Some(run) = near.0.iter().find(|run| run.case == case) else { return String::new() };
    let whole = run.packets.iter().rfind(|packet| packet.from == End::Program && packet.payload > 0);
    let whole = whole.map_or("never".to_owned(), |last| duration(between(run.timing.began, last.time)));
    format!(
        "

`SOFTCLOSE_PEER_FIRST` ({}) counts from the close, not from the last byte. Over the far link the program sent the last of the
response {whole} after the close, and TIME_WAIT was held by the {}. Set it to more time than a response takes to arrive.",
        run.case.bounds.peer_first,
        holder(run),
    )
}

fn holder(run: &Run) -> &'static str {
    run.time_wait().first().map_or("nobody", |end| end.name())
}

/// How long after the beginning of the close the program's first FIN went.
fn fin_after(run: &Run) -> String {
    let fin = run.packets.iter().find(|packet| packet.from == End::Program && packet.fin);
    fin.map_or("never".to_owned(), |fin| duration(between(run.timing.began, fin.time)))
}

fn select(near: &Near) -> Answer {
    let both = near.recipe("shut-both-select", Scenario::Never)?;
    let (write, unread) =
        (near.recipe("shut-write-select", Scenario::Never)?, near.recipe("shut-write-select", Scenario::Uploads)?);
    let lost = near.recipe("shut-both-select", Scenario::Uploads)?;
    let reads = near.recipe("shut-write-receive", Scenario::Uploads)?;
    let (wait, waits_in_vain) = (near.strategy("wait", Scenario::Slow)?, near.strategy("wait", Scenario::Uploads)?);
    let drain = near.strategy("drain", Scenario::Uploads)?;
    Ok(format!(
        "
### Why does `select` after shutting both ways not wait, and what does?

The recipe is meant to return when the peer has closed, or after {PATIENCE_S} s here. But on Linux a socket whose receive side is
shut is readable at once: a read would not block, it would answer end of file (`tcp_poll`). Against the peer that never closes
`select` answered {}. The recipe has a second fault: with the receive side shut, the kernel answers everything that the peer
still sends with a RST. The peer that uploads got {} of {} bytes.

After `SHUT_WR` alone `select` does wait: it answered {} against the peer that never closes. But it waits for anything to read,
not for the end. Against the peer that uploads it answered {}. The close then found unread data, and the peer got {} bytes
and {}. Three things wait for the peer's FIN on Linux:

- Reading to the end: `SHUT_WR`, `recv` until it answers 0, close. The peer that uploads got all {} bytes. The program was busy
  with it for {}.
- `poll` for `POLLRDHUP` after `SHUT_WR`. Data does not wake it. The strategy `wait` does that in the background: the peer that
  reads slowly got {} bytes and {}. But a program that does not read leaves the peer no window. The peer that uploads never came to
  its FIN. After {} it had {} bytes and {}.
- The strategy `drain`. It reads to the end too, but the program does not wait for that. The peer that uploads got all {} bytes,
  and `close` took {}.
",
        selected(both),
        bytes(lost.report.received),
        bytes(RESPONSE),
        selected(write),
        selected(unread),
        bytes(unread.report.received),
        ending(unread.ending()),
        bytes(reads.report.received),
        duration(reads.took()),
        bytes(wait.report.received),
        ending(wait.ending()),
        duration(waits_in_vain.held()),
        bytes(waits_in_vain.report.received),
        ending(waits_in_vain.ending()),
        bytes(drain.report.received),
        duration(drain.took()),
    ))
}

fn selected(run: &Run) -> String {
    match run.timing.selected {
        Some((0, time)) => format!("0, nothing, after {}", duration(time)),
        Some((ready, time)) => format!("{ready}, readable, after {}", duration(time)),
        None => "nothing".to_owned(),
    }
}

/// Whether the connection ended with a FIN for the peer, and neither end sent a reset.
fn is_clean(run: &Run) -> bool {
    run.ending() == Ending::Fin && End::BOTH.iter().all(|end| run.resets(*end) == 0)
}

fn log_out(runs: &[Run]) -> Answer {
    let mut table =
        "| program | clean log-outs, no delay | 40 ms, 1 % loss | not clean |\n|---|---|---|---|\n".to_owned();
    for subject in Subject::main() {
        let of = |distance| {
            let all = runs.iter().filter(move |run| run.case.subject == subject && run.case.distance == distance);
            all.filter(|run| run.case.side == Side::Client && run.case.scenario != Scenario::Vanishes)
        };
        let count = |distance| match (of(distance).filter(|run| is_clean(run)).count(), of(distance).count()) {
            (_, 0) => "not run".to_owned(),
            (clean, all) => format!("{clean} of {all}"),
        };
        let not = of(Distance::Near).filter(|run| !is_clean(run)).map(|run| run.case.scenario.name());
        let not = not.collect::<Vec<_>>().join(", ");
        table.push_str(&format!(
            "| {} | {} | {} | {not} |\n",
            subject.name,
            count(Distance::Near),
            count(Distance::Far)
        ));
    }
    Ok(format!(
        "
### When does a mainframe that logs only clean log-outs get its clean log-out?

When it reads end of file, and no RST comes before or after it. For that the client must do three things. It must send a FIN.
It must leave nothing unread. It must go on taking what the mainframe still sends (its own farewell, for example) until the
mainframe's FIN. A close alone does the first. It is a clean log-out only if the mainframe has nothing more to say. The table
counts clean ends with the program as the client, over the six peers that can be reached:

{table}"
    ))
}
