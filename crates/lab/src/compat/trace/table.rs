//! Which process holds which connection, computed from the calls of all threads.

use shim_tests::strace::{Event, StraceLine};
use std::collections::{BTreeMap, BTreeSet};

/// References of one table of descriptors: number and connection.
type Table = BTreeSet<(i32, String)>;

/// The descriptor tables of all processes that were traced.
pub struct Tables {
    /// The part by which the names of the watched connections are known.
    ours: String,
    tables: Vec<Table>,
    /// The index of the table that each thread uses.
    uses: BTreeMap<u32, usize>,
    /// Calls that have begun and are not over, by thread.
    begun: BTreeMap<u32, (String, String)>,
    /// Each call that took a last reference, and how often.
    pub endings: BTreeMap<String, usize>,
}

impl Tables {
    /// No table is known yet. `ours` is a part of the names of the connections to watch.
    pub fn of(ours: String) -> Self {
        Self { ours, tables: Vec::new(), uses: BTreeMap::new(), begun: BTreeMap::new(), endings: BTreeMap::new() }
    }

    /// Takes note of a line. `stack` is the call stack that strace printed with it.
    pub fn follow(&mut self, line: StraceLine, stack: &[&str]) {
        self.meet(line.thread);
        match line.event {
            Event::Call { name, arguments, result: None } => {
                self.begun.insert(line.thread, (name.to_owned(), arguments.to_owned()));
            }
            Event::Call { name, arguments, result: Some(result) } => {
                self.call(line.thread, name, arguments, result, stack)
            }
            Event::Resumed { name, result } => {
                if let Some((_, arguments)) = self.begun.remove(&line.thread).filter(|(begun, _)| begun == name) {
                    self.call(line.thread, name, &arguments, result, stack);
                }
            }
            Event::Gone(how) => self.gone(line.thread, how),
        }
    }

    /// Notes a thread that appears for the first time. It is the first of all, or the call that
    /// made it has not returned yet.
    fn meet(&mut self, thread: u32) {
        if self.uses.contains_key(&thread) {
            return;
        }
        let maker = self.begun.iter().find(|(_, (name, _))| makes_a_thread(name));
        let maker = maker.map(|(maker, (_, arguments))| (*maker, arguments.clone()));
        match maker {
            Some((maker, arguments)) => self.born(thread, maker, &arguments),
            None => {
                self.tables.push(Table::new());
                self.uses.insert(thread, self.tables.len() - 1);
            }
        }
    }

    fn born(&mut self, thread: u32, maker: u32, arguments: &str) {
        let Some(&table) = self.uses.get(&maker) else { return };
        let table = if arguments.contains("CLONE_FILES") {
            table
        } else {
            self.tables.push(self.tables[table].clone());
            self.tables.len() - 1
        };
        self.uses.insert(thread, table);
    }

    fn call(&mut self, thread: u32, name: &str, arguments: &str, result: &str, stack: &[&str]) {
        let table = self.uses[&thread];
        if makes_a_thread(name) {
            if let Some(child) = result.parse().ok().filter(|child| !self.uses.contains_key(child)) {
                self.born(child, thread, arguments);
            }
        } else if name == "exit_group" {
            self.drop_table(table, &ended_by(stack));
        } else if !result.starts_with('-') {
            self.descriptors(table, name, arguments, result, stack);
        }
    }

    fn descriptors(&mut self, table: usize, name: &str, arguments: &str, result: &str, stack: &[&str]) {
        // A name that a call shows is there, however it came: connected, passed.
        let shown = self.connection(arguments);
        self.tables[table].extend(shown);
        let given_up: Vec<i32> = match name {
            "close" => numbers(arguments).take(1).collect(),
            "dup2" | "dup3" => numbers(arguments).skip(1).take(1).collect(),
            "close_range" => {
                let mut ends = numbers(arguments);
                let (first, last) = (ends.next().unwrap_or(0), ends.next().unwrap_or(i32::MAX));
                self.tables[table]
                    .iter()
                    .map(|(number, _)| *number)
                    .filter(|number| (first..=last).contains(number))
                    .collect()
            }
            _ => Vec::new(),
        };
        for number in given_up {
            self.give_up(table, number, &called_by(name, stack));
        }
        let made = self.connection(result);
        self.tables[table].extend(made);
    }

    /// `5<TCP:[127.0.0.1:80->127.0.0.1:9]>`, if it is one that matters.
    fn connection(&self, text: &str) -> Option<(i32, String)> {
        let (number, rest) = text.split_once('<')?;
        let name = rest.split_inclusive(']').next()?;
        name.contains(&self.ours).then(|| Some((number.trim().parse().ok()?, name.to_owned())))?
    }

    fn give_up(&mut self, table: usize, number: i32, how: &str) {
        let held: Vec<_> = self.tables[table].iter().filter(|(held, _)| *held == number).cloned().collect();
        for entry in held {
            self.tables[table].remove(&entry);
            if !self.tables.iter().any(|table| table.iter().any(|(_, connection)| *connection == entry.1)) {
                *self.endings.entry(how.to_owned()).or_default() += 1;
            }
        }
    }

    fn drop_table(&mut self, table: usize, how: &str) {
        let numbers: BTreeSet<_> = self.tables[table].iter().map(|(number, _)| *number).collect();
        for number in numbers {
            self.give_up(table, number, how);
        }
    }

    fn gone(&mut self, thread: u32, how: &str) {
        let Some(table) = self.uses.remove(&thread) else { return };
        if !self.uses.values().any(|used| *used == table) {
            // The test ends what is still there.
            if how.contains("SIGKILL") {
                self.tables[table].clear();
            } else {
                self.drop_table(table, how);
            }
        }
    }
}

fn makes_a_thread(name: &str) -> bool {
    matches!(name, "clone" | "clone3" | "fork" | "vfork")
}

/// Numbers at the head of each argument: `5<TCP:[...]>, 7<...>, 0`.
fn numbers(arguments: &str) -> impl Iterator<Item = i32> + '_ {
    arguments.split(',').map(|argument| {
        let digits: String = argument.trim().chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(i32::MAX)
    })
}

/// Functions of libc at the top of the stack, innermost first.
fn of_libc<'a>(stack: &[&'a str]) -> Vec<&'a str> {
    let in_libc = |frame: &&&str| frame.contains("/libc.so.6(") || frame.contains("/libpthread");
    let function =
        |frame: &&'a str| frame.split_once('(').and_then(|(_, rest)| rest.split_once(['+', ')'])).map(|(name, _)| name);
    stack.iter().take_while(in_libc).filter_map(function).map(|name| name.trim_start_matches("__")).collect()
}

/// The function that the program called, of libc; or that it has an instruction of
/// its own.
fn called_by(call: &str, stack: &[&str]) -> String {
    let functions = of_libc(stack);
    if stack.is_empty() {
        return call.to_owned();
    }
    match functions.as_slice() {
        [] => format!("{call} by a raw system call"),
        ["syscall", ..] => format!("syscall(SYS_{call})"),
        names if names.iter().any(|name| name.contains("fclose")) => "fclose".to_owned(),
        names if names.iter().any(|name| name.contains("freopen")) => "freopen".to_owned(),
        names if names.iter().any(|name| name.contains("closefrom")) => "closefrom".to_owned(),
        _ => call.to_owned(),
    }
}

fn ended_by(stack: &[&str]) -> String {
    let functions = of_libc(stack);
    match functions.as_slice() {
        [] if !stack.is_empty() => "exit by a raw system call",
        names if names.contains(&"exit") => "exit",
        _ => "_exit",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endings(lines: &[&str]) -> Vec<(String, usize)> {
        let mut tables = Tables::of(":80->".to_owned());
        for text in lines {
            let (text, frame) = text.split_once(" | ").unwrap_or((text, ""));
            let stack: Vec<_> = Some(frame).into_iter().filter(|frame| !frame.is_empty()).collect();
            tables.follow(StraceLine::parse(text).unwrap(), &stack);
        }
        tables.endings.into_iter().collect()
    }

    const ACCEPT: &str = "1 accept(3<TCP:[127.0.0.1:80]>, NULL, NULL) = 5<TCP:[127.0.0.1:80->127.0.0.1:9]>";
    const CLOSE: &str = "1 close(5<TCP:[127.0.0.1:80->127.0.0.1:9]>) = 0";

    #[test]
    fn a_close_is_named_by_the_function() {
        assert_eq!(endings(&[ACCEPT, CLOSE]), [("close".to_owned(), 1)]);
        let by_syscall = format!("{CLOSE} |  > /usr/lib/x86_64-linux-gnu/libc.so.6(syscall+0x19) [0xf8]");
        assert_eq!(endings(&[ACCEPT, &by_syscall]), [("syscall(SYS_close)".to_owned(), 1)]);
        let by_itself = format!("{CLOSE} |  > /usr/bin/caddy(main+0x19) [0xf8]");
        assert_eq!(endings(&[ACCEPT, &by_itself]), [("close by a raw system call".to_owned(), 1)]);
    }

    #[test]
    fn the_last_of_two_holders_counts() {
        let fork = "1 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD) = 2";
        let end = "2 exit_group(0) = ? |  > /usr/lib/x86_64-linux-gnu/libc.so.6(_exit+0x19) [0xf8]";
        assert_eq!(endings(&[ACCEPT, fork, CLOSE, end]), [("_exit".to_owned(), 1)]);
        assert_eq!(endings(&[ACCEPT, fork, end, CLOSE]), [("close".to_owned(), 1)]);
    }

    #[test]
    fn threads_have_one_table() {
        let thread = "1 clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD}, 88) = 2";
        assert_eq!(endings(&[ACCEPT, thread, &CLOSE.replacen('1', "2", 1)]), [("close".to_owned(), 1)]);
    }
}
