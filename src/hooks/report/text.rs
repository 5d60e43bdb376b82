//! Text for a terminal: escaped, measured in columns, and wrapped.

use std::ops::RangeInclusive;

/// Escapes control characters, line breaks and characters that reorder text.
pub(crate) fn escape(text: &str) -> String {
    let mut line = String::new();
    for char in text.chars() {
        match char {
            _ if char.is_control() => line.extend(char.escape_default()),
            '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                line.extend(char.escape_unicode());
            }
            _ => line.push(char),
        }
    }
    line
}

/// Returns how many columns a terminal uses for `text`.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// Pads `text` on the right.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{:1$}", "", columns.saturating_sub(width(text)))
}

/// Breaks `text` between words, or inside a word that is longer than a line.
pub(super) fn wrap(text: &str, limit: usize) -> Vec<String> {
    let mut lines = Lines { limit, all: vec![String::new()], width: 0 };
    for (number, word) in text.split(' ').enumerate() {
        if number > 0 {
            lines.push_gap(width(word));
        }
        word.chars().for_each(|char| lines.push(char));
    }
    lines.all
}

struct Lines {
    limit: usize,
    /// Never empty.
    all: Vec<String>,
    /// Of the last line.
    width: usize,
}

impl Lines {
    fn push_gap(&mut self, next_word: usize) {
        if self.width + 1 + next_word > self.limit {
            self.break_line();
        } else {
            self.push(' ');
        }
    }

    fn push(&mut self, char: char) {
        let width = char_width(char);
        // A combining character has no width, so it stays with its base.
        if self.width > 0 && self.width + width > self.limit {
            self.break_line();
        }
        self.width += width;
        if let Some(line) = self.all.last_mut() {
            line.push(char);
        }
    }

    fn break_line(&mut self) {
        self.all.push(String::new());
        self.width = 0;
    }
}

/// The common scripts and symbols of Unicode's `East_Asian_Width` and of its combining marks.
fn char_width(char: char) -> usize {
    let is_in =
        |table: &[RangeInclusive<u32>]| table.iter().any(|range| range.contains(&u32::from(char)));
    match char {
        '\0'..'\u{300}' => 1,
        _ if is_in(ZERO_WIDTH) => 0,
        _ if is_in(WIDE) => 2,
        _ => 1,
    }
}

const ZERO_WIDTH: &[RangeInclusive<u32>] = &[
    0x300..=0x36f, // combining diacritical marks
    0x483..=0x489,
    0x591..=0x5bd, // Hebrew and Arabic vowels
    0x610..=0x61a,
    0x64b..=0x65f,
    0x6d6..=0x6dc,
    0x900..=0x902, // Devanagari
    0x93c..=0x93c,
    0x941..=0x948,
    0x94d..=0x94d,
    0xe31..=0xe31, // Thai
    0xe34..=0xe3a,
    0xe47..=0xe4e,
    0x1ab0..=0x1aff,
    0x1dc0..=0x1dff,
    0x200b..=0x200d, // zero-width space and joiners
    0x2060..=0x2064,
    0x20d0..=0x20f0,
    0x302a..=0x302d,
    0x3099..=0x309a,
    0xfe00..=0xfe0f, // variation selectors
    0xfe20..=0xfe2f,
    0xfeff..=0xfeff,
    0xe0100..=0xe01ef,
];

const WIDE: &[RangeInclusive<u32>] = &[
    0x1100..=0x115f, // Hangul
    0x231a..=0x231b, // emoji among the older symbols
    0x23e9..=0x23ec,
    0x23f0..=0x23f0,
    0x23f3..=0x23f3,
    0x25fd..=0x25fe,
    0x2614..=0x2615,
    0x2648..=0x2653,
    0x267f..=0x267f,
    0x2693..=0x2693,
    0x26a1..=0x26a1,
    0x26aa..=0x26ab,
    0x26bd..=0x26be,
    0x26c4..=0x26c5,
    0x26ce..=0x26ce,
    0x26d4..=0x26d4,
    0x26ea..=0x26ea,
    0x26f2..=0x26f3,
    0x26f5..=0x26f5,
    0x26fa..=0x26fa,
    0x26fd..=0x26fd,
    0x2705..=0x2705,
    0x270a..=0x270b,
    0x2728..=0x2728,
    0x274c..=0x274c,
    0x274e..=0x274e,
    0x2753..=0x2755,
    0x2757..=0x2757,
    0x2795..=0x2797,
    0x27b0..=0x27b0,
    0x27bf..=0x27bf,
    0x2b1b..=0x2b1c,
    0x2b50..=0x2b50,
    0x2b55..=0x2b55,
    0x2e80..=0x303e, // Chinese, Japanese, Korean
    0x3041..=0xa4cf,
    0xa960..=0xa97f,
    0xac00..=0xd7a3,
    0xf900..=0xfaff,
    0xfe30..=0xfe6f,
    0xff00..=0xff60,
    0xffe0..=0xffe6,
    0x16fe0..=0x18cff,
    0x1b000..=0x1b2fb,
    0x1f004..=0x1f004, // emoji
    0x1f0cf..=0x1f0cf,
    0x1f18e..=0x1f18e,
    0x1f191..=0x1f19a,
    0x1f200..=0x1f320,
    0x1f32d..=0x1f335,
    0x1f337..=0x1f37c,
    0x1f37e..=0x1f393,
    0x1f3a0..=0x1f3ca,
    0x1f3cf..=0x1f3d3,
    0x1f3e0..=0x1f3f0,
    0x1f3f4..=0x1f3f4,
    0x1f3f8..=0x1f43e,
    0x1f440..=0x1f440,
    0x1f442..=0x1f4fc,
    0x1f4ff..=0x1f53d,
    0x1f54b..=0x1f567,
    0x1f57a..=0x1f57a,
    0x1f595..=0x1f596,
    0x1f5a4..=0x1f5a4,
    0x1f5fb..=0x1f64f,
    0x1f680..=0x1f6c5,
    0x1f6cc..=0x1f6cc,
    0x1f6d0..=0x1f6df,
    0x1f6eb..=0x1f6ef,
    0x1f6f4..=0x1f6ff,
    0x1f7e0..=0x1f7ff,
    0x1f90c..=0x1f93a,
    0x1f93c..=0x1f945,
    0x1f947..=0x1f9ff,
    0x1fa70..=0x1faff,
    0x20000..=0x3fffd, // rare Chinese
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_wraps_at_columns() {
        assert_eq!(wrap("", 3), [""]);
        assert_eq!(wrap("ab cd", 5), ["ab cd"]);
        assert_eq!(wrap("ab cd", 4), ["ab", "cd"]);
        assert_eq!(wrap("日本語", 5), ["日本", "語"]);
        assert_eq!(wrap("abe\u{301}d", 3), ["abe\u{301}", "d"]);
        assert_eq!(wrap("語", 1), ["語"]);
    }
}
