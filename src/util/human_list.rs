//! Lists for people, on one line.

use std::fmt;

/// As many items are shown. The others are counted.
const MAX_SHOWN: usize = 5;

/// Displays `a, b, c`, and of a long list only the beginning: `a, b, c, d, e and 12 more`.
pub(crate) struct HumanList<'a, T>(pub(crate) &'a [T]);

impl<T: fmt::Display> fmt::Display for HumanList<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, item) in self.0.iter().take(MAX_SHOWN).enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            write!(f, "{separator}{item}")?;
        }
        match self.0.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            others => write!(f, " and {others} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut() {
        let shown = |items: std::ops::Range<u8>| HumanList(&items.collect::<Vec<_>>()).to_string();
        assert_eq!(shown(0..0), "");
        assert_eq!((shown(0..1), shown(0..3)), ("0".into(), "0, 1, 2".into()));
        assert_eq!(shown(0..5), "0, 1, 2, 3, 4");
        assert_eq!(shown(0..7), "0, 1, 2, 3, 4 and 2 more");
    }
}
