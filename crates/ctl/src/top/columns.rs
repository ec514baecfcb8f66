//! The columns, from left to right.

/// A column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Column {
    /// The eldest process.
    Pid,
    /// Its program.
    Program,
    /// How many processes.
    Processes,
    /// Closes a second.
    Closes,
    /// Drains begun a second.
    #[default]
    Rate,
    /// Connections in drain.
    Held,
    /// Drains begun.
    Drains,
    /// Resets avoided.
    Resets,
    /// Bytes discarded.
    Discarded,
    /// Connections left alone for want of proof, room, thread or permission.
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

    /// The one to the right.
    pub fn after(self) -> Self {
        COLUMNS[(self.place() + 1) % COLUMNS.len()].0
    }

    /// The one to the left.
    pub fn before(self) -> Self {
        COLUMNS[(self.place() + COLUMNS.len() - 1) % COLUMNS.len()].0
    }
}
