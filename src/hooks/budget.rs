//! How much of the budget each stage and each hook may use.

use std::time::{Duration, Instant};

use super::hook::TimeLimit;

/// The time of one stage, and of all of them.
#[derive(Clone, Copy)]
pub(super) struct StageBudget {
    /// When the stage is over; `None` is never.
    pub(super) end: Option<Instant>,
    /// When everything is over.
    deadline: Option<Instant>,
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

    /// Returns the deadline of a hook that starts now.
    pub(super) fn deadline_of(&self, limit: TimeLimit, now: Instant) -> Deadline {
        let own = limit.longest().and_then(|limit| now.checked_add(limit));
        let most = match limit {
            TimeLimit::Exactly(_) => self.end_of_delay(own),
            _ => self.end,
        };
        match (own, most) {
            (Some(own), Some(most)) if own > most => Deadline { at: Some(most), is_own: false },
            (Some(_), _) => Deadline { at: own, is_own: true },
            (None, _) => Deadline { at: most, is_own: false },
        }
    }

    /// A delay may use what later stages claim, but not all of it.
    fn end_of_delay(&self, own: Option<Instant>) -> Option<Instant> {
        match (own, self.deadline) {
            (Some(own), Some(deadline)) if own < deadline => self.deadline,
            _ => self.end,
        }
    }
}

/// The end of a hook's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deadline {
    pub(super) at: Option<Instant>,
    /// False if the stage ends before the hook's own limit, or if it has none.
    pub(super) is_own: bool,
}

/// How long a thread may take after a hook's deadline to drop the hook. After that, the hook
/// blocks the thread.
pub(super) fn patience(budget: Duration) -> Duration {
    (budget / 20).clamp(Duration::from_millis(5), Duration::from_millis(50))
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

    #[test]
    fn a_limit_of_its_own_never_exceeds_the_stage() {
        let now = Instant::now();
        let budget = StageBudget::new(Some(now + SECOND * 9), now, [None, None].into_iter());
        let deadline = |limit| budget.deadline_of(limit, now);
        let after = |seconds: u32, is_own| Deadline { at: Some(now + SECOND * seconds), is_own };
        assert_eq!(deadline(TimeLimit::Stage), after(3, false));
        assert_eq!(deadline(TimeLimit::Within(SECOND * 2)), after(2, true));
        assert_eq!(deadline(TimeLimit::Within(SECOND * 4)), after(3, false));
        assert_eq!(deadline(TimeLimit::Within(Duration::MAX)), after(3, false));
    }

    #[test]
    fn a_delay_may_exceed_its_share_but_never_takes_everything() {
        let now = Instant::now();
        let budget = StageBudget::new(Some(now + SECOND * 9), now, [None, None].into_iter());
        let deadline = |limit| budget.deadline_of(limit, now);
        let after = |seconds: u32, is_own| Deadline { at: Some(now + SECOND * seconds), is_own };
        assert_eq!(deadline(TimeLimit::Exactly(SECOND * 5)), after(5, true));
        assert_eq!(deadline(TimeLimit::Exactly(SECOND * 9)), after(3, false));
        assert_eq!(deadline(TimeLimit::Exactly(Duration::MAX)), after(3, false));
        let unlimited = StageBudget::new(None, now, [None].into_iter());
        assert_eq!(unlimited.deadline_of(TimeLimit::Exactly(SECOND), now), after(1, true));
    }
}
