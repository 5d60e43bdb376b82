//! How a timeline looks: plain for files and pipes, with colors and block characters on a terminal.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) has_colors: bool,
    pub(super) has_blocks: bool,
}

/// ANSI attributes, which every terminal shows in the colors of its own theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Color {
    Red = 31,
    Green = 32,
    Yellow = 33,
    Dim = 2,
}

impl Style {
    pub(super) const PLAIN: Self = Self { has_colors: false, has_blocks: false };

    /// Returns the style for standard error.
    pub(super) fn of_stderr() -> Self {
        if io::stderr().is_terminal() {
            Self::of_terminal(|name| env::var_os(name))
        } else {
            Self::PLAIN
        }
    }

    /// Returns the style for a terminal with these environment variables.
    ///
    /// `NO_COLOR` has its meaning from <https://no-color.org>.
    pub(super) fn of_terminal(var: impl Fn(&str) -> Option<OsString>) -> Self {
        let var = |name| var(name).filter(|value| !value.is_empty());
        if var("TERM").is_none_or(|term| term == "dumb") {
            return Self::PLAIN;
        }
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(var);
        Self {
            has_colors: var("NO_COLOR").is_none(),
            has_blocks: locale.is_some_and(|locale| is_utf8(&locale)),
        }
    }

    pub(super) fn paint(self, color: Color, text: &str) -> String {
        if self.has_colors {
            format!("\x1b[{}m{text}\x1b[0m", color as u8)
        } else {
            text.to_owned()
        }
    }

    /// Returns the vertical line on both sides of a bar.
    pub(super) fn edge(self) -> String {
        self.paint(Color::Dim, if self.has_blocks { "│" } else { "|" })
    }
}

fn is_utf8(locale: &OsStr) -> bool {
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(vars: &[(&str, &str)]) -> (bool, bool) {
        let var = |name: &str| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        };
        let style = Style::of_terminal(var);
        (style.has_colors, style.has_blocks)
    }

    #[test]
    fn a_terminal_has_colors_and_blocks() {
        const TERM: (&str, &str) = ("TERM", "xterm-256color");
        const UTF8: (&str, &str) = ("LANG", "en_US.UTF-8");
        assert_eq!(style(&[TERM, UTF8]), (true, true));
        assert_eq!(style(&[TERM, ("LC_CTYPE", "C.utf8")]), (true, true));
        assert_eq!(style(&[TERM]), (true, false));
        assert_eq!(style(&[TERM, UTF8, ("LC_ALL", "C")]), (true, false));
        assert_eq!(style(&[TERM, UTF8, ("LC_CTYPE", "de_DE.ISO-8859-1")]), (true, false));
        assert_eq!(style(&[TERM, UTF8, ("LC_ALL", "")]), (true, true));
        assert_eq!(style(&[TERM, UTF8, ("NO_COLOR", "1")]), (false, true));
        assert_eq!(style(&[TERM, UTF8, ("NO_COLOR", "")]), (true, true));
        assert_eq!(style(&[("TERM", "dumb"), UTF8]), (false, false));
        assert_eq!(style(&[UTF8]), (false, false));
    }
}
