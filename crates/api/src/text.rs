//! Text of strangers, made safe to show.

use std::fmt::Write as _;

/// Writes control, bidirectional and other invisible characters as what they are (`⟨U+202E⟩`), and
/// bounds the length: what is shown is what is there, on one line. Showing it twice changes nothing.
#[must_use]
pub fn safe(text: &str) -> String {
    const LONGEST: usize = 1_000;
    let mut out = String::with_capacity(text.len());
    for (count, c) in text.chars().enumerate() {
        if count == LONGEST {
            out.push('…');
            break;
        }
        if is_invisible(c) {
            // Writing to a string cannot fail.
            let _ = write!(out, "⟨U+{:04X}⟩", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a text has characters that [`safe`] does not show as they are.
#[must_use]
pub fn has_hidden(text: &str) -> bool {
    text.chars().any(is_invisible)
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0x00ad | 0x034f | 0x061c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f
            | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x2800 | 0x3164 | 0xfe00..=0xfe0f
            | 0xfeff | 0xffa0 | 0xfff0..=0xfffb | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn what_cannot_be_seen_is_shown_as_what_it_is() {
        assert_eq!(safe("plain – ünïcode ✓"), "plain – ünïcode ✓");
        assert_eq!(safe("a\u{202e}b"), "a⟨U+202E⟩b");
        assert_eq!(safe(&safe("a\u{202e}b")), "a⟨U+202E⟩b");
        assert_eq!(
            safe("line\nbreak\u{1b}[31m"),
            "line⟨U+000A⟩break⟨U+001B⟩[31m"
        );
        assert_eq!(safe(&"x".repeat(2_000)).chars().count(), 1_001);
    }
}
