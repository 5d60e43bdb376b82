//! Runs the hooks: stage after stage, the hooks of a stage side by side in one future.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{self, Poll, Wake, Waker};
use std::time::Instant;

use super::budget::{Limit, Share};
use super::clock::Clock;
use super::context::{self, Context, Waits};
use super::hook::{Kind, Running, caught};
use super::plan::{Plan, Taken};
use super::report::Outcome;
use crate::sync::{Mutex, lock};

// Invariants
//
// S1  A slot holds its hook's future until the hook has ended, and that is dropped then: before
//     the next stage begins what the hook owned is free.
// S2  A hook that was woken is in `woken` once. It gets there before the executor is told, and the
//     executor's waker is put in place before `woken` is emptied.
// S3  Foreign code (hooks, their futures, the drops of those) runs under `caught`. No waker is
//     cloned, woken or dropped under a lock.

/// Runs what is planned, for as long as it is this one's turn.
pub(super) async fn run(plan: Arc<Plan>, turn: usize) {
    let mut clock = Clock::default();
    if turn == 0 {
        plan.begin();
    }
    while let Some(share) = plan.next_stage(turn) {
        let mut stage = Stage::new(&plan, turn, share);
        poll_fn(|cx| stage.poll(cx, &mut clock)).await;
    }
}

struct Stage<'a> {
    plan: &'a Plan,
    turn: usize,
    share: Share,
    has_begun: bool,
    slots: Vec<Option<Slot>>,
    /// How many slots still hold a hook.
    open: usize,
    limits: BinaryHeap<Reverse<(Instant, usize)>>,
    bench: Arc<Bench>,
}

/// A hook that runs (S1).
struct Slot {
    number: usize,
    future: Running,
    bell: Arc<Bell>,
    waits: Arc<Waits>,
    kind: Kind,
    limit: Limit,
}

impl<'a> Stage<'a> {
    fn new(plan: &'a Plan, turn: usize, share: Share) -> Self {
        let (slots, limits) = (Vec::new(), BinaryHeap::new());
        let bench = Arc::default();
        Self { plan, turn, share, has_begun: false, slots, open: 0, limits, bench }
    }

    fn poll(&mut self, cx: &mut task::Context<'_>, clock: &mut Clock) -> Poll<()> {
        self.bench.sit(cx.waker()); // S2: first
        if !mem::replace(&mut self.has_begun, true) {
            self.begin_all();
        }
        for index in self.bench.woken() {
            self.poll_hook(index);
        }
        self.give_up(Instant::now());
        if self.open == 0 {
            return Poll::Ready(());
        }
        if let Some(&Reverse((limit, _))) = self.limits.peek() {
            clock.wake_at(limit, cx.waker());
        }
        Poll::Pending
    }

    /// Every hook is begun and polled once, also when no time is left.
    fn begin_all(&mut self) {
        loop {
            let waits = Arc::default();
            let Some(taken) = self.plan.take(self.turn, &waits) else { return };
            self.begin(taken, waits);
        }
    }

    fn begin(&mut self, Taken { number, hook }: Taken, waits: Arc<Waits>) {
        let index = self.slots.len();
        let limit = self.share.limit_of(hook.time, Instant::now());
        let reason = self.plan.reason.clone();
        let context = Context { reason, deadline: limit.at, waits: Arc::clone(&waits) };
        let _span = self.plan.telling.enter();
        let future = match context::in_hook(&waits, || caught(|| (hook.begin)(context))) {
            Ok(future) => future,
            Err(panic) => return self.plan.ended(number, panic),
        };
        let bench = Arc::clone(&self.bench);
        let bell = Arc::new(Bell { index, has_rung: AtomicBool::new(false), bench });
        self.slots.push(Some(Slot { number, future, bell, waits, kind: hook.kind, limit }));
        self.open += 1;
        self.limits.extend(limit.at.map(|at| Reverse((at, index))));
        self.poll_hook(index);
    }

    fn poll_hook(&mut self, index: usize) {
        let Some(Some(slot)) = self.slots.get_mut(index) else { return };
        let _span = self.plan.telling.enter();
        let waker = slot.bell.answer();
        let mut cx = task::Context::from_waker(&waker);
        let future = slot.future.as_mut();
        match context::in_hook(&slot.waits, || caught(|| future.poll(&mut cx))) {
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(outcome)) | Err(outcome) => self.end(index, outcome),
        }
    }

    /// Gives up whose limit is over.
    fn give_up(&mut self, now: Instant) {
        while let Some(&Reverse((limit, index))) = self.limits.peek() {
            if limit > now && self.slots.get(index).is_some_and(Option::is_some) {
                return;
            }
            self.limits.pop();
            if let Some(Some(slot)) = self.slots.get(index) {
                let outcome = slot.at_limit();
                self.end(index, outcome);
            }
        }
    }

    fn end(&mut self, index: usize, outcome: Outcome) {
        let Some(slot) = self.slots.get_mut(index).and_then(Option::take) else { return };
        self.open -= 1;
        let Slot { number, future, waits, .. } = slot;
        let _span = self.plan.telling.enter();
        let dropped = context::in_hook(&waits, || caught(|| drop(future))); // S1, S3
        self.plan.ended(number, dropped.map_or_else(|panic| panic, |()| outcome));
    }
}

impl Slot {
    fn at_limit(&self) -> Outcome {
        match self.kind {
            Kind::Pause if self.limit.is_own => Outcome::Done,
            Kind::Pause | Kind::Future => Outcome::TimedOut,
            Kind::Thread => Outcome::Abandoned,
        }
    }
}

/// Where hooks that were woken wait to be polled.
#[derive(Default)]
struct Bench {
    woken: Mutex<Vec<usize>>,
    executor: Mutex<Option<Waker>>,
}

impl Bench {
    fn sit(&self, waker: &Waker) {
        let is_here = lock(&self.executor).as_ref().is_some_and(|known| known.will_wake(waker));
        if !is_here {
            let waker = waker.clone();
            let old = lock(&self.executor).replace(waker);
            drop(old); // S3
        }
    }

    fn woken(&self) -> Vec<usize> {
        mem::take(&mut *lock(&self.woken))
    }
}

/// The waker of one hook.
struct Bell {
    index: usize,
    /// Whether `index` is among the woken (S2).
    has_rung: AtomicBool,
    bench: Arc<Bench>,
}

impl Bell {
    /// From here on it may ring again.
    fn answer(self: &Arc<Self>) -> Waker {
        // Acquire: whoever found it rung, and left it so, has its writes seen by the poll.
        self.has_rung.swap(false, Ordering::AcqRel);
        Waker::from(Arc::clone(self))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release: pairs with `answer`.
        if !self.has_rung.swap(true, Ordering::AcqRel) {
            lock(&self.bench.woken).push(self.index); // S2
            let executor = lock(&self.bench.executor).take();
            executor.into_iter().for_each(Waker::wake); // S3
        }
    }
}
