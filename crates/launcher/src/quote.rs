//! Quoting for `sh(1)`, where it is needed.
//!
//! A word that needs no quotes gets none: in `env $(softclose --print-env) CMD` the shell splits
//! the output at blanks, and does not remove quotes from it.

/// Whether a byte has no special meaning to a shell, in a systemd unit file, and to `env(1)`.
fn plain(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-+=./:,@%^".contains(byte)
}

/// `value` as one word of a shell assignment. The empty value gets no quotes: `NAME=` is enough.
pub fn quote(value: &[u8]) -> Vec<u8> {
    if value.iter().all(plain) {
        return value.to_vec();
    }
    let mut quoted = vec![b'\''];
    for &byte in value {
        match byte {
            b'\'' => quoted.extend_from_slice(br"'\''"),
            _ => quoted.push(byte),
        }
    }
    quoted.push(b'\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn plain_words_are_left_alone() {
        assert_eq!(quote(b"/usr/lib/libsoftclose.so:/a-b_c.so"), b"/usr/lib/libsoftclose.so:/a-b_c.so");
        assert_eq!(quote(b""), b"");
    }

    #[test]
    fn whatever_a_shell_would_read_is_quoted() {
        assert_eq!(quote(b"/a b"), b"'/a b'");
        assert_eq!(quote(b"it's"), br"'it'\''s'");
        for special in ["$x", "`x`", "a;b", "a\nb", "*", "~", "a\"b", "a\\b", "#", "(", "!"] {
            assert_eq!(quote(special.as_bytes()), format!("'{special}'").as_bytes());
        }
    }
}
