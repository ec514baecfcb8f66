//! Parsers for flags, durations, sizes and counts. `None` means that the text is not understood; the
//! caller then uses the default, with a warning.
//!
//! Context: pure functions, no allocation.

/// The longest duration in milliseconds: one day. So arithmetic with the 32-bit millisecond clock
/// cannot wrap.
pub const MAX_DURATION_MS: u64 = 24 * 60 * 60 * 1000;

/// Parses `1`/`true`/`yes`/`on` and `0`/`false`/`no`/`off`.
pub fn flag(text: &str) -> Option<bool> {
    match text {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Parses `500ms`, `2s`, `1m`, `1h` or a bare `0` into milliseconds.
pub fn duration_ms(text: &str) -> Option<u32> {
    let (number, unit) = split(text)?;
    let scale = match unit {
        "" if number == 0 => 1,
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        _ => return None,
    };
    let ms = number.checked_mul(scale)?;
    (ms <= MAX_DURATION_MS).then_some(u32::try_from(ms).ok()?)
}

/// Parses `65536`, `64KiB`, `64K`, `64KB` and their like into bytes: with the units of coreutils, where `K` is 1024 and `KB`
/// is 1000.
pub fn size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let scale = match unit {
        "" | "B" => 1,
        "K" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    number.checked_mul(scale)
}

/// Parses a whole number from 1 to 65536; `auto` is `Some(None)`.
pub fn count(text: &str) -> Option<Option<u32>> {
    if text == "auto" {
        return Some(None);
    }
    match split(text)? {
        (number @ 1..=65536, "") => Some(Some(u32::try_from(number).ok()?)),
        _ => None,
    }
}

fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_unless_they_are_zero() {
        assert_eq!(duration_ms("500ms"), Some(500));
        assert_eq!(duration_ms("2s"), Some(2000));
        assert_eq!(duration_ms("1m"), Some(60_000));
        assert_eq!(duration_ms("1h"), Some(3_600_000));
        assert_eq!(duration_ms("0"), Some(0));
        for bad in ["", "5", "-1s", "25h", "1d", "s", "1.5s", " 1s", "1s ", "2000m", "99999999999999999999s"] {
            assert_eq!(duration_ms(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn sizes_are_bytes_unless_they_say_otherwise() {
        assert_eq!(size("65536"), Some(65536));
        assert_eq!(size("64KiB"), Some(65536));
        assert_eq!(size("1MiB"), Some(1 << 20));
        assert_eq!(size("2GiB"), Some(2 << 30));
        assert_eq!(["1K", "2M", "3G"].map(size), [Some(1 << 10), Some(2 << 20), Some(3 << 30)]);
        assert_eq!(["1KB", "2MB", "3GB"].map(size), [Some(1000), Some(2_000_000), Some(3_000_000_000)]);
        for bad in ["", "1kB", "1T", "KiB", "-1", "1 MiB", "18446744073709551615KiB"] {
            assert_eq!(size(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn counts_are_whole_and_within_the_table() {
        assert_eq!(count("auto"), Some(None));
        assert_eq!(count("1"), Some(Some(1)));
        assert_eq!(count("65536"), Some(Some(65536)));
        for bad in ["0", "65537", "1k", ""] {
            assert_eq!(count(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn flags_are_words_or_digits() {
        assert_eq!(flag("1"), Some(true));
        assert_eq!(flag("off"), Some(false));
        assert_eq!(flag("2"), None);
    }
}
