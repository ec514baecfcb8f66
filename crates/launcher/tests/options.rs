//! Every knob is an option, and every option is its variable.

mod common;

use common::{Installation, option, outcome, values};
use softclose_core::settings::knobs::{KNOBS, Kind};

/// The variables of ours that a command sees, through `env(1)`.
fn seen(stdout: &str) -> Vec<&str> {
    stdout.lines().filter(|line| line.starts_with("SOFTCLOSE_")).collect()
}

#[test]
fn every_option_sets_its_own_variable_and_no_other() {
    let installation = Installation::new();
    for knob in KNOBS {
        let [value, _] = values(knob);
        let expected = format!("{}={value}", knob.env);
        let together = installation.run([option(knob, value).as_str(), "--", "env"]);
        assert_eq!(seen(&together.stdout), [expected.as_str()], "{together:?}");
        if knob.kind != Kind::Flag {
            let apart = installation.run([format!("--{}", knob.flag).as_str(), value, "env"]);
            assert_eq!(seen(&apart.stdout), [expected.as_str()], "{apart:?}");
        }
    }
}

#[test]
fn an_option_wins_over_the_environment_which_stays_without_one() {
    let installation = Installation::new();
    for knob in KNOBS {
        let [value, other] = values(knob);
        let inherited = outcome(installation.softclose().arg("env").env(knob.env, other));
        assert_eq!(seen(&inherited.stdout), [format!("{}={other}", knob.env)]);
        let given = outcome(installation.softclose().args([&option(knob, value), "env"]).env(knob.env, other));
        assert_eq!(seen(&given.stdout), [format!("{}={value}", knob.env)]);
    }
}

#[test]
fn all_options_together() {
    let installation = Installation::new();
    let options = KNOBS.iter().map(|knob| option(knob, values(knob)[0]));
    let mut expected: Vec<_> = KNOBS.iter().map(|knob| format!("{}={}", knob.env, values(knob)[0])).collect();
    let outcome = installation.run(options.chain(["env".to_owned()]));
    let mut seen = seen(&outcome.stdout);
    seen.sort_unstable();
    expected.sort_unstable();
    assert_eq!(seen, expected);
}

#[test]
fn a_bad_value_stops_the_launcher_and_says_what_is_allowed() {
    let installation = Installation::new();
    for knob in KNOBS.iter().filter(|knob| knob.kind != Kind::Flag) {
        let outcome = installation.run([option(knob, "!bad").as_str(), "echo", "ran"]);
        assert_eq!(outcome.status, Some(125), "{outcome:?}");
        assert_eq!(outcome.stdout, "");
        for part in [&format!("--{}", knob.flag), "!bad", knob.allowed] {
            assert!(outcome.stderr.contains(part), "{part} is not in {outcome:?}");
        }
    }
}

#[test]
fn a_bad_variable_does_not_stop_the_command() {
    let installation = Installation::new();
    for knob in KNOBS {
        let outcome = outcome(installation.softclose().args(["echo", "ran"]).env(knob.env, "!bad"));
        assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(0), "ran\n"));
    }
}

/// `SOFTCLOSE_DISABLE=yes` worked, and `--disable=yes` was refused.
#[test]
fn a_flag_takes_what_its_variable_takes() {
    let installation = Installation::new();
    for knob in KNOBS.iter().filter(|knob| knob.kind == Kind::Flag) {
        for (value, status) in [("", 0), ("=1", 0), ("=no", 0), ("=!bad", 125)] {
            let outcome = installation.run([format!("--{}{value}", knob.flag).as_str(), "true"]);
            assert_eq!(outcome.status, Some(status), "{value}: {outcome:?}");
        }
    }
}

#[test]
fn options_after_the_command_are_its_own() {
    let outcome = Installation::new().run(["echo", "--timeout", "--help", "--", "-h"]);
    assert_eq!(outcome.stdout, "--timeout --help -- -h\n");
}

#[test]
fn our_own_mistakes_are_125() {
    let installation = Installation::new();
    let lines: &[&[&str]] = &[
        &[],
        &["--"],
        &["--strict"],
        &["--check"],
        &["--bogus", "true"],
        &["-z", "true"],
        &["--timeout"],
        &["--check", "--print-env", "true"],
    ];
    for line in lines {
        let outcome = installation.run(*line);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(125), ""), "{line:?}");
        assert!(outcome.stderr.starts_with("softclose: "), "{outcome:?}");
    }
    assert!(installation.run::<&str>([]).stderr.contains("usage: softclose [OPTIONS] [--] COMMAND [ARG...]"));
}
