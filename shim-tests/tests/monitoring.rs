//! The examples for Prometheus and Grafana: they name metrics that there are, the alerts fire when they
//! should, and a real Prometheus answers all of it for a server that runs with softclose.

use regex::Regex;
use serde_json::Value;
use shim_tests::arena::Arena;
use shim_tests::built::project;
use shim_tests::installed::is_missing;
use shim_tests::peer::Peer;
use shim_tests::proc::becomes_true;
use shim_tests::program::{Exit, Program};
use shim_tests::scratch::Scratch;
use shim_tests::shim::Shim;
use shim_tests::stats::{Memory, text};
use shim_tests::victim::Victim;
use shim_tests::{DEADLINE, UNREAD, UPLOAD, here};
use softclose_core::bounds::ENDS;
use softclose_core::counters::names::{FILES_LEFT_OUT, Kind, METRICS, WHY_LEFT_OUT};
use softclose_core::decision::REASONS;
use softclose_core::holders::standing::DOUBTS;
use std::process::Command;

const RULES: &str = include_str!("../../examples/prometheus/softclose.rules.yml");
const RULES_TEST: &str = include_str!("../../examples/prometheus/softclose.rules.test.yml");
const DASHBOARD: &str = include_str!("../../examples/grafana/softclose.json");

const OPERATIONS: &str = include_str!("../../docs/operations.md");

/// Where node_exporter and Prometheus listen, in an arena that nobody else is in.
const EXPORTER: &str = "127.0.0.1:9100";
const PROMETHEUS: &str = "127.0.0.1:9090";

/// Every text in a JSON document that has this key.
fn texts<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(entries) => entries.iter().for_each(|(name, value)| match value {
            Value::String(text) if name == key => found.push(text),
            _ => texts(value, key, found),
        }),
        Value::Array(values) => values.iter().for_each(|value| texts(value, key, found)),
        _ => {}
    }
}

fn is_exported(name: &str) -> bool {
    // The only metrics of node_exporter that are used.
    let of_the_collector = ["node_textfile_mtime_seconds", "node_textfile_scrape_error"].contains(&name);
    of_the_collector
        || name == FILES_LEFT_OUT
        || METRICS.iter().any(|metric| {
            let rest = name.strip_prefix(metric.name);
            match metric.kind {
                Kind::Histogram => rest.is_some_and(|rest| ["_bucket", "_sum", "_count"].contains(&rest)),
                Kind::Counter | Kind::Gauge => rest == Some(""),
            }
        })
}

#[test]
fn every_metric_that_an_example_names_is_exported() {
    let name = Regex::new(r"\b(?:softclose|node)_[a-z_]+\b").expect("a pattern");
    for (file, text) in [("rules", RULES), ("tests of rules", RULES_TEST), ("dashboard", DASHBOARD)] {
        // The directory of node_exporter is named for it.
        let text = text.replace("/node_exporter/", "").replace("node_exporter", "");
        let names: Vec<_> = name.find_iter(&text).map(|found| found.as_str()).collect();
        assert!(names.len() > 10, "{file}: {names:?}");
        for name in names {
            assert!(is_exported(name), "{file}: {name}");
        }
    }
}

#[test]
fn every_value_of_a_label_that_an_example_names_is_a_word_of_the_code() {
    let matcher = Regex::new(r#"\b(reason|end|doubt|why)=~?\\?"([a-z|-]+)\\?""#).expect("a pattern");
    let words = |label: &str| -> Vec<&str> {
        match label {
            "reason" => REASONS.iter().map(|(_, word)| *word).collect(),
            "end" => ENDS.iter().map(|(_, word)| *word).collect(),
            "doubt" => DOUBTS.iter().map(|(_, word)| *word).collect(),
            _ => WHY_LEFT_OUT.to_vec(),
        }
    };
    for text in [RULES, RULES_TEST, DASHBOARD] {
        let mut count = 0;
        for [label, values] in matcher.captures_iter(text).map(|found| found.extract::<2>().1) {
            for value in values.split('|') {
                assert!(words(label).contains(&value), "{label}={value}");
                count += 1;
            }
        }
        assert!(count > 0);
    }
}

#[test]
fn every_alert_is_explained_and_has_a_test_in_which_it_fires() {
    let alerts: Vec<_> = RULES.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 5, "{alerts:?}");
    for alert in alerts {
        let fires = format!("alertname: {alert}\n        exp_alerts:\n          - exp_labels:");
        assert!(RULES_TEST.contains(&fires), "{alert}");
        assert!(OPERATIONS.contains(&format!("| `{alert}` |")), "docs/operations.md does not explain {alert}");
    }
    assert!(OPERATIONS.contains(&format!("`{FILES_LEFT_OUT}{{why=}}`")), "docs/operations.md lacks {FILES_LEFT_OUT}");
}

/// Grafana makes `$__rate_interval` four times this long. By itself it takes four times 15 s: in that minute the file
/// may not have been written at all, and a steady rate had a hole each minute.
#[test]
fn no_rate_has_holes_where_the_file_is_written_once_a_minute() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets: Vec<_> = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets")).collect();
    let rates =
        targets.iter().filter(|target| target["expr"].as_str().is_some_and(|it| it.contains("$__rate_interval")));
    for target in rates {
        assert_eq!(target["interval"], "1m", "{target}");
    }
}

/// The types of @grafana/schema ask for a value: an empty object is none.
#[test]
fn the_dashboard_begins_with_all_hosts_programs_and_users() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    for variable in variables.iter().filter(|variable| variable["type"] == "query") {
        assert_eq!(variable["current"]["value"][0], "$__all", "{variable}");
    }
}

/// Each host in these tests that has no alert in the list must have none: promtool compares the whole list.
#[test]
fn promtool_accepts_the_rules_and_their_tests_pass() {
    if is_missing(here!(), "promtool") {
        return;
    }
    for (what, file) in [("check", "softclose.rules.yml"), ("test", "softclose.rules.test.yml")] {
        let mut command = Command::new("promtool");
        command.args([what, "rules", file]).current_dir(project().join("examples/prometheus"));
        let output = command.env_remove("LD_PRELOAD").output().expect("promtool runs");
        assert!(output.status.success(), "{what}: {}", text(&output));
    }
}

/// A Prometheus that scrapes a node_exporter, which reads a directory.
struct Monitoring<'a> {
    arena: &'a Arena,
    directory: Scratch,
    _servers: [Program; 2],
}

impl<'a> Monitoring<'a> {
    fn start(arena: &'a Arena) -> Self {
        let directory = Scratch::directory();
        let path = directory.path().display();
        let config = format!(
            "global: {{scrape_interval: 500ms, evaluation_interval: 500ms}}\n\
             rule_files: [{}/examples/prometheus/softclose.rules.yml]\n\
             scrape_configs:\n\
             - {{job_name: node, static_configs: [{{targets: ['{EXPORTER}']}}]}}\n\
             - {{job_name: prometheus, static_configs: [{{targets: ['{PROMETHEUS}']}}]}}\n",
            project().display()
        );
        let config = directory.file("prometheus.conf", "644", config.as_bytes());
        let mut exporter = Command::new("prometheus-node-exporter");
        exporter.arg(format!("--web.listen-address={EXPORTER}"));
        exporter.args(["--collector.disable-defaults", "--collector.textfile"]);
        exporter.arg(format!("--collector.textfile.directory={path}"));
        let mut prometheus = Command::new("prometheus");
        prometheus.arg(format!("--web.listen-address={PROMETHEUS}"));
        prometheus.arg(format!("--config.file={}", config.display())).arg(format!("--storage.tsdb.path={path}/data"));
        let servers = [exporter, prometheus].map(|mut command| {
            command.env_remove("LD_PRELOAD");
            arena.start(command)
        });
        Self { arena, directory, _servers: servers }
    }

    /// What softclosectl sees now.
    fn write(&self, memory: &Memory) {
        memory.says(&["prometheus", "--textfile", self.directory.path().to_str().expect("a plain path")]);
    }

    /// The lines of an answer, or what is wrong with the question.
    fn asked(&self, question: &str) -> Result<Vec<String>, Vec<String>> {
        let mut command = Command::new("promtool");
        command.args(["query", "instant", &format!("http://{PROMETHEUS}"), question]).env_remove("LD_PRELOAD");
        let finished = self.arena.start(command).finish();
        match finished.exit {
            Exit::Code(0) => Ok(finished.stdout.into_iter().filter(|line| !line.is_empty()).collect()),
            _ => Err(finished.stderr),
        }
    }

    #[track_caller]
    fn comes_to(&self, question: &str) {
        let has_answer = || self.asked(question).is_ok_and(|lines| !lines.is_empty());
        assert!(becomes_true(DEADLINE, has_answer), "{question}: {:?}", self.asked("softclose_info"));
    }
}

#[test]
fn a_real_prometheus_answers_every_query_of_the_dashboard_and_evaluates_every_rule() {
    if ["promtool", "prometheus", "prometheus-node-exporter"].iter().any(|tool| is_missing(here!(), tool)) {
        return;
    }
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let (memory, monitoring) = (Memory::directory(), Monitoring::start(&arena));
    let mut victim = memory.shows(Victim::c("serve").arg("6")).start(&arena, Shim::Preloaded);
    let (pid, port) = (victim.pid(), victim.port());
    for connections in 1..=6 {
        Peer::to(port).ask(1 << 20, UNREAD).upload(UPLOAD).read_to_end().start(&arena).finish();
        monitoring.write(&memory);
        monitoring.comes_to(&format!("softclose_closes_total{{pid=\"{pid}\"}} >= {connections}"));
    }
    victim.expect("closed");
    let has_drained = || {
        monitoring.write(&memory);
        let question = format!("softclose_drains_ended_total{{pid=\"{pid}\",end=\"fin\"}} == 6");
        monitoring.asked(&question).is_ok_and(|lines| !lines.is_empty())
    };
    assert!(becomes_true(DEADLINE, has_drained), "{}", memory.says(&["prometheus"]));
    monitoring.comes_to(&format!("softclose_resets_avoided_total{{pid=\"{pid}\"}} > 0"));

    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let mut queries = Vec::new();
    texts(&dashboard["panels"], "expr", &mut queries);
    assert!(queries.len() > 10, "{queries:?}");
    for query in queries {
        let variables = [
            ("$instance", ".*"),
            ("$program", "serve"),
            ("$uid", ".*"),
            ("$__rate_interval", "1m"),
            ("$__range", "1h"),
        ];
        let question = variables.iter().fold(query.to_owned(), |text, (name, value)| text.replace(name, value));
        let answer = monitoring.asked(&question).unwrap_or_else(|error| panic!("{question}: {error:?}"));
        // These ask for what went wrong, and nothing has.
        let may_be_empty = query.ends_with(" > 0");
        assert!(may_be_empty || !answer.is_empty(), "{question}");
    }
    let rules = RULES.matches("- alert: ").count();
    monitoring.comes_to(&format!("sum(prometheus_rule_group_rules) == {rules}"));
    monitoring.comes_to("sum(prometheus_rule_evaluations_total) > 0");
    monitoring.comes_to("sum(prometheus_rule_evaluation_failures_total) == 0");
}
