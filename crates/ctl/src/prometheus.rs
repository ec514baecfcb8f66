//! `softclosectl prometheus`: the text exposition format.
//!
//! The format is that of prometheus.io, "Exposition formats", text-based format: all samples of a
//! metric stand together, with `# HELP` and `# TYPE` before them. Backslash, quote and line feed are
//! escaped.

use crate::printable;
use crate::samples::{Sample, samples};
use crate::survey::{Liveness, Program, Survey};
use anyhow::{Result, anyhow};
use softclose_core::counters::names::{METRICS, Metric};
use std::fmt::Write;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Every metric of every program of which a process is seen, and whose file is that process's own. A
/// comment names each file whose numbers are missing: another version of softclose has written it, it
/// may be forged, or its series would be there twice.
pub fn text(survey: &Survey) -> String {
    let (programs, doubtful) = exported(survey);
    let missing: Vec<_> = survey.of_other_layouts().map(ToString::to_string).chain(doubtful).collect();
    let missing = missing.iter().take(MOST_COMMENTS).map(|why| format!("# missing: {why}\n"));
    METRICS.iter().map(|metric| metric_text(metric, &programs)).chain(missing).collect()
}

/// Another user can have any number of files that are missing.
const MOST_COMMENTS: usize = 64;

/// The programs to export, each process being the eldest of one, and lines about the others.
fn exported(survey: &Survey) -> (Vec<&Program>, Vec<String>) {
    let (mut programs, mut doubtful) = (Vec::<&Program>::new(), Vec::new());
    for program in survey.programs.iter().filter(|program| program.state == Liveness::Live) {
        let (path, pid) = (printable::path(&program.file.path), program.pid());
        if !program.is_verified() {
            doubtful
                .push(format!("{path}: it belongs to user {}, and not to that of process {pid}", program.file.user));
        } else if programs.last().is_some_and(|last| last.pid() == pid) {
            doubtful.push(format!("{path}: process {pid} has another file as well, which is exported"));
        } else {
            programs.push(program);
        }
    }
    (programs, doubtful)
}

fn metric_text(metric: &Metric, programs: &[&Program]) -> String {
    let Metric { name, kind, help, .. } = metric;
    let mut text = format!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.name());
    for program in programs {
        for Sample { suffix, label, value } in samples(metric, program) {
            let own = label.map(|(name, word)| format!(",{name}=\"{}\"", escaped(&word))).unwrap_or_default();
            let called = escaped(&program.reading.program);
            let (pid, user) = (program.pid(), program.file.user);
            let _ = writeln!(text, "{name}{suffix}{{pid=\"{pid}\",uid=\"{user}\",program=\"{called}\"{own}}} {value}");
        }
    }
    text
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Writes `text` to a file for node_exporter's textfile collector. The file is replaced in one step:
/// a reader finds either the old content or the new.
pub fn write(text: &str, directory: &Path) -> Result<()> {
    let path = directory.join("softclose.prom");
    // The error itself may name the temporary file, which means nothing to the user.
    replace(text, directory, &path).map_err(|error| anyhow!("cannot write {}: {}", path.display(), error.kind()))
}

fn replace(text: &str, directory: &Path, path: &Path) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }

    #[test]
    fn a_file_is_replaced_in_one_step_and_nothing_else_is_left() {
        let directory = tempfile::tempdir().unwrap();
        for text in ["one\n", "two\n"] {
            write(text, directory.path()).unwrap();
            assert_eq!(std::fs::read_to_string(directory.path().join("softclose.prom")).unwrap(), text);
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(write("three\n", Path::new("/nonexistent")).is_err());
    }
}
