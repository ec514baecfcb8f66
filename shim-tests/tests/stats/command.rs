//! `softclosectl`, as an operator and as a program use it.

use super::{holding, served};
use shim_tests::arena::Arena;
use shim_tests::here;
use shim_tests::peer::Peer;
use shim_tests::proc::wait_until;
use shim_tests::shim::{Shim, ctl};
use shim_tests::skip;
use shim_tests::stats::{Memory, text};
use shim_tests::terminal::OnTerminal;
use shim_tests::victim::Victim;
use softclose_core::counters::names::{FILES_LEFT_OUT, METRICS, WHY_LEFT_OUT};
use softclose_core::counters::page::Page;
use std::collections::HashSet;
use std::mem::offset_of;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::{Command, Output};

#[test]
fn ps_lists_version_uptime_and_the_settings_in_force() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let (victim, peer) = holding(&arena, memory.shows(Victim::c("serve")).env("SOFTCLOSE_IDLE", "7s"));
    let shown = memory.says(&["ps"]);
    let row = shown.lines().find(|line| line.starts_with(&format!("{} ", victim.pid()))).expect("a row");
    let version = env!("CARGO_PKG_VERSION");
    for word in ["serve", version, &format!("of {}", victim.pid()), "SOFTCLOSE_IDLE=7s"] {
        assert!(row.contains(word), "no {word} in {row}");
    }
    assert!(!row.contains("SOFTCLOSE_TIMEOUT"), "only what is not as by default: {row}");
    let all: serde_json::Value = serde_json::from_str(&memory.says(&["ps", "--json"])).expect("JSON");
    let entry = all.as_array().into_iter().flatten().find(|entry| entry["pid"] == victim.pid()).expect("an entry");
    assert_eq!((&entry["held"], &entry["settings"]["SOFTCLOSE_TIMEOUT"]), (&1.into(), &"30s".into()), "{entry}");
    peer.leave();
}

#[test]
fn explain_gives_each_reason_its_advice() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let victim = memory.shows(Victim::c("serve")).env("SOFTCLOSE_ROLE", "connected");
    let (victim, peer) = holding(&arena, victim);
    let said = memory.says(&["explain", &victim.pid().to_string()]);
    assert!(said.contains("1  role: SOFTCLOSE_ROLE excludes"), "{said}");
    assert!(said.contains("SOFTCLOSE_ROLE=both"), "{said}");
    peer.leave();
}

#[test]
fn what_is_not_there_is_an_error_that_says_why() {
    let memory = Memory::directory();
    let refused = |pid: &str| {
        let output = memory.ctl(&["stat", pid]).output().expect("softclosectl runs");
        assert!(!output.status.success(), "{}", text(&output));
        text(&output)
    };
    assert!(refused("4194305").contains("there is no process 4194305"));
    let other = refused(&std::process::id().to_string());
    assert!(other.contains("does not have softclose loaded") && other.contains("docs/not-loaded.md"), "{other}");
}

/// "does not have softclose loaded, or you may not look at it: are you root?" was said to root, and of a process that
/// may be looked at.
#[test]
fn what_may_not_be_looked_at_is_not_said_to_be_without_softclose() {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--clear-groups"]).arg(ctl()).args(["explain", &std::process::id().to_string()]);
    match command.env_remove("LD_PRELOAD").output() {
        Ok(output) if text(&output).contains("setpriv:") => skip(here!(), &text(&output)),
        Ok(output) => {
            let said = text(&output);
            assert!(said.contains("you may not look at process") && !said.contains("loaded"), "{said}");
        }
        Err(error) => skip(here!(), &format!("setpriv: {error}")),
    }
}

/// `stat PID` asked root "are you root?", and `stat` and `prometheus` said nothing.
#[test]
fn counters_of_another_layout_are_said_to_be_of_another_version() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let (victim, peer) = holding(&arena, memory.shows(Victim::c("serve")));
    let file = memory.path().join(&memory.files()[0]);
    let file = std::fs::OpenOptions::new().write(true).open(file).expect("ours");
    file.write_all_at(&99u32.to_ne_bytes(), offset_of!(Page, layout) as u64).expect("ours");
    let pid = victim.pid().to_string();
    let why = format!("written by softclose {}, in layout 99", env!("CARGO_PKG_VERSION"));
    for words in [&["stat", &pid][..], &["explain", &pid], &["stat"], &["stat", "--json"], &["ps"], &["prometheus"]] {
        let output = memory.ctl(words).output().expect("softclosectl runs");
        assert!(text(&output).contains(&why), "{words:?}: {}", text(&output));
        assert_eq!(output.status.success(), !words.contains(&pid.as_str()), "{words:?}");
    }
    peer.leave();
}

/// The text of such a process was that of one without connections: after a roll-back nothing said that
/// it had worked. A mistyped variable was ignored in silence.
#[test]
fn ps_says_of_a_process_without_counters_why_and_with_which_settings() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let cases =
        [("SOFTCLOSE_DISABLE", "1", "disabled"), ("SOFTCLOSE_STATS", "off", "off"), ("SOFTCLOSE_IDLE", "7s", "none")];
    for (name, value, word) in cases {
        let victim = memory.shows(Victim::program("cat".into())).env(name, value).env("SOFTCLOSE_IDEL", "7s");
        let victim = victim.start(&arena, Shim::Preloaded);
        let row = || {
            memory.says(&["ps"]).lines().find(|line| line.starts_with(&format!("{} ", victim.pid()))).map(str::to_owned)
        };
        wait_until("it is loaded", || row().is_some());
        let words: Vec<_> = row().unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
        assert_eq!((words[3].as_str(), words[5].as_str()), ("-", word), "{words:?}");
        assert!(words.contains(&format!("{name}={value}")), "{words:?}");
        let ignored = format!("{} ignores what is no setting: SOFTCLOSE_IDEL\n", victim.pid());
        assert!(memory.says(&["ps"]).contains(&ignored), "{ignored}");
    }
}

/// "and 293 more: softclosectl ps --all", said `ps --all`.
#[test]
fn ps_with_all_leaves_out_nothing() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let victim = memory.shows(Victim::program("cat".into())).env("SOFTCLOSE_IDEL", "7s");
    let victims: Vec<_> = (0..9).map(|_| victim.start(&arena, Shim::Preloaded)).collect();
    let named = |said: &str| {
        let line = |pid: u32| format!("{pid} ignores what is no setting: SOFTCLOSE_IDEL\n");
        victims.iter().filter(|victim| said.contains(&line(victim.pid()))).count()
    };
    wait_until("all are loaded", || named(&memory.says(&["ps", "--all"])) == victims.len());
    let said = memory.says(&["ps"]);
    assert!(named(&said) < victims.len() && said.contains(" more: softclosectl ps --all\n"), "{said}");
    assert!(!memory.says(&["ps", "--all"]).contains("ps --all"));
}

/// It said what to look for in other numbers.
#[test]
fn explain_says_what_observed_closes_have_lost() {
    let memory = Memory::directory();
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let victim = memory.shows(Victim::c("serve")).env("SOFTCLOSE_STRATEGY", "observe").arg("3");
    let mut victim = victim.start(&arena, Shim::Preloaded);
    let peer = Peer::to(victim.port()).copies(3).ask(64, 65536).upload(65536).read_to_end().start(&arena);
    victim.expect("closed");
    let said = memory.says(&["explain", &victim.pid().to_string()]);
    assert!(said.contains("3 of 3 closes were resets, 192 KiB unread.\n"), "{said}");
    peer.leave();
}

/// "invalid digit found in string", "os error 6", the name of a temporary file, and nothing at all.
#[test]
fn mistakes_are_said_in_plain_words() {
    let memory = Memory::directory();
    let said = |words: &[&str]| text(&memory.ctl(words).output().expect("softclosectl runs"));
    for word in ["abc", "-1", "", "99999999999"] {
        assert!(!said(&["stat", "--", word]).contains("digit"), "{}", said(&["stat", "--", word]));
    }
    assert!(said(&["stat", "abc"]).contains("a PID is a whole number"), "{}", said(&["stat", "abc"]));
    assert_eq!(said(&["top"]), "softclosectl: top needs a terminal to draw on: stat and ps print to anything\n");
    let missing = memory.path().join("missing");
    let refused = said(&["prometheus", "--textfile", missing.to_str().expect("a plain path")]);
    assert_eq!(
        refused,
        format!("softclosectl: cannot write {}/softclose.prom: there is no such directory\n", missing.display())
    );
    // A name that the operator has mistyped was ignored in silence.
    let searched = said(&["clean", "--dry-run", "--dir", missing.to_str().expect("a plain path")]);
    assert!(
        searched.contains(&format!("softclosectl: {} is not searched: No such file", missing.display())),
        "{searched}"
    );
    let watch = "softclosectl: --watch needs a terminal to draw on: scan prints to anything without it\n";
    assert_eq!(said(&["scan", "--watch"]), watch);
}

/// There was no output at all, which may mean anything. In a pid namespace of its own softclosectl sees
/// nothing of the programs of other tests.
#[test]
fn where_there_is_nothing_that_is_said() {
    let words = ["ps", "stat", "clean"].map(|word| format!("&& {} {word}", quoted(ctl())));
    let hidden = "mount -t proc proc /proc && mount -t tmpfs none /dev/shm && mount -t tmpfs none /run";
    let script = format!(
        "{hidden} && (test ! -d /dev/softclose || mount -t tmpfs -o mode=0700 none /dev/softclose) || exit 77; true {}",
        words.join(" ")
    );
    let mut command = Command::new("unshare");
    let output = command.args(["--mount", "--pid", "--fork", "sh", "-c", &script]).env_remove("LD_PRELOAD").output();
    match output {
        Ok(output) if output.status.success() => {
            let none = "no process with softclose is running, as far as you may look\n";
            assert!(text(&output).starts_with(&format!("{none}{none}nothing to remove\n")), "{}", text(&output));
        }
        Ok(output) => skip(here!(), &text(&output)),
        Err(error) => skip(here!(), &format!("unshare: {error}")),
    }
}

/// A file of another user's, in a directory that we look at, is no harm.
#[test]
fn files_that_are_no_counters_are_named_and_no_more() {
    let memory = Memory::directory();
    let path = |name: &str| memory.path().join(name);
    std::fs::write(path("1-1-0.softclose"), "not counters").expect("a file");
    std::fs::write(path("2-1-0.softclose"), vec![0xff; 100_000]).expect("a file");
    std::os::unix::fs::symlink("/etc/passwd", path("3-1-0.softclose")).expect("a link");
    assert!(Command::new("mkfifo").arg(path("4-1-0.softclose")).status().is_ok_and(|status| status.success()));
    let said = memory.says(&["ps", "--all"]);
    assert!(said.contains("1-1-0.softclose: not the counters"), "{said}");
    assert!(!said.contains("root:"), "{said}");
    memory.says(&["prometheus"]);
    memory.says(&["clean"]);
    assert_eq!(memory.files().len(), 4, "what is young may be in the making");
}

/// Their names moved the cursor of root's terminal.
#[test]
fn a_name_of_somebody_s_file_does_not_reach_the_terminal_as_it_is() {
    let memory = Memory::directory();
    std::fs::write(memory.path().join("\x1b[31m\n1-1-0.softclose"), "not counters").expect("a file");
    let said = memory.says(&["ps", "--all"]);
    assert!(said.contains("?[31m?1-1-0.softclose: not the counters"), "{said}");
}

/// Whoever chooses the name of a program could write lines of its own into what root reads.
#[test]
fn a_name_of_a_program_forges_no_line() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let evil = memory.path().join("a\nforged 1, softclose 9");
    std::fs::copy(shim_tests::victim::compiled("serve"), &evil).expect("a copy");
    let (victim, peer) = holding(&arena, memory.shows(Victim::program(evil.into())));
    let pid = victim.pid().to_string();
    for words in [&["stat"][..], &["stat", &pid], &["explain", &pid], &["ps"], &["prometheus"]] {
        let said = memory.says(words);
        assert!(!said.lines().any(|line| line.starts_with("forged")), "{words:?}: {said}");
        assert!(said.contains("a?forged 1"), "{words:?}: {said}");
    }
    peer.leave();
}

/// Hardened services and containers have such a /proc. Every command needed /proc/uptime.
#[test]
fn a_proc_that_shows_processes_only_is_enough() {
    let words = ["ps", "stat", "prometheus", "clean"];
    let lines = words.map(|word| format!("&& {} {word}", quoted(ctl())));
    let script = format!("mount -t proc -o subset=pid proc /proc || exit 77; true {}", lines.join(" "));
    let mut command = Command::new("unshare");
    let output = command.args(["--mount", "sh", "-c", &script]).env_remove("LD_PRELOAD").output();
    match output {
        Ok(output) if output.status.success() => {}
        Ok(output) if text(&output).contains("softclosectl") => panic!("{}", text(&output)),
        Ok(output) => skip(here!(), &text(&output)),
        Err(error) => skip(here!(), &format!("unshare: {error}")),
    }
}

/// `install` says that only root can install it. `remove` named a file that the user knows nothing of.
#[test]
fn who_is_not_root_is_told_that_only_root_can_remove_the_count() {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--clear-groups"]).arg(ctl()).args(["refs", "remove"]).env_remove("LD_PRELOAD");
    match command.output() {
        Ok(output) if text(&output).contains("setpriv:") => skip(here!(), &text(&output)),
        Ok(output) => assert_eq!(text(&output), "softclosectl: only root can remove it\n"),
        Err(error) => skip(here!(), &format!("setpriv: {error}")),
    }
}

/// A script that keeps the help or the numbers must learn that they are not there.
#[test]
fn a_full_disk_is_an_error_of_every_command() {
    let full = || std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    for word in ["--help", "--version", "help", "ps", "prometheus"] {
        let output = Command::new(ctl()).arg(word).env_remove("LD_PRELOAD").stdout(full()).output();
        let output = output.expect("softclosectl runs");
        assert_eq!(output.status.code(), Some(1), "{word}: {}", text(&output));
        assert!(text(&output).contains("cannot write to stdout"), "{word}: {}", text(&output));
    }
    let output = Command::new(ctl()).args(["stat", "4194305"]).env_remove("LD_PRELOAD").stderr(full()).output();
    assert_eq!(output.expect("softclosectl runs").status.code(), Some(1), "and no panic");
}

mod prometheus {
    use super::*;

    /// `name{labels} value`, strictly.
    fn sample(line: &str) -> (String, Vec<(String, String)>, f64) {
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let (name, labels) = series.strip_suffix('}').and_then(|series| series.split_once('{')).expect("labels");
        let label = regex::Regex::new(r#"([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)"#).expect("one");
        let labels: Vec<_> = label.captures_iter(labels).map(|all| (all[1].to_owned(), all[2].to_owned())).collect();
        let spelled: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        assert!(line.contains(&format!("{{{}}}", spelled.join(","))), "{line}");
        (name.to_owned(), labels, value.parse().unwrap_or_else(|_| panic!("{line}")))
    }

    /// Every metric of the table with its type and help before its samples, all of its
    /// samples together, no series twice, histograms cumulative.
    #[track_caller]
    fn is_valid(text: &str) {
        let mut lines = text.lines().peekable();
        let mut seen = HashSet::new();
        for metric in METRICS {
            assert_eq!(lines.next(), Some(format!("# HELP {} {}", metric.name, metric.help).as_str()));
            assert_eq!(lines.next(), Some(format!("# TYPE {} {}", metric.name, metric.kind.name()).as_str()));
            let mut last = (Vec::new(), 0.0);
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                let (name, labels, value) = sample(line);
                let suffix = name.strip_prefix(metric.name).unwrap_or_else(|| panic!("{line}"));
                assert!(seen.insert((name.clone(), labels.clone())), "twice: {line}");
                if suffix == "_bucket" {
                    let whose = labels[..3].to_vec();
                    assert!(last.0 != whose || value >= last.1, "not cumulative: {line}");
                    last = (whose, value);
                } else {
                    let is_plain = suffix.is_empty() || matches!(suffix, "_sum" | "_count");
                    assert!(is_plain && (suffix.is_empty() || metric.kind.name() == "histogram"), "{line}");
                }
            }
        }
        for begin in ["# HELP", "# TYPE"].map(|word| format!("{word} {FILES_LEFT_OUT} ")) {
            assert!(lines.next().is_some_and(|line| line.starts_with(&begin)), "no {begin}");
        }
        for why in WHY_LEFT_OUT {
            let (name, labels, _) = sample(lines.next().expect("a line"));
            assert_eq!((name.as_str(), labels), (FILES_LEFT_OUT, vec![("why".to_owned(), why.to_owned())]));
        }
        // Other tests run programs of other versions meanwhile.
        assert!(lines.all(|line| line.starts_with("# missing: ")));
        assert!(text.ends_with('\n'));
    }

    #[test]
    fn text_is_valid_and_has_every_metric() {
        let user = |pid| std::fs::metadata(format!("/proc/{pid}")).map_or(0, |data| data.uid());
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let memory = Memory::directory();
        let (one, two) = (served(&arena, &memory, 2), served(&arena, &memory, 3));
        let text = memory.says(&["prometheus"]);
        is_valid(&text);
        for (victim, drains) in [(&one, 2), (&two, 3)] {
            let labels = format!("pid=\"{}\",uid=\"{}\",program=\"serve\"", victim.pid(), user(victim.pid()));
            let line = format!("softclose_drains_begun_total{{{labels}}} {drains}\n");
            assert!(text.contains(&line), "no {line} in\n{text}");
        }
    }

    #[test]
    fn a_program_with_an_evil_name_spoils_nothing() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let memory = Memory::directory();
        let evil = memory.path().join("a\"} 1\nb\\");
        std::fs::copy(shim_tests::victim::compiled("serve"), &evil).expect("a copy");
        let (victim, peer) = holding(&arena, memory.shows(Victim::program(evil.into())));
        is_valid(&memory.says(&["prometheus"]));
        assert!(memory.says(&["prometheus"]).contains(&format!("pid=\"{}\"", victim.pid())));
        peer.leave();
    }

    #[test]
    fn a_text_file_is_written_for_node_exporter() {
        let (memory, target) = (Memory::directory(), Memory::directory());
        memory.says(&["prometheus", "--textfile", target.path().to_str().expect("a plain path")]);
        assert_eq!(target.files(), ["softclose.prom"]);
        is_valid(&std::fs::read_to_string(target.path().join("softclose.prom")).expect("the file"));
    }
}

/// In a terminal: a row for a program, a filter that hides it, and q.
#[test]
fn top_shows_a_row_and_quits_on_q() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let socket = memory.path().join("tmux");
    let tmux =
        |words: &[&str]| -> Option<Output> { Command::new("tmux").arg("-S").arg(&socket).args(words).output().ok() };
    if !Command::new("tmux").arg("-V").output().is_ok_and(|output| output.status.success()) {
        return skip(here!(), "there is no tmux");
    }
    let (victim, peer) = holding(&arena, memory.shows(Victim::c("serve")));
    let line = format!("{} top --interval 0.2 --dir {}", quoted(ctl()), quoted(memory.path()));
    let started = tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "300", &line]).expect("tmux runs");
    assert!(started.status.success(), "{}", text(&started));
    let screen = || tmux(&["capture-pane", "-p"]).map_or(String::new(), |output| text(&output));
    let has_row = || screen().lines().any(|line| line.trim_start().starts_with(&format!("{} ", victim.pid())));
    wait_until("there is a row", has_row);
    // The last line is drawn last: a frame may be there in part.
    wait_until("the screen is whole", || screen().contains("PROGRAM") && screen().contains("q quit"));
    for key in ["/", "n", "o", "n", "e", "s", "u", "c", "h", "Enter"] {
        tmux(&["send-keys", key]);
    }
    wait_until("the filter hides it", || screen().contains("filter: nonesuch") && !has_row());
    tmux(&["send-keys", "Escape"]);
    wait_until("the filter is gone", has_row);
    tmux(&["send-keys", "q"]);
    wait_until("it has ended", || tmux(&["has-session"]).is_some_and(|output| !output.status.success()));
    peer.leave();
}

/// It read the terminal that was gone for ever, at full speed.
#[test]
fn top_ends_with_its_terminal() {
    let mut command = Command::new(ctl());
    command.args(["top", "--interval", "0.2"]);
    let mut top = OnTerminal::start(command);
    top.wait_until_it_draws();
    top.closes_it();
}

/// The shell got a terminal that showed the table, and nothing of what was typed.
#[test]
fn top_gives_its_terminal_back_when_it_is_ended() {
    const LEAVES_THE_SCREEN: &str = "\x1b[?1049l";
    let mut command = Command::new(ctl());
    command.args(["top", "--interval", "60"]);
    let mut top = OnTerminal::start(command);
    top.wait_until_it_draws();
    let written = top.ended_by_sigterm();
    assert!(written.contains(LEAVES_THE_SCREEN), "{written:?}");
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display())
}
