//! Lists for people, on one line.

use std::fmt;

/// Displays `a, b, c`. Counts the items after the first few: `a, b, c, d, e and 12 more`.
pub(crate) struct HumanList<'a, T> {
    items: &'a [T],
    max: usize,
}

impl<'a, T> HumanList<'a, T> {
    /// Shows five items.
    pub(crate) fn new(items: &'a [T]) -> Self {
        Self { items, max: 5 }
    }

    pub(crate) fn max(self, max: usize) -> Self {
        Self { max, ..self }
    }
}

impl<T: fmt::Display> fmt::Display for HumanList<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, item) in self.items.iter().take(self.max).enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            write!(f, "{separator}{item}")?;
        }
        match self.items.len().saturating_sub(self.max) {
            0 => Ok(()),
            others => write!(f, " and {others} more"),
        }
    }
}
