//! The columns of the table.

/// A column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Column {
    /// The pid of the eldest process.
    Pid,
    /// The name of the program.
    Program,
    /// The number of processes.
    Processes,
    /// Closes in a second.
    Closes,
    /// Drains that began in a second.
    #[default]
    Rate,
    /// Connections in drain now.
    Held,
    /// Drains that have begun.
    Drains,
    /// Resets that were avoided.
    Resets,
    /// Bytes that were discarded.
    Discarded,
    /// Connections that were left alone because a proof, room, a thread or a permission was missing.
    Missed,
}

/// All columns with their heads, from left to right.
pub const COLUMNS: [(Column, &str); 10] = [
    (Column::Pid, "PID"),
    (Column::Program, "PROGRAM"),
    (Column::Processes, "PROCS"),
    (Column::Closes, "CLOSES/s"),
    (Column::Rate, "DRAINS/s"),
    (Column::Held, "HELD"),
    (Column::Drains, "DRAINS"),
    (Column::Resets, "SAVED"),
    (Column::Discarded, "DISCARDED"),
    (Column::Missed, "MISSED"),
];

/// How wide the program's name is at least.
const PROGRAM: u16 = 15;

/// The columns that have room on a screen of this width, from the left: the PID and the program always
/// have.
pub fn fitting(width: u16) -> &'static [(Column, &'static str)] {
    let mut taken = 0;
    let fits = |column: Column| {
        taken += if column == Column::Program { PROGRAM } else { column.width() } + 1;
        taken <= width + 1 || matches!(column, Column::Pid | Column::Program)
    };
    let count = COLUMNS.iter().map(|&(column, _)| column).map(fits).take_while(|&fits| fits).count();
    COLUMNS.get(..count).unwrap_or(&COLUMNS)
}

impl Column {
    /// How wide it is: as wide as its head with a mark, or a number.
    pub fn width(self) -> u16 {
        const NUMBER: usize = 7;
        (COLUMNS[self.place()].1.len() + 1).max(NUMBER) as u16
    }

    fn place(self) -> usize {
        COLUMNS.iter().position(|&(column, _)| column == self).unwrap_or(0)
    }

    /// The column to the right.
    pub fn after(self) -> Self {
        COLUMNS[(self.place() + 1) % COLUMNS.len()].0
    }

    /// The column to the left.
    pub fn before(self) -> Self {
        COLUMNS[(self.place() + COLUMNS.len() - 1) % COLUMNS.len()].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(width: u16) -> &'static str {
        fitting(width).last().unwrap().1
    }

    #[test]
    fn columns_go_from_the_right_and_never_the_pid_and_the_program() {
        assert_eq!([1, 10, 60, 70, 80, 120].map(last), ["PROGRAM", "PROGRAM", "HELD", "DRAINS", "SAVED", "MISSED"]);
    }

    #[test]
    fn every_column_is_documented() {
        const OPERATIONS: &str = include_str!("../../../../docs/operations.md");
        let table = OPERATIONS.split("### Columns of `softclosectl top`").nth(1).unwrap().split("###").next().unwrap();
        assert!(COLUMNS.iter().all(|(_, head)| table.contains(&format!("`{head}`"))));
    }
}
