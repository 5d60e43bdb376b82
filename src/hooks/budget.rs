//! Who may take how long.

use std::time::{Duration, Instant};

use super::hook::Time;

/// The time that a stage may take, and what there is in all.
#[derive(Clone, Copy)]
pub(super) struct Share {
    /// When the stage is over; `None` is never.
    pub(super) limit: Option<Instant>,
    /// When everything is.
    deadline: Option<Instant>,
}

impl Share {
    /// The fair share of the next stage: time left / stages left.
    pub(super) fn of(deadline: Option<Instant>, now: Instant, stages_left: usize) -> Self {
        let stages = u32::try_from(stages_left).unwrap_or(u32::MAX).max(1);
        let limit = deadline.map(|deadline| {
            now + deadline.saturating_duration_since(now) / stages // not beyond the deadline
        });
        Self { limit, deadline }
    }

    /// When a hook that begins now is given up; and whether that is what it asked for.
    pub(super) fn limit_of(&self, time: Time, now: Instant) -> Limit {
        let own = match time {
            Time::Share => None,
            Time::Within(own) | Time::Exactly(own) => now.checked_add(own),
        };
        let most = match time {
            Time::Exactly(_) => self.pause_limit(own),
            _ => self.limit,
        };
        match (own, most) {
            (Some(own), Some(most)) if own > most => Limit { at: Some(most), is_own: false },
            (Some(_), _) => Limit { at: own, is_own: true },
            (None, _) => Limit { at: most, is_own: false },
        }
    }

    /// A pause takes from the stages after it, but never all.
    fn pause_limit(&self, own: Option<Instant>) -> Option<Instant> {
        match (own, self.deadline) {
            (Some(own), Some(deadline)) if own < deadline => self.deadline,
            _ => self.limit,
        }
    }
}

/// The end of a hook's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) at: Option<Instant>,
    /// False where the stage or the budget is shorter than the hook's own limit.
    pub(super) is_own: bool,
}

/// The end of a budget that begins now; `None` where no clock can reach it.
pub(super) fn deadline(start: Instant, budget: Duration) -> Option<Instant> {
    start.checked_add(budget)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_stage_takes_its_share_and_leaves_the_rest() {
        let now = Instant::now();
        let deadline = deadline(now, SECOND * 9);
        assert_eq!(Share::of(deadline, now, 3).limit, Some(now + SECOND * 3));
        // The first one took a second only: 8 s for two.
        assert_eq!(Share::of(deadline, now + SECOND, 2).limit, Some(now + SECOND * 5));
        assert_eq!(Share::of(deadline, now + SECOND * 5, 1).limit, Some(now + SECOND * 9));
        // Late: nothing is left, and nothing overflows.
        let late = now + SECOND * 20;
        assert_eq!(Share::of(deadline, late, 0).limit, Some(late));
        assert_eq!(Share::of(None, now, usize::MAX).limit, None);
    }

    #[test]
    fn an_own_limit_is_an_upper_limit() {
        let now = Instant::now();
        let share = Share::of(deadline(now, SECOND * 9), now, 3);
        let limit = |time| share.limit_of(time, now);
        let after = |seconds: u32, is_own| Limit { at: Some(now + SECOND * seconds), is_own };
        assert_eq!(limit(Time::Share), after(3, false));
        assert_eq!(limit(Time::Within(SECOND * 2)), after(2, true));
        assert_eq!(limit(Time::Within(SECOND * 4)), after(3, false));
        assert_eq!(limit(Time::Within(Duration::MAX)), after(3, false));
    }

    #[test]
    fn a_pause_may_take_more_than_a_share_but_never_all() {
        let now = Instant::now();
        let share = Share::of(deadline(now, SECOND * 9), now, 3);
        let limit = |time| share.limit_of(time, now);
        let after = |seconds: u32, is_own| Limit { at: Some(now + SECOND * seconds), is_own };
        assert_eq!(limit(Time::Exactly(SECOND * 5)), after(5, true));
        assert_eq!(limit(Time::Exactly(SECOND * 9)), after(3, false));
        assert_eq!(limit(Time::Exactly(Duration::MAX)), after(3, false));
        let endless = Share::of(None, now, 3).limit_of(Time::Exactly(SECOND), now);
        assert_eq!(endless, after(1, true));
    }
}
