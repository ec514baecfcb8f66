//! Two scans compared: before and after a change, by rates, as the scans may have taken different times.

use super::text::shortened;
use crate::human;
use crate::printable::printable;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// What tells one service from another in two reports: what starts it, and its port with its side.
type Key = (Starter, (String, u64));

/// Program, manager and unit.
type Starter = [String; 3];

/// Reads what `--baseline` has written.
pub fn read(path: &Path) -> Result<Value> {
    /// Far more than a report has.
    const MOST: u64 = 16 << 20;
    let shown = crate::printable::path(path);
    let file = File::open(path).with_context(|| shown.clone())?;
    let report: Value = serde_json::from_reader(BufReader::new(file.take(MOST)))
        .with_context(|| format!("{shown}: this is not what --baseline writes"))?;
    let is_report = report["services"].is_array() && report["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0);
    ensure!(is_report, "{shown}: this is not what --baseline writes");
    Ok(report)
}

/// A table of all services with what was cut off in a minute, before and now.
pub fn text(before: &Value, now: &Value) -> String {
    let (then, since) = (rates(before), rates(now));
    let mut keys: Vec<_> = then.keys().chain(since.keys().filter(|key| !then.contains_key(key))).collect();
    let most = |key: &Key| then.get(key).copied().unwrap_or(0.0).max(since.get(key).copied().unwrap_or(0.0));
    keys.sort_by(|one, other| most(other).total_cmp(&most(one)).then_with(|| one.cmp(other)));
    let rows: Vec<_> = keys.iter().map(|key| row(key, then.get(key), since.get(key), now)).collect();
    let sum = |all: &BTreeMap<Key, f64>, report: &Value| all.values().sum::<f64>() + others(report);
    let mut head = format!(
        "Connections cut off in a minute: {:.1} before (in {}), {:.1} now (in {}).\n",
        sum(&then, before),
        seconds(before),
        sum(&since, now),
        seconds(now)
    );
    // The report that follows says so of the counts now.
    if before["lost_events"].as_u64().unwrap_or(0) != 0 || before["stopped"] == true {
        head += "The counts before are too low: that scan has not seen all events.\n";
    }
    if rows.is_empty() {
        head
    } else {
        head + "\n" + &human::table(&["PROGRAM", "UNIT", "PORT", "BEFORE", "NOW", "CHANGE"], &rows)
    }
}

fn seconds(report: &Value) -> String {
    human::duration(std::time::Duration::from_secs(report["seconds"].as_f64().unwrap_or(0.0) as u64))
}

fn minutes(report: &Value) -> f64 {
    report["seconds"].as_f64().filter(|&seconds| seconds > 0.0).unwrap_or(1.0) / 60.0
}

fn others(report: &Value) -> f64 {
    total(&report["others"]) / minutes(report)
}

fn total(counts: &Value) -> f64 {
    counts.as_object().into_iter().flatten().filter_map(|(_, count)| count.as_f64()).sum()
}

/// What each service has cut off in a minute.
fn rates(report: &Value) -> BTreeMap<Key, f64> {
    let mut all = BTreeMap::new();
    for service in report["services"].as_array().into_iter().flatten() {
        *all.entry(key(service)).or_insert(0.0) += total(&service["cut_off"]) / minutes(report);
    }
    all
}

fn key(service: &Value) -> Key {
    let side = printable(service["side"].as_str().unwrap_or("-"));
    (starter(service), (side, service["port"].as_u64().unwrap_or(0)))
}

/// What starts a service. A container has another number after each start: what runs it stands for that.
fn starter(service: &Value) -> Starter {
    let text = |name: &str| printable(service[name].as_str().unwrap_or("-"));
    let manager = text("manager");
    let unit = if manager.starts_with("systemd") || manager == "-" { text("unit") } else { manager.clone() };
    [text("program"), manager, unit]
}

fn row(key: &Key, before: Option<&f64>, now: Option<&f64>, report: &Value) -> Vec<String> {
    let ([program, _, unit], (side, port)) = key;
    let port = match side.as_str() {
        "server" => port.to_string(),
        "client" => format!("to {port}"),
        _ => "-".to_owned(),
    };
    let rate = |rate: Option<&f64>| format!("{:.1}", rate.unwrap_or(&0.0));
    let unit = unit.strip_suffix(".service").unwrap_or(unit);
    vec![shortened(program, 20), shortened(unit, 20), port, rate(before), rate(now), change(key, before, now, report)]
}

/// One word for the change, and whether softclose may be the reason.
fn change(key: &Key, before: Option<&f64>, now: Option<&f64>, report: &Value) -> String {
    match (before.copied().unwrap_or(0.0), now.copied().unwrap_or(0.0)) {
        (0.0, 0.0) => "none".to_owned(),
        (0.0, _) => "new".to_owned(),
        (_, 0.0) if is_loaded(key, report) => "ended, loaded".to_owned(),
        (_, 0.0) => "ended".to_owned(),
        // A change that rounds to zero has no sign of its own.
        (before, now) => format!("{:+} %", ((now / before - 1.0) * 100.0).round() as i64),
    }
}

/// Whether the program has softclose now. It is known by its unit, or else by its port: another program of the same
/// interpreter is not meant.
fn is_loaded((own, (side, port)): &Key, report: &Value) -> bool {
    let listens = |one: &Value| one["ports"].as_array().is_some_and(|ports| ports.contains(&Value::from(*port)));
    let has_unit = own[1].starts_with("systemd");
    let is_it = |one: &Value| starter(one) == *own && (has_unit || (side == "server" && listens(one)));
    report["loaded"].as_array().into_iter().flatten().any(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report(seconds: f64, services: &[(&str, u64, u64)], loaded: &[(&str, u64)]) -> Value {
        let service = |&(program, port, unread): &(&str, u64, u64)| {
            json!({"program": program, "manager": null, "unit": null, "side": "server", "port": port,
                   "cut_off": {"unread": unread, "late": 0}})
        };
        json!({
            "seconds": seconds,
            "services": services.iter().map(service).collect::<Vec<_>>(),
            "others": {"unread": 0},
            "loaded": loaded.iter().map(|(program, port)| json!({"program": program, "ports": [port]})).collect::<Vec<_>>(),
        })
    }

    #[test]
    fn rates_make_scans_of_different_lengths_equal() {
        let before = report(60.0, &[("nginx", 80, 40), ("a", 1, 10), ("python", 2, 3), ("python", 3, 2)], &[]);
        let now = report(120.0, &[("new", 9, 2), ("a", 1, 10)], &[("nginx", 80), ("python", 3)]);
        let text = text(&before, &now);
        let expected = "Connections cut off in a minute: 55.0 before (in 1m00s), 6.0 now (in 2m00s).\n\n\
             PROGRAM  UNIT  PORT  BEFORE  NOW  CHANGE\n\
             nginx    -     80    40.0    0.0  ended, loaded\n\
             a        -     1     10.0    5.0  -50 %\n\
             python   -     2     3.0     0.0  ended\n\
             python   -     3     2.0     0.0  ended, loaded\n\
             new      -     9     0.0     1.0  new\n";
        assert_eq!(text, expected);
    }

    /// It counted as one that had ended and one that was new.
    #[test]
    fn a_container_has_another_number_after_its_next_start() {
        let of = |number: &str, count: u64| {
            let mut report = report(60.0, &[("nginx", 80, count)], &[("nginx", 80)]);
            for list in ["services", "loaded"] {
                report[list][0]["manager"] = "docker".into();
                report[list][0]["unit"] = number.into();
            }
            report
        };
        let text = |count| text(&of("0123456789ab", 4), &of("ba9876543210", count));
        assert!(text(1).ends_with("\nnginx    docker  80    4.0     1.0  -75 %\n"), "{}", text(1));
        assert!(text(0).ends_with("\nnginx    docker  80    4.0     0.0  ended, loaded\n"), "{}", text(0));
    }

    #[test]
    fn counts_that_were_too_low_are_no_comparison() {
        let (mut before, now) = (report(60.0, &[], &[]), report(60.0, &[], &[]));
        assert!(!text(&before, &now).contains("too low"));
        before["lost_events"] = 1.into();
        let said = "The counts before are too low: that scan has not seen all events.\n";
        assert!(text(&before, &now).ends_with(said));
        before["lost_events"] = 0.into();
        before["stopped"] = true.into();
        assert!(text(&before, &now).ends_with(said));
    }

    #[test]
    fn a_change_of_nearly_nothing_has_no_minus() {
        let (before, now) = (report(60.0, &[("a", 1, 1000)], &[]), report(60.0, &[("a", 1, 999)], &[]));
        assert!(text(&before, &now).contains("  +0 %\n"));
    }

    #[test]
    fn what_somebody_has_written_into_the_file_does_no_harm() {
        let evil = report(1.0, &[("a\n\x1b[2Jb", 1, 1)], &[]);
        assert!(text(&evil, &evil).contains("a??[2Jb"));
        let file = tempfile::NamedTempFile::new().unwrap();
        for bad in ["", "7", "{}", "{\"services\":[],\"seconds\":0}", "{\"services\":[],\"seconds\":\"x\"}"] {
            std::fs::write(file.path(), bad).unwrap();
            assert!(read(file.path()).is_err(), "{bad}");
        }
        let odd = json!({"services": [7, {"cut_off": [1]}], "seconds": 1e300, "others": "x", "loaded": {}});
        text(&odd, &odd);
    }
}
