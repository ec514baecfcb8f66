//! The content of every response: byte `i` is `i % 251`.
//!
//! 251 is prime and no buffer size is a multiple of it, so a block that is lost,
//! doubled or out of place shifts the pattern and is seen.

/// Period of the pattern; `victims/victim.h` has the same.
pub const PERIOD: usize = 251;

/// Offset in `bytes` of the first one that is not what the response has at
/// `start..`, if any.
pub fn first_wrong(start: usize, bytes: &[u8]) -> Option<usize> {
    bytes.iter().enumerate().position(|(at, &byte)| usize::from(byte) != (start + at) % PERIOD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_byte_is_seen() {
        let bytes: Vec<u8> = (0..1000).map(|at| (at % PERIOD) as u8).collect();
        assert_eq!(first_wrong(0, &bytes), None);
        assert_eq!(first_wrong(PERIOD, &bytes), None);
        assert_eq!(first_wrong(1, &bytes), Some(0));
    }
}
