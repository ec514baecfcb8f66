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

impl Column {
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
