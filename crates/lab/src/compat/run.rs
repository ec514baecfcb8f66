//! Runs one row, and keeps its result.

use super::comparison::{InContainer, RowResult};
use super::placeholders::Placeholders;
use super::row::Row;
use super::script::Script;
use super::stage::Stage;
use super::{install, loss, sanity, trace};
use shim_tests::built::target_dir;
use shim_tests::shim::Shim;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// How a row came out.
pub enum RowOutcome {
    /// It ran, and this was found.
    Found(Box<RowResult>),
    /// It cannot run here, for this reason.
    Skipped(String),
    /// It ran, but came to no result, for this reason.
    Failed(String),
}

/// Runs one row natively and shimmed, and keeps what was found.
pub fn whole(row: &Row) -> RowOutcome {
    let placeholders = match install::own(row) {
        Ok(placeholders) => placeholders,
        Err(reason) => return RowOutcome::Skipped(reason),
    };
    match found(row, &placeholders) {
        Ok(found) => {
            keep(row, &found);
            RowOutcome::Found(Box::new(found))
        }
        Err(reason) => RowOutcome::Failed(reason),
    }
}

fn found(row: &Row, placeholders: &Placeholders) -> Result<RowResult, String> {
    let stage = |shim| Stage::open(row, placeholders, shim);
    let each = |shim| -> Result<_, String> { Ok((loss::measure(&stage(shim)?)?, sanity::observe(&stage(shim)?)?)) };
    let (native_tolls, native) = each(Shim::Native)?;
    let (tolls, observed) = each(Shim::Preloaded)?;
    let endings = trace::endings(&stage(Shim::Native)?)?;
    Ok(RowResult {
        version: version(row, placeholders),
        endings,
        tolls: [native_tolls, tolls],
        observed: [native, observed],
        in_container: in_container(row, placeholders)?,
    })
}

/// Measures the row in a container. A program that does not even run there natively is no fault of
/// softclose.
fn in_container(row: &Row, placeholders: &Placeholders) -> Result<InContainer, String> {
    let measure = |shim| loss::measure_first(&Stage::open(row, placeholders, shim)?.in_container()?);
    let native = match measure(Shim::Native) {
        Ok(native) => native,
        Err(reason) => return Ok(InContainer::Not(reason)),
    };
    let with = measure(Shim::Preloaded).map_err(|reason| format!("in a container: {reason}"))?;
    Ok(InContainer::Tolls([native, with]))
}

/// Measures the row only in a container, and renews that part of the kept result.
///
/// # Errors
/// Why it cannot be said.
pub fn container_alone(row: &Row) -> Result<InContainer, String> {
    let found = match install::own(row) {
        Ok(placeholders) => in_container(row, &placeholders)?,
        Err(reason) => InContainer::Not(reason),
    };
    if let Some(kept) = kept(row) {
        keep(row, &RowResult { in_container: found.clone(), ..kept });
    }
    Ok(found)
}

fn version(row: &Row, placeholders: &Placeholders) -> String {
    let output = Command::new("sh").args(["-c", &placeholders.replace(&row.version)]).env("PATH", path()).output();
    let Ok(output) = output else { return String::new() };
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).lines().next().unwrap_or_default().trim().to_owned()
}

/// The path in which the version is asked for: daemons are in directories that only root searches.
fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// Runs the quick part of a row, for `make test`: every way to lose something, and a few sessions.
///
/// # Errors
/// What is wrong with softclose, or why it could not be tried.
pub fn smoke(row: &Row, placeholders: &Placeholders) -> Result<(), Vec<String>> {
    let once = |shim| -> Result<_, String> {
        let stage = Stage::open(row, placeholders, shim)?;
        Ok((loss::measure(&stage)?, a_few_sessions(&stage)?))
    };
    let (native, said) = once(Shim::Native).map_err(|reason| vec![reason])?;
    let (with, said_with) = once(Shim::Preloaded).map_err(|reason| vec![reason])?;
    if said != said_with {
        // The fault only names what differs.
        eprintln!("without: {said}\nwith: {said_with}");
    }
    let observed =
        [said, said_with].map(|said| sanity::Observed { same: [("sessions".to_owned(), said)].into(), left: None });
    let found = RowResult { tolls: [native, with], observed, ..RowResult::default() };
    match found.faults(row) {
        faults if faults.is_empty() => Ok(()),
        faults => Err(faults),
    }
}

fn a_few_sessions(stage: &Stage) -> Result<String, String> {
    let scripts: Vec<Script> = stage.row.scripts();
    if scripts.is_empty() {
        return Ok(String::new());
    }
    let report = stage.start()?.talk(scripts, 24, 8)?;
    Ok(sanity::spoken(&report))
}

/// The file that keeps the result of a row between runs.
fn place(row: &Row) -> PathBuf {
    target_dir().join("matrix").join("results").join(&row.name).with_extension("json")
}

fn keep(row: &Row, found: &RowResult) {
    let path = place(row);
    let text = serde_json::to_string_pretty(found).expect("a result is plain data");
    let parent = path.parent().expect("a directory");
    fs::create_dir_all(parent).and_then(|()| fs::write(&path, text)).expect("the target directory is writable");
}

/// The result of the last run of a row.
pub fn kept(row: &Row) -> Option<RowResult> {
    serde_json::from_str(&fs::read_to_string(place(row)).ok()?).ok()
}
