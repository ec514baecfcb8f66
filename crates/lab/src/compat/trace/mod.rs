//! How a program ends its connections: which call takes the last reference away,
//! seen with strace(1) and the call stacks that it prints.

mod table;

use super::loss;
use super::script::Script;
use super::stage::Stage;
use shim_tests::shim::Shim;
use shim_tests::strace::StraceLine;
use std::collections::BTreeMap;
use std::fs;
use table::Tables;

/// Connections of everyday use that are watched.
const CONNECTIONS: usize = 6;

/// Calls that make or end references, or processes that have them.
const CALLS: &str =
    "accept,accept4,connect,dup,dup2,dup3,fcntl,close,close_range,clone,clone3,fork,vfork,exit,exit_group,execve";

/// Runs the program under strace, and answers each call that took the last reference to a
/// connection, with the number of connections.
///
/// # Errors
/// Why the program could not be watched.
pub fn endings(stage: &Stage) -> Result<BTreeMap<String, usize>, String> {
    let file = stage.path("strace");
    let wrapper = [
        "strace",
        "-f",
        "-k",
        "-yy",
        "-qq",
        "-e",
        "signal=none",
        "-e",
        &format!("trace={CALLS}"),
        "-o",
        &file.to_string_lossy(),
    ]
    .map(str::to_owned);
    match &stage.row.client {
        Some(client) => {
            let _server = stage.start()?;
            stage.run(&[&wrapper[..], &client.run].concat(), Shim::Native)?;
        }
        None => watch(stage, &wrapper)?,
    }
    let text = fs::read(&file).map_err(|error| format!("strace: {error}"))?;
    Ok(read(&String::from_utf8_lossy(&text), stage))
}

fn watch(stage: &Stage, wrapper: &[String]) -> Result<(), String> {
    let running = stage.start_under(wrapper, Shim::Native)?;
    loss::show(stage, &running)?;
    let scripts: Vec<Script> = stage.row.scripts();
    if !scripts.is_empty() {
        running.talk(scripts, CONNECTIONS, 1)?;
    }
    for line in stage.row.commands() {
        stage.run(line, Shim::Native)?;
    }
    stage.settle();
    running.end_children();
    Ok(())
}

fn read(text: &str, stage: &Stage) -> BTreeMap<String, usize> {
    let port = stage.row.server.port;
    let ours = if stage.row.client.is_some() { format!("->127.0.0.1:{port}]") } else { format!(":{port}->") };
    let mut tables = Tables::of(ours);
    let mut lines = text.lines().peekable();
    while let Some(text) = lines.next() {
        let mut stack = Vec::new();
        while let Some(frame) = lines.next_if(|line| line.trim_start().starts_with('>')) {
            stack.push(frame);
        }
        if let Some(line) = StraceLine::parse(text) {
            tables.follow(line, &stack);
        }
    }
    tables.endings
}
