//! Text for a terminal: escaped, measured in columns, and wrapped.

use std::mem;

use unicode_width::UnicodeWidthChar;

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
///
/// Most terminals add up the widths of the characters, even of those that one emoji consists of.
pub(crate) fn width(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}

/// Pads `text` on the right.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{:1$}", "", columns.saturating_sub(width(text)))
}

/// Breaks `text` between words, or inside a word that is longer than a line.
pub(super) fn wrap(text: &str, limit: usize) -> Vec<String> {
    let (mut lines, mut line, mut columns) = (Vec::new(), String::new(), 0);
    for (number, word) in text.split(' ').enumerate() {
        let is_full = number > 0 && columns + 1 + width(word) > limit;
        let gap = (number > 0 && !is_full).then_some(' ');
        if is_full {
            lines.push(mem::take(&mut line));
            columns = 0;
        }
        for char in gap.into_iter().chain(word.chars()) {
            let width = char.width().unwrap_or(0);
            // A combining character has no width, so it stays with its base.
            if columns > 0 && columns + width > limit {
                lines.push(mem::take(&mut line));
                columns = 0;
            }
            line.push(char);
            columns += width;
        }
    }
    lines.push(line);
    lines
}

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
