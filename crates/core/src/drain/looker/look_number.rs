//! Looks at threads are numbered from 1; the numbers wrap around.

/// The number of a look; 0 means "no look".
pub type LookNumber = u32;

/// Whether look `one` began after look `other`.
pub fn is_after(one: LookNumber, other: LookNumber) -> bool {
    one != other && one.wrapping_sub(other) < u32::MAX / 2
}
