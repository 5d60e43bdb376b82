//! How much of the budget each stage may use.

use std::time::{Duration, Instant};

/// The time of one stage, and of all of them.
#[derive(Clone, Copy)]
pub(super) struct StageBudget {
    /// When the stage is over; `None` is never.
    pub(super) end: Option<Instant>,
    /// When everything is over.
    pub(super) deadline: Option<Instant>,
}

impl StageBudget {
    /// A stage gets the time left, without what the `later` stages claim: each its fair share
    /// (time left / stages left), but no more than it can need, if that is known.
    pub(super) fn new(
        deadline: Option<Instant>,
        now: Instant,
        later: impl ExactSizeIterator<Item = Option<Duration>>,
    ) -> Self {
        let end = deadline.map(|deadline| {
            let left = deadline.saturating_duration_since(now);
            let stages_left = u32::try_from(later.len() + 1).unwrap_or(u32::MAX);
            let fair = left / stages_left;
            let claims = later.map(|longest| longest.map_or(fair, |longest| longest.min(fair)));
            now + left.saturating_sub(claims.sum()) // not beyond the deadline
        });
        Self { end, deadline }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn end(seconds: u32, later: &[Option<Duration>]) -> u32 {
        let now = Instant::now();
        let budget = StageBudget::new(Some(now + SECOND * seconds), now, later.iter().copied());
        let end = budget.end.unwrap().saturating_duration_since(now);
        u32::try_from(end.as_millis()).unwrap()
    }

    #[test]
    fn a_stage_leaves_each_later_stage_its_fair_share() {
        assert_eq!(end(9, &[None, None]), 3_000);
        assert_eq!(end(8, &[None]), 4_000);
        assert_eq!(end(4, &[]), 4_000);
    }

    #[test]
    fn a_later_stage_claims_no_more_than_its_limits() {
        let short = Some(SECOND / 10);
        assert_eq!(end(10, &[short, short, short]), 9_700);
        assert_eq!(end(9, &[short, None]), 5_900);
        let long = Some(SECOND * 60);
        assert_eq!(end(9, &[long, long]), 3_000);
        assert_eq!(end(9, &[Some(Duration::MAX), Some(Duration::ZERO)]), 6_000);
    }

    #[test]
    fn a_late_stage_has_no_time_and_nothing_overflows() {
        let now = Instant::now();
        let late = now + SECOND * 20;
        let budget = StageBudget::new(Some(now + SECOND * 9), late, [].into_iter());
        assert_eq!(budget.end, Some(late));
        let unlimited = StageBudget::new(None, now, [None, Some(SECOND)].into_iter());
        assert_eq!(unlimited.end, None);
    }
}
