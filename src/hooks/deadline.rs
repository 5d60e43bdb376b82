//! How long a hook may run.

use std::time::{Duration, Instant};

use super::budget::StageBudget;
use super::hook::TimeLimit;

/// The end of a hook's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deadline {
    pub(super) at: Option<Instant>,
    /// False if the stage ends before the hook's own limit, or if it has none.
    pub(super) is_own: bool,
}

impl StageBudget {
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

/// How long a thread may take after a hook's deadline to drop the hook. After that, the hook
/// blocks the thread.
pub(super) fn patience(budget: Duration) -> Duration {
    (budget / 20).clamp(Duration::from_millis(5), Duration::from_millis(50))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// With nine seconds for all: the deadline of a limit, and one after some seconds.
    fn first_of_three_stages() -> (impl Fn(TimeLimit) -> Deadline, impl Fn(u32, bool) -> Deadline) {
        let now = Instant::now();
        let budget = StageBudget::new(Some(now + SECOND * 9), now, [None, None].into_iter());
        let after = move |seconds, is_own| Deadline { at: Some(now + SECOND * seconds), is_own };
        (move |limit| budget.deadline_of(limit, now), after)
    }

    #[test]
    fn a_limit_of_its_own_never_exceeds_the_stage() {
        let (deadline, after) = first_of_three_stages();
        assert_eq!(deadline(TimeLimit::Stage), after(3, false));
        assert_eq!(deadline(TimeLimit::Within(SECOND * 2)), after(2, true));
        assert_eq!(deadline(TimeLimit::Within(SECOND * 4)), after(3, false));
        assert_eq!(deadline(TimeLimit::Within(Duration::MAX)), after(3, false));
    }

    #[test]
    fn a_delay_may_exceed_its_share_but_never_takes_everything() {
        let (deadline, after) = first_of_three_stages();
        assert_eq!(deadline(TimeLimit::Exactly(SECOND * 5)), after(5, true));
        assert_eq!(deadline(TimeLimit::Exactly(SECOND * 9)), after(3, false));
        assert_eq!(deadline(TimeLimit::Exactly(Duration::MAX)), after(3, false));
        let now = Instant::now();
        let unlimited = StageBudget::new(None, now, [None].into_iter());
        let in_a_second = Deadline { at: Some(now + SECOND), is_own: true };
        assert_eq!(unlimited.deadline_of(TimeLimit::Exactly(SECOND), now), in_a_second);
    }
}
