//! The bar of a row: when it ran, on the scale of the budget.

use std::time::Duration;

use super::style::Style;

pub(super) const COLUMNS: usize = 28;

/// A part of a bar, in steps. A column has one step, or two if there are half blocks.
struct Span {
    from: usize,
    to: usize,
    /// Shorter than half a step.
    is_instant: bool,
}

/// Draws the time from `started` on. `scale` is the time of the whole bar.
pub(super) fn draw(started: Duration, took: Duration, scale: Duration, style: Style) -> String {
    if style.has_blocks {
        let span = Span::new(started, took, scale, 2);
        (0..COLUMNS).map(|column| span.block(column)).collect()
    } else {
        let span = Span::new(started, took, scale, 1);
        (0..COLUMNS).map(|column| span.ascii(column)).collect()
    }
}

impl Span {
    fn new(started: Duration, took: Duration, scale: Duration, steps: usize) -> Self {
        let steps = COLUMNS * steps;
        let step = |time: Duration| {
            let step = time.as_nanos().saturating_mul(steps as u128) / scale.as_nanos().max(1);
            usize::try_from(step).unwrap_or(steps).min(steps)
        };
        let from = step(started).min(steps - 1);
        let to = step(started.saturating_add(took)).max(from + 1);
        Self { from, to, is_instant: step(took.saturating_mul(2)) == 0 }
    }

    fn contains(&self, step: usize) -> bool {
        (self.from..self.to).contains(&step)
    }

    fn ascii(&self, column: usize) -> char {
        match (self.contains(column), self.is_instant) {
            (false, _) => ' ',
            (true, true) => '.',
            (true, false) => '=',
        }
    }

    fn block(&self, column: usize) -> char {
        let (left, right) = (self.contains(2 * column), self.contains(2 * column + 1));
        match (left, right, self.is_instant) {
            (false, false, _) => ' ',
            (true, _, true) => '▏',
            (false, true, true) => '▕',
            (true, true, false) => '█',
            (true, false, false) => '▌',
            (false, true, false) => '▐',
        }
    }
}
