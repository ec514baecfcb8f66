//! `softclosectl scan` finds the services that cut off responses, and says who, on which port and in which way. Each
//! victim also runs with softclose: then there is nothing to find.

use shim_tests::arena::Arena;
use shim_tests::here;
use shim_tests::peer::Peer;
use shim_tests::program::{Exit, Program};
use shim_tests::scan::{Report, Scan, instances, obstacle};
use shim_tests::scratch::Scratch;
use shim_tests::shim::{Shim, ctl};
use shim_tests::terminal::OnTerminal;
use shim_tests::victim::{Victim, compiled};
use shim_tests::{RESPONSE, UNREAD, UPLOAD, skip};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Connections of each test.
const CONNECTIONS: usize = 3;

/// Natively and with softclose: what a scan says of `victim`, after a peer has done `script` with each of its
/// connections. `name` is that of its file.
fn scanned(test: &str, name: &str, victim: &Victim, script: fn(Peer) -> Peer) -> Option<[(Report, u16, u32); 2]> {
    let arena = Arena::or_skip(test)?;
    let run = |shim| {
        let scan = Scan::or_skip(test)?;
        let mut running = victim.start(&arena, shim);
        let port = running.port();
        let mut peer = script(Peer::to(port).rounds(CONNECTIONS)).start(&arena);
        running.expect("closed");
        peer.go();
        peer.reports();
        let report = scan.end();
        assert!(report.json["lost_events"] == 0, "{name}: {report:#?}");
        Some((report, port, running.pid()))
    };
    Some([run(Shim::Native)?, run(Shim::Preloaded)?])
}

/// Requires this of a victim: what is cut off natively, in each way, and nothing with softclose.
#[track_caller]
fn finds(test: &str, name: &str, victim: &Victim, script: fn(Peer) -> Peer, native: [u64; 3]) {
    let Some([(plain, port, pid), (soft, soft_port, soft_pid)]) = scanned(test, name, victim, script) else { return };
    assert_eq!(plain.cut_off(name, port), plain.expected(native), "{plain:#?}");
    let service = plain.services(name, port)[0];
    assert_eq!(service["softclose"], "possible", "{service:#}");
    assert!(service["file"].as_str().is_some_and(|file| file.ends_with(name)), "{service:#}");
    let pids = service["pids"].as_array().expect("pids");
    assert!(pids.iter().any(|one| *one == pid) || pids.len() == CONNECTIONS, "{service:#}");
    assert!(
        plain.text.lines().all(|line| line.chars().count() <= 80 || line.contains("softclose -- ")),
        "{}",
        plain.text
    );
    assert_eq!(soft.cut_off(name, soft_port), [0; 5], "{soft:#?}");
    assert!(soft.has_loaded(soft_pid), "{soft:#?}");
}

#[test]
fn a_close_with_unread_data() {
    let victim = Victim::c("serve").arg(CONNECTIONS.to_string());
    let script = |peer: Peer| peer.ask(RESPONSE, UNREAD).upload(UNREAD + UPLOAD).read_to_end();
    finds(here!(), "serve", &victim, script, [CONNECTIONS as u64, 0, 0]);
}

/// The response is read after the victim has closed the connection: so it was alive until then, and the data that comes
/// now is late.
#[test]
fn data_after_the_close() {
    let victim = Victim::c("serve").arg("1");
    let Some(arena) = Arena::or_skip(here!()) else { return };
    for (shim, expected) in [(Shim::Native, [0, 1, 0]), (Shim::Preloaded, [0; 3])] {
        let Some(scan) = Scan::or_skip(here!()) else { return };
        let mut running = victim.start(&arena, shim);
        let port = running.port();
        let mut peer = Peer::to(port).ask(RESPONSE, 0).wait().upload(UPLOAD).read_to_end().start(&arena);
        running.expect("closed");
        peer.go();
        peer.reports();
        let report = scan.end();
        assert_eq!(report.cut_off("serve", port), report.expected(expected), "{report:#?}");
        if let [service] = report.services("serve", port)[..] {
            assert_eq!(service["pids"][0], running.pid());
            assert_eq!(service["found"]["closer"], 1, "{service:#}");
        } else {
            assert!(report.has_loaded(running.pid()), "{report:#?}");
        }
    }
}

/// softclose leaves that to the program: it is found in both runs.
#[test]
fn a_reset_that_the_program_asks_for() {
    let victim = Victim::c("asks_reset").arg(CONNECTIONS.to_string());
    let script = |peer: Peer| peer.ask(RESPONSE, 0).read_to_end();
    let Some(both) = scanned(here!(), "asks_reset", &victim, script) else { return };
    for ((report, port, _), softclose) in both.iter().zip(["possible", "loaded"]) {
        assert_eq!(report.cut_off("asks_reset", *port), report.expected([0, 0, CONNECTIONS as u64]), "{report:#?}");
        assert_eq!(report.services("asks_reset", *port)[0]["softclose"], softclose, "{report:#?}");
    }
    let (native, port, _) = &both[0];
    let expected = format!("asks_reset (port {port}):\n    the program asks for resets. softclose leaves those alone.");
    assert!(native.json["tells_why"] == false || native.text.contains(&expected), "{}", native.text);
}

#[test]
fn a_process_for_each_connection_that_closes_it() {
    let victim = Victim::c("fork_server").arg(CONNECTIONS.to_string()).arg("close");
    let script = |peer: Peer| peer.ask(RESPONSE, UNREAD).upload(UNREAD + UPLOAD).read_to_end();
    finds(here!(), "fork_server", &victim, script, [CONNECTIONS as u64, 0, 0]);
}

/// The kernel closes the connection when the process has given up its memory: procfs does not tell its file then.
#[test]
fn a_process_for_each_connection_that_ends_with_it() {
    let victim = Victim::c("fork_server").arg(CONNECTIONS.to_string()).arg("exit");
    let script = |peer: Peer| peer.ask(RESPONSE, UNREAD).upload(UNREAD + UPLOAD).read_to_end();
    finds(here!(), "fork_server", &victim, script, [CONNECTIONS as u64, 0, 0]);
}

/// Whoever chooses the name of a program could write lines of its own into what root reads.
#[test]
fn a_name_of_a_program_forges_no_line() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let Some(scan) = Scan::or_skip(here!()) else { return };
    let scratch = Scratch::directory();
    let content = fs::read(compiled("serve")).expect("a program");
    let evil = scratch.file("a\nforged 99 \x1b[2J\u{202e}b", "755", &content);
    // To the victim it is the number one.
    let argument = "1\nforged \x1b[2J";
    let mut running = Victim::program(evil.into()).arg(argument).start(&arena, Shim::Native);
    let port = running.port();
    let mut peer = Peer::to(port).ask(RESPONSE, UNREAD).upload(UNREAD + UPLOAD).read_to_end().start(&arena);
    running.expect("closed");
    peer.reports();
    let report = scan.end();
    assert_eq!(report.cut_off("a?forged 99 ?[2J?b", port), report.expected([1, 0, 0]), "{report:#?}");
    for text in [&report.text, &report.json.to_string()] {
        assert!(!text.lines().any(|line| line.starts_with("forged")), "{text}");
        assert!(!text.contains(['\x1b', '\u{202e}']), "{text}");
        assert!(text.contains("1\\012forged \\033[2J") || text.contains("1\\\\012forged \\\\033[2J"), "{text}");
    }
}

/// A signal ends a scan as its time does: the result is shown, and the instance is gone.
#[test]
fn every_signal_that_ends_it_removes_its_instance() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
        let Some(scan) = Scan::or_skip(here!()) else { return };
        assert!(scan.instance().exists());
        let report = scan.end_by(signal);
        assert!(report.text.starts_with("In "), "{signal}: {report:#?}");
    }
}

#[test]
fn a_reader_that_is_gone_leaves_no_instance() {
    /// The largest pid (`PID_MAX_LIMIT`); another test takes one that is larger.
    const MOST: u32 = 1 << 22;
    if let Some(reason) = obstacle() {
        return skip(here!(), &reason);
    }
    let mut command = Command::new("sh");
    command.args(["-c", r#""$0" scan --for 200ms | true"#]).arg(ctl());
    assert!(command.status().expect("sh runs").success());
    let left = fs::read_dir(instances()).expect("tracefs").flatten().map(|entry| entry.file_name());
    let pids = left.filter_map(|name| name.to_str()?.strip_prefix("softclose-")?.parse::<u32>().ok());
    let is_over = |pid: &u32| *pid <= MOST && !PathBuf::from(format!("/proc/{pid}")).exists();
    assert_eq!(pids.filter(is_over).collect::<Vec<u32>>(), [0; 0]);
}

/// Its name says so: no process can have that pid.
#[test]
fn what_a_killed_scan_has_left_is_removed() {
    if let Some(reason) = obstacle() {
        return skip(here!(), &reason);
    }
    let left = instances().join("softclose-4194305");
    fs::create_dir(&left).expect("root can make an instance");
    Scan::start().end();
    assert!(!left.exists());
}

/// One took for stale what another was about to open or to remove: some failed, some said that theirs could not be
/// removed, and some had opened the switch of another one's instance (the kernel had made that where theirs had been).
#[test]
fn scans_at_once_leave_each_other_s_instances_alone() {
    const SCANS: usize = 16;
    if let Some(reason) = obstacle() {
        return skip(here!(), &reason);
    }
    let start = |_| {
        let mut command = Command::new(ctl());
        command.args(["scan", "--for", "1ms"]);
        Program::start(command)
    };
    let all: Vec<_> = (0..SCANS).map(start).collect();
    for scan in all {
        let finished = scan.finish();
        let said = finished.stderr.concat();
        assert!(finished.exit == Exit::Code(0) && said.is_empty(), "{finished:?}");
    }
}

/// Another tracer has its own filter and buffer, and its events stay for it.
#[test]
fn another_tracer_is_not_disturbed() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    if let Some(reason) = obstacle() {
        return skip(here!(), &reason);
    }
    let other = Other::new();
    let scan = Scan::start();
    let mut running = Victim::c("serve").arg("1").start(&arena, Shim::Native);
    let port = running.port();
    let mut peer = Peer::to(port).ask(RESPONSE, UNREAD).upload(UNREAD + UPLOAD).read_to_end().start(&arena);
    running.expect("closed");
    peer.reports();
    let report = scan.end();
    assert_eq!(report.cut_off("serve", port), report.expected([1, 0, 0]), "{report:#?}");
    assert_eq!(other.text("events/tcp/tcp_send_reset/filter"), "state == 7\n");
    assert_eq!(other.text("events/tcp/tcp_send_reset/enable"), "1\n");
    let trace = other.text("trace");
    // Linux 6.9 and later, and before.
    let events = [format!("src=127.0.0.1:{port} "), format!("sport={port} ")];
    assert!(events.iter().any(|event| trace.contains(event)), "{trace}");
}

/// A trace instance of somebody else.
struct Other(PathBuf);

impl Other {
    fn new() -> Self {
        let path = instances().join(format!("other-{}", std::process::id()));
        fs::create_dir(&path).expect("root can make an instance");
        let other = Self(path);
        for (name, value) in [("filter", "state == 7"), ("enable", "1")] {
            fs::write(other.0.join("events/tcp/tcp_send_reset").join(name), value).expect("an event");
        }
        other
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).expect("a file of the instance")
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = fs::write(self.0.join("events/enable"), "0");
        let _ = fs::remove_dir(&self.0);
    }
}

/// It said that no connection was cut off.
#[test]
fn a_scan_whose_tracing_somebody_ends_says_so() {
    const SAID: &str = "Somebody else has ended the tracing of this scan: the counts are too low.";
    for file in ["tracing_on", "events/enable"] {
        let Some(scan) = Scan::or_skip(here!()) else { return };
        fs::write(scan.instance().join(file), "0").expect("root can end it");
        let report = scan.end();
        assert!(report.text.contains(SAID) && report.json["stopped"] == true, "{file}: {report:#?}");
    }
    let Some(scan) = Scan::or_skip(here!()) else { return };
    let report = scan.end();
    assert!(!report.text.contains(SAID) && report.json["stopped"] == false, "{report:#?}");
}

/// While the scan cannot read, the kernel drops what does not fit. It is said how much that was, and nothing grows.
#[test]
fn a_flood_stays_bounded_and_what_was_lost_is_said() {
    const FLOOD: u64 = 60_000;
    const MOST_KB: u64 = 64 << 10;
    let Some(arena) = Arena::or_skip(here!()) else { return };
    if let Some(reason) = obstacle() {
        return skip(here!(), &reason);
    }
    let mut scan = Scan::alone();
    let mut running = Victim::c("reset_flood").arg(FLOOD.to_string()).start(&arena, Shim::Native);
    let port = running.port();
    scan.program().signal(libc::SIGSTOP);
    running.go();
    running.expect("closed");
    scan.program().signal(libc::SIGCONT);
    let status = fs::read_to_string(format!("/proc/{}/status", scan.program().pid())).expect("it runs");
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let report = scan.end();
    let asked = report.cut_off("reset_flood", port).iter().sum::<u64>();
    let lost = report.json["lost_events"].as_u64().expect("a number");
    assert_eq!(report.cut_off("reset_flood", port), report.expected([0, 0, asked]), "{report:#?}");
    assert!(lost > 0 && asked > 0 && asked + lost >= FLOOD, "{asked} and {lost}: {report:#?}");
    assert!(report.text.contains(&format!("{lost} events were lost, as there were too many")), "{}", report.text);
    assert!(peak.is_some_and(|kb| kb < MOST_KB), "{peak:?} kB");
}

#[test]
fn a_later_scan_is_compared_with_an_earlier_one() {
    if let Some(reason) = obstacle() {
        return skip(here!(), &reason);
    }
    let scratch = Scratch::directory();
    let file = scratch.path().join("before");
    let run = |option: &str| {
        let output = Command::new(ctl()).args(["scan", "--for", "200ms", option]).arg(&file).output().expect("it runs");
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let (is_success, said) = run("--compare");
    assert!(!is_success && said.contains("No such file"), "{said}");
    assert!(run("--baseline").0);
    let (is_success, said) = run("--compare");
    assert!(is_success && said.starts_with("Connections cut off in a minute: "), "{said}");
}

/// It was found out at the end, and the result was lost.
#[test]
fn a_file_that_cannot_be_written_is_an_error_before_the_scan() {
    if let Some(reason) = obstacle() {
        return skip(here!(), &reason);
    }
    let started = std::time::Instant::now();
    let output = Command::new(ctl()).args(["scan", "--for", "60s", "--baseline", "/nonexistent/file"]).output();
    let output = output.expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("cannot write /nonexistent/file"), "{said}");
    assert!(started.elapsed() < std::time::Duration::from_secs(30), "{:?}", started.elapsed());
}

#[test]
fn a_baseline_that_cannot_be_written_costs_no_result() {
    if let Some(reason) = obstacle() {
        return skip(here!(), &reason);
    }
    let mut command = Command::new(ctl());
    command.args(["scan", "--for", "200ms", "--baseline", "/dev/full"]);
    let late = Program::start(command).finish();
    assert_eq!((late.exit, &late.stdout[0][..3]), (Exit::Code(1), "In "), "{late:?}");
    assert!(late.stderr[0].contains("cannot write /dev/full: No space left"), "{late:?}");
}

#[test]
fn the_live_table_is_drawn_and_the_result_follows() {
    if let Some(reason) = obstacle() {
        return skip(here!(), &reason);
    }
    let mut command = Command::new("script");
    let watch = format!("stty cols 80 rows 12; {} scan --watch --for 500ms", ctl().display());
    let Ok(output) = command.args(["-qec", &watch, "/dev/null"]).env("TERM", "xterm").output() else {
        return skip(here!(), "there is no script(1)");
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("softclose scan: ") && said.contains("In 0s"), "{said}");
}

/// A terminal that is closed sends SIGHUP, and is gone for whoever ignores that. The scan ends all the same: it would go
/// on for ever, unseen.
#[test]
fn a_terminal_that_is_closed_ends_the_live_table() {
    if let Some(reason) = obstacle() {
        return skip(here!(), &reason);
    }
    let scratch = Scratch::directory();
    let file = scratch.path().join("report");
    let mut command = Command::new(ctl());
    command.args(["scan", "--watch", "--baseline"]).arg(&file);
    let mut scan = OnTerminal::start(command);
    let instance = instances().join(format!("softclose-{}", scan.pid()));
    scan.wait_until_it_draws();
    assert!(instance.exists());
    scan.closes_it();
    assert!(!instance.exists() && fs::read(&file).is_ok_and(|report| !report.is_empty()));
}

#[test]
fn it_says_what_is_missing() {
    // SAFETY: geteuid cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        let output = Command::new(ctl()).args(["scan", "--for", "1s"]).output().expect("it runs");
        return assert!(String::from_utf8_lossy(&output.stderr).contains("only root can read the kernel's tracing"));
    }
    let run = |words: &[&str]| {
        let output = Command::new("unshare").args(words).arg(ctl()).args(["scan", "--for", "1s"]).output();
        output.map(|output| (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    let Ok((is_success, said)) = run(&[
        "--mount",
        "sh",
        "-c",
        r#"umount -l /sys/kernel/tracing /sys/kernel/debug 2>/dev/null; mount -t tmpfs none /sys/kernel && exec "$0" "$@""#,
    ]) else {
        return skip(here!(), "there is no unshare(1)");
    };
    assert!(!is_success && said.contains("there is no tracefs: mount -t tracefs none /sys/kernel/tracing"), "{said}");
    let Ok((is_success, said)) = run(&["--pid", "--fork", "--mount-proc"]) else { return };
    assert!(!is_success && said.contains("run it there, not in a container"), "{said}");
}
