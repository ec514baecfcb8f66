//! What a tracepoint writes, as the kernel describes it: the files `format` and `header_page` of tracefs.
//!
//! Fields move, appear and vanish from one kernel to the next. So no offset is written down here: each is read from
//! the running kernel.

use std::collections::HashMap;

/// Where a field lies in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Offset in bytes.
    pub offset: usize,
    /// Length in bytes.
    pub size: usize,
}

impl Field {
    /// The bytes of the field; `None` in a record that is too short for it.
    pub fn bytes(self, record: &[u8]) -> Option<&[u8]> {
        record.get(self.offset..)?.get(..self.size)
    }

    /// The field as a number without a sign. `None` where it is too short, or has no length of a number.
    pub fn number(self, record: &[u8]) -> Option<u64> {
        let bytes = self.bytes(record)?;
        Some(match bytes.len() {
            1 => u64::from(*bytes.first()?),
            2 => u64::from(u16::from_ne_bytes(bytes.try_into().ok()?)),
            4 => u64::from(u32::from_ne_bytes(bytes.try_into().ok()?)),
            8 => u64::from_ne_bytes(bytes.try_into().ok()?),
            _ => return None,
        })
    }
}

/// A description: the fields by name, and the number of the event.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// The number by which a record names its event (`common_type`); 0 in `header_page`, which has none.
    pub id: u64,
    fields: HashMap<String, Field>,
    print: String,
}

impl Description {
    /// Reads a description. Lines that are not understood are left out.
    pub fn parse(text: &str) -> Self {
        let after = |start| text.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_default();
        Self {
            id: after("ID: ").trim().parse().unwrap_or(0),
            fields: text.lines().filter_map(field).collect(),
            print: after("print fmt: ").to_owned(),
        }
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<Field> {
        self.fields.get(name).copied()
    }

    /// The number behind a word, such as 8 for `TCP_ABORT_ON_DATA`, by the table with which the kernel prints `field`.
    /// Such numbers differ from kernel to kernel.
    pub fn symbol(&self, field: &str, word: &str) -> Option<u64> {
        let (_, table) = self.print.split_once(&format!("__print_symbolic(REC->{field},"))?;
        let (table, _) = table.split_once(')')?;
        table.split('{').find_map(|entry| {
            let (number, name) = entry.split_once(',')?;
            let is_it = name.split('"').nth(1) == Some(word);
            if is_it { number.trim().parse().ok() } else { None }
        })
    }
}

/// A line such as `field:__u8 saddr[28]; offset:32; size:28; signed:0;`.
fn field(line: &str) -> Option<(String, Field)> {
    let mut parts = line.trim().strip_prefix("field:")?.split(';').map(str::trim);
    let name = parts.next()?.split('[').next()?.split_whitespace().last()?;
    let mut number = |key: &str| parts.next()?.strip_prefix(key)?.parse().ok();
    Some((name.to_owned(), Field { offset: number("offset:")?, size: number("size:")? }))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn fields_lie_where_each_kernel_says() {
        let offset = |text, name| Description::parse(text).field(name).map(|field| (field.offset, field.size));
        assert_eq!(offset(samples::RESET_6_18, "reason"), Some((28, 4)));
        assert_eq!(offset(samples::RESET_6_18, "saddr"), Some((32, 28)));
        assert_eq!(offset(samples::RESET_6_12, "reason"), Some((28, 4)));
        assert_eq!(offset(samples::RESET_6_1, "reason"), None);
        assert_eq!(offset(samples::RESET_6_1, "saddr_v6"), Some((42, 16)));
        assert_eq!(offset(samples::RESET_5_10, "saddr_v6"), Some((40, 16)));
        assert_eq!(offset(samples::RESET_5_10, "skaddr"), Some((16, 8)));
        assert_eq!(offset(samples::HEADER_PAGE, "data"), Some((16, 4080)));
        assert_eq!(Description::parse(samples::RESET_6_18).id, 2280);
    }

    #[test]
    fn words_have_the_number_that_the_kernel_prints_them_for() {
        let format = Description::parse(samples::RESET_6_18);
        assert_eq!(format.symbol("reason", "TCP_ABORT_ON_DATA"), Some(8));
        assert_eq!(format.symbol("reason", "TCP_ABORT_ON_CLOSE"), Some(11));
        assert_eq!(format.symbol("reason", "TCP_ESTABLISHED"), None, "that is a state");
        assert_eq!(Description::parse(samples::RESET_6_1).symbol("reason", "TCP_ABORT_ON_DATA"), None);
    }

    #[test]
    fn what_is_no_description_has_no_fields() {
        for text in ["", "field:", "field:;offset:;size:;", "field:int x;\toffset:-1;\tsize:4;", "ID: x\nprint fmt: {"]
        {
            let format = Description::parse(text);
            assert_eq!((format.id, format.fields.len(), format.symbol("x", "y")), (0, 0, None), "{text}");
        }
        let cut = Field { offset: usize::MAX, size: usize::MAX };
        assert_eq!((cut.bytes(&[0; 9]), cut.number(&[0; 9])), (None, None));
    }
}
