//! Text for standard error: its style, and how it is escaped, measured in columns, and wrapped.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::{env, mem};

use unicode_width::UnicodeWidthChar;

/// Plain for files and pipes, with colors and block characters on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) has_colors: bool,
    pub(crate) has_blocks: bool,
}

/// ANSI attributes, which every terminal shows in the colors of its own theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Color {
    Red = 31,
    Green = 32,
    Yellow = 33,
    Dim = 2,
}

impl Style {
    pub(crate) const PLAIN: Self = Self { has_colors: false, has_blocks: false };

    /// Returns the style for standard error.
    pub(crate) fn of_stderr() -> Self {
        Self::of_terminal_on_stderr().unwrap_or(Self::PLAIN)
    }

    /// Returns `None` if standard error is not a terminal, or one without escape sequences.
    pub(crate) fn of_terminal_on_stderr() -> Option<Self> {
        let is_terminal = io::stderr().is_terminal();
        if is_terminal { Self::of_terminal(|name| env::var_os(name)) } else { None }
    }

    /// Returns the style for a terminal with these environment variables.
    ///
    /// `NO_COLOR` has its meaning from <https://no-color.org>.
    fn of_terminal(var: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let var = |name| var(name).filter(|value| !value.is_empty());
        if var("TERM").is_none_or(|term| term == "dumb") {
            return None;
        }
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(var);
        Some(Self {
            has_colors: var("NO_COLOR").is_none(),
            has_blocks: locale.is_some_and(|locale| is_utf8(&locale)),
        })
    }

    pub(crate) fn paint(self, color: Color, text: &str) -> String {
        if self.has_colors {
            format!("\x1b[{}m{text}\x1b[0m", color as u8)
        } else {
            text.to_owned()
        }
    }

    /// Returns the vertical line on both sides of a bar.
    pub(crate) fn edge(self) -> String {
        self.paint(Color::Dim, if self.has_blocks { "│" } else { "|" })
    }
}

fn is_utf8(locale: &OsStr) -> bool {
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

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
pub(crate) fn wrap(text: &str, limit: usize) -> Vec<String> {
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
