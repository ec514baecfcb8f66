//! One connection to finish, as an argument of the program: the mode as a letter, and six decimal
//! numbers with colons between them. Beside them, [the status](write_status) to end with.
//!
//! Context of [`Task::write`]: the end of a process. No allocation, no formatting.

/// How a connection is finished.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Discard what comes in, until the peer's FIN comes.
    Discard = 0,
    /// Wait for the peer's FIN, and read nothing.
    Fin,
    /// Wait until the peer has acknowledged our FIN.
    Acknowledged,
}

const MODES: [(Mode, u8); 3] = [(Mode::Discard, b'd'), (Mode::Fin, b'f'), (Mode::Acknowledged, b'a')];

/// One connection to finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// How it is finished.
    pub mode: Mode,
    /// Its descriptor number.
    pub fd: i32,
    /// Its `SO_COOKIE`, which tells whether the number is still this connection.
    pub cookie: u64,
    /// In how many milliseconds it is to be half-closed; 0 if that is done already.
    pub begin_ms: u64,
    /// How many milliseconds the peer may be silent; 0 for no limit.
    pub idle_ms: u64,
    /// How many milliseconds the peer has been silent.
    pub silent_ms: u64,
    /// How many bytes the peer may still send; 0 for no limit.
    pub bytes: u64,
}

impl Task {
    /// The most bytes that [`Task::write`] writes.
    pub const ROOM: usize = 1 + 6 * (20 + 1);

    /// Writes the task and a zero byte, and answers how many bytes that takes.
    pub fn write(&self, room: &mut [u8]) -> usize {
        let letter = MODES.iter().find(|(mode, _)| *mode == self.mode).map_or(0, |&(_, letter)| letter);
        let mut text = Text { room, len: 0 };
        text.byte(letter);
        for number in [self.fd as u64, self.cookie, self.begin_ms, self.idle_ms, self.silent_ms, self.bytes] {
            text.number(number);
            text.byte(b':');
        }
        // The last colon is the end.
        text.len -= 1;
        text.byte(0);
        text.len
    }

    /// Reads what [`Task::write`] has written, without the zero byte.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (letter, rest) = text.split_first()?;
        let mode = MODES.iter().find(|(_, known)| known == letter).map(|&(mode, _)| mode)?;
        let mut numbers = rest.split(|&byte| byte == b':').map(number);
        let mut next = || numbers.next().flatten();
        let fd = i32::try_from(next()?).ok()?;
        Some(Self {
            mode,
            fd,
            cookie: next()?,
            begin_ms: next()?,
            idle_ms: next()?,
            silent_ms: next()?,
            bytes: next()?,
        })
    }
}

struct Text<'a> {
    room: &'a mut [u8],
    len: usize,
}

impl Text<'_> {
    fn byte(&mut self, byte: u8) {
        if let Some(to) = self.room.get_mut(self.len) {
            *to = byte;
        }
        self.len += 1;
    }

    fn number(&mut self, value: u64) {
        if value >= 10 {
            self.number(value / 10);
        }
        self.byte(b'0' + (value % 10) as u8);
    }
}

/// Writes a decimal number and a zero byte, and answers how many bytes that takes.
pub fn write_number(value: u64, room: &mut [u8]) -> usize {
    let mut text = Text { room, len: 0 };
    text.number(value);
    text.byte(0);
    text.len
}

/// Before the status. No [`Mode`] has this letter: a program of another version, which knows no
/// status, takes such an argument for a task that it cannot read.
const STATUS: u8 = b's';

/// Writes the status that the program is to end with, as an argument, and a zero byte. Answers how
/// many bytes that takes.
pub fn write_status(status: u8, room: &mut [u8]) -> usize {
    let mut text = Text { room, len: 0 };
    text.byte(STATUS);
    text.number(u64::from(status));
    text.byte(0);
    text.len
}

/// Reads what [`write_status`] has written, without the zero byte.
pub fn status(text: &[u8]) -> Option<u8> {
    let (letter, rest) = text.split_first()?;
    number(rest).filter(|_| *letter == STATUS).and_then(|status| u8::try_from(status).ok())
}

/// Reads a decimal number. `None` where there is anything else.
pub fn number(text: &[u8]) -> Option<u64> {
    let digit = |value: u64, &byte: &u8| {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 { value.checked_mul(10)?.checked_add(u64::from(digit)) } else { None }
    };
    text.iter().try_fold(0, digit).filter(|_| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(task: Task) -> Vec<u8> {
        let mut room = [0xff; Task::ROOM];
        let len = task.write(&mut room);
        room[..len].to_vec()
    }

    const PLAIN: Task =
        Task { mode: Mode::Discard, fd: 5, cookie: 12, begin_ms: 0, idle_ms: 5000, silent_ms: 3, bytes: 0 };

    #[test]
    fn a_task_is_read_as_it_was_written() {
        let most = u64::MAX;
        let long =
            Task { fd: i32::MAX, cookie: most, begin_ms: most, idle_ms: most, silent_ms: most, bytes: most, ..PLAIN };
        for task in [PLAIN, Task { mode: Mode::Fin, ..PLAIN }, Task { mode: Mode::Acknowledged, ..long }] {
            let text = written(task);
            assert_eq!(text.last(), Some(&0));
            assert_eq!(Task::parse(&text[..text.len() - 1]), Some(task));
        }
        assert_eq!(written(PLAIN), b"d5:12:0:5000:3:0\0");
    }

    #[test]
    fn a_status_is_read_as_it_was_written_and_is_no_task() {
        for (value, expected) in [(0, &b"s0\0"[..]), (7, b"s7\0"), (255, b"s255\0")] {
            let mut room = [0xff; 5];
            let len = write_status(value, &mut room);
            assert_eq!(room[..len], *expected);
            let text = &room[..len - 1];
            assert_eq!((status(text), Task::parse(text)), (Some(value), None));
        }
        for text in ["", "s", "s256", "s-1", "7", "d5:12:0:5000:3:0"] {
            assert_eq!(status(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_task() {
        for text in [
            "",
            "d",
            "d5",
            "d5:1:2:3:4",
            "x5:1:2:3:4:5",
            "d-5:1:2:3:4:5",
            "d5:1:2:3:4:",
            "d5:99999999999999999999:2:3:4:5",
        ] {
            assert_eq!(Task::parse(text.as_bytes()), None, "{text}");
        }
    }
}
