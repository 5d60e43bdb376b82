//! The rules for hooks, the same on every executor.

#[path = "common/bounded.rs"]
mod bounded;

use std::error::Error;
use std::future::{Future, pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::time::{Duration, Instant};
use std::{fmt, panic, thread};

use async_io::Timer;
use bounded::bounded;
use futures_lite::future::{block_on, poll_once};
use signoff::hooks::{Event, HookContext, Outcome};
use signoff::{Hooks, Report, ShutdownSignal};

const MS: Duration = Duration::from_millis(1);
/// Nothing here takes nearly as long, on any machine.
const LONG: Duration = Duration::from_secs(30);

/// Runs each of these rules on a thread without a runtime, and on a runtime with several threads.
/// What the engine needs of an executor is the same everywhere; `other_executors` has one rule each.
macro_rules! rules {
    ($($rule:ident)*) => {
        rules! { on_a_thread: ::futures_lite::future::block_on, $($rule)* }
        rules! { on_a_runtime: |rule| super::on_tokio(::tokio::runtime::Builder::new_multi_thread(), rule), $($rule)* }
    };
    ($executor:ident: $run:expr, $($rule:ident)*) => {
        mod $executor { $(#[test] fn $rule() {
            super::bounded(|| ($run)(super::$rule()));
        })* }
    };
}

rules! {
    stages_run_one_after_the_other
    hooks_of_a_stage_run_side_by_side
    a_hook_may_borrow_what_it_owns
    a_hanging_stage_leaves_every_later_one_its_share
    what_a_stage_does_not_use_goes_to_later_ones
    an_own_limit_holds
    a_limit_longer_than_the_share_is_cut
    every_kind_of_failure_leaves_the_others_alone
    a_panic_in_a_drop_is_reported
    a_hook_at_its_limit_is_dropped_before_the_next_stage
    a_blocking_hook_is_left_behind
    the_context_tells_reason_and_time
    nothing_to_do
    without_time_every_hook_still_begins
    budgets_that_no_clock_reaches
    many_hooks
    a_hook_is_polled_only_when_it_was_woken
    serving_goes_on_for_a_time
    serving_never_takes_all_the_time
    a_hook_that_wakes_itself_starves_no_deadline
    a_share_counts_from_the_start_of_the_stage
    later_stages_claim_no_more_than_their_limits
    the_budget_counts_from_the_request
    a_limit_is_for_the_hook_just_added
    a_result_of_a_result_keeps_the_inner_error
    a_boxed_error_of_any_kind_is_shown_with_its_cause
    a_payload_may_panic_when_it_is_dropped
    as_many_blocking_hooks_as_there_are
}

#[test]
fn other_executors() {
    fn rule() -> impl Future<Output = ()> + Send + 'static {
        every_kind_of_failure_leaves_the_others_alone()
    }
    bounded(|| smol::block_on(smol::spawn(rule())));
    bounded(|| async_std::task::block_on(async_std::task::spawn(rule())));
    bounded(|| on_tokio(tokio::runtime::Builder::new_current_thread(), rule()));
}

fn on_tokio(mut builder: tokio::runtime::Builder, rule: impl Future<Output = ()> + Send + 'static) {
    let runtime = builder.enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::spawn(rule).await.expect("the rule holds") });
}

type Log = Arc<Mutex<Vec<String>>>;

fn note(log: &Log, line: &str) {
    log.lock().unwrap().push(line.to_owned());
}

fn labels(report: &Report) -> Vec<String> {
    report.hooks().iter().map(|hook| format!("{}: {}", hook.name(), hook.outcome())).collect()
}

async fn stages_run_one_after_the_other() {
    let log = Log::default();
    let (a, b, c) = (Arc::clone(&log), Arc::clone(&log), Arc::clone(&log));
    let hooks = Hooks::new()
        .hook("slow", async move || {
            sleep(50 * MS).await;
            note(&a, "slow");
        })
        .then()
        .blocking("thread", move || {
            thread::sleep(20 * MS);
            note(&b, "thread");
        })
        .then()
        .then()
        .hook("last", async move || note(&c, "last"));
    let report = hooks.run().await;
    assert_eq!(*log.lock().unwrap(), ["slow", "thread", "last"]);
    assert!(report.is_clean());
    let stages: Vec<_> = report.hooks().iter().map(|hook| (hook.name(), hook.stage())).collect();
    assert_eq!(stages, [("slow", 1), ("thread", 2), ("last", 3)]);
    let [slow, thread, last] = report.hooks() else { panic!("{report:?}") };
    assert!(slow.took() >= 50 * MS);
    assert!(thread.started() >= slow.started() + slow.took());
    assert!(last.started() >= thread.started() + thread.took());
    assert!(report.took() >= last.started() + last.took());
    assert_eq!(report.reason(), None);
}

async fn hooks_of_a_stage_run_side_by_side() {
    let run = || {
        Hooks::new()
            .budget(1000 * MS)
            .hook("one", async || sleep(800 * MS).await)
            .hook("two", async || sleep(800 * MS).await)
            .blocking("three", || thread::sleep(800 * MS))
            .run()
    };
    // A busy machine may be late, but not every time; one after the other they never fit.
    for attempt in 1.. {
        let report = run().await;
        if report.is_clean() {
            return;
        }
        assert!(attempt < 5, "{report}");
    }
}

async fn a_hook_may_borrow_what_it_owns() {
    struct Cache(String);
    impl Cache {
        async fn flush(&self) -> Result<(), io::Error> {
            sleep(MS).await;
            Err(io::Error::other(self.0.as_str()))
        }
    }
    let cache = Cache("full".into());
    let report = Hooks::new().hook("cache", async move || cache.flush().await).run().await;
    assert_eq!(labels(&report), ["cache: failed: full"]);
}

/// A hook that hangs. Its deadline leaves it `share` from its start, and not less than that from
/// `earliest`, when its stage may begin.
fn hangs_for(
    share: Duration,
    earliest: Instant,
) -> impl FnOnce(HookContext) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send {
    move |context| {
        Box::pin(async move {
            let deadline = context.deadline().expect("there is a budget");
            assert!(deadline <= Instant::now() + share, "it has more than its share");
            assert!(deadline >= earliest + share, "it has less than its share");
            pending::<()>().await;
        })
    }
}

async fn a_hanging_stage_leaves_every_later_one_its_share() {
    let start = Instant::now();
    let report = Hooks::new()
        .budget(900 * MS)
        .hook_with("hangs", hangs_for(300 * MS, start))
        .then()
        .hook_with("hangs too", hangs_for(300 * MS, start + 300 * MS))
        .then()
        .hook_with("last", async move |context| {
            assert!(context.deadline().unwrap() >= start + 900 * MS);
        })
        .run()
        .await;
    assert_eq!(labels(&report), ["hangs: timed out", "hangs too: timed out", "last: done"]);
    assert!(report.took() >= 600 * MS && report.took() < LONG / 2, "{report}");
}

async fn what_a_stage_does_not_use_goes_to_later_ones() {
    let report = Hooks::new()
        .budget(3000 * MS)
        .hook("quick", async || {})
        .then()
        .hook("slow", async || sleep(1100 * MS).await)
        .then()
        .hook("last", async || {})
        .run()
        .await;
    assert!(report.is_clean(), "more than a third of the time: {report}");
}

async fn an_own_limit_holds() {
    let report = Hooks::new()
        .budget(LONG)
        .hook("short", pending::<()>)
        .within(30 * MS)
        .blocking("short too", || thread::sleep(LONG))
        .within(30 * MS)
        .hook("long", async || sleep(100 * MS).await)
        .run()
        .await;
    assert_eq!(labels(&report), ["short: timed out", "short too: abandoned", "long: done"]);
    let took = report.hooks()[0].took();
    assert!(took >= 30 * MS && took < LONG / 2, "{report}");
    assert!(report.took() < LONG / 2, "{report}");
}

async fn a_limit_longer_than_the_share_is_cut() {
    let hooks = Hooks::new().budget(200 * MS);
    let hooks = hooks.hook_with("long", hangs_for(100 * MS, Instant::now())).within(LONG).then();
    let report = hooks.hook("next", async || {}).run().await;
    assert_eq!(labels(&report), ["long: timed out", "next: done"]);
    assert!(report.took() >= 100 * MS && report.took() < LONG / 2, "{report}");
}

async fn every_kind_of_failure_leaves_the_others_alone() {
    quiet();
    let blocks = || -> Result<(), Box<dyn Error + Send + Sync>> { Err("full".into()) };
    let report = Hooks::new()
        .budget(LONG)
        .hook("fails", async || Err::<(), _>(io::Error::other("refused")))
        .hook("panics", async || bug("a bug"))
        .hook("panics late", async || {
            sleep(MS).await;
            bug("later");
        })
        .hook("panics before", || -> std::future::Ready<()> { panic!("before") })
        .hook("panics at last", async || panic!("nothing else"))
        .hook("panics oddly", async || {
            if true {
                panic::panic_any(7)
            }
        })
        .hook("hangs", pending::<()>)
        .within(30 * MS)
        .blocking("blocks", blocks)
        .blocking("blocks and panics", || bug("on a thread"))
        .hook("works", async || sleep(20 * MS).await)
        .then()
        .hook("comes later", async || Ok::<_, io::Error>(()))
        .run()
        .await;
    assert_eq!(
        labels(&report),
        [
            "fails: failed: refused",
            "panics: panicked: a bug",
            "panics late: panicked: later",
            "panics before: panicked: before",
            "panics at last: panicked: nothing else",
            "panics oddly: panicked: no message",
            "hangs: timed out",
            "blocks: failed: full",
            "blocks and panics: panicked: on a thread",
            "works: done",
            "comes later: done"
        ]
    );
    assert!(!report.is_clean());
}

async fn sleep(time: Duration) {
    Timer::after(time).await;
}

fn bug(text: &'static str) {
    panic!("{text}");
}

/// Panics when it is dropped.
struct Mine;

impl Drop for Mine {
    fn drop(&mut self) {
        panic!("mine");
    }
}

async fn a_panic_in_a_drop_is_reported() {
    quiet();
    let (at_end, at_limit, on_thread) = (Mine, Mine, Mine);
    let report = Hooks::new()
        .budget(100 * MS)
        .hook("at its end", async move || {
            let _mine = &at_end;
        })
        .hook("at its limit", async move || {
            let _mine = at_limit;
            pending::<()>().await;
        })
        .blocking("on its thread", move || drop(on_thread))
        .hook("works", async || {})
        .run()
        .await;
    assert_eq!(
        labels(&report),
        [
            "at its end: panicked: mine",
            "at its limit: panicked: mine",
            "on its thread: panicked: mine",
            "works: done"
        ]
    );
}

async fn a_hook_at_its_limit_is_dropped_before_the_next_stage() {
    let owned = Arc::new(());
    let (seen, was_free) = (Arc::downgrade(&owned), Arc::new(Mutex::new(None)));
    let found = Arc::clone(&was_free);
    let report = Hooks::new()
        .budget(100 * MS)
        .hook("hangs", async move || {
            pending::<()>().await;
            drop(owned);
        })
        .then()
        .hook("next", async move || *found.lock().unwrap() = Some(seen.upgrade().is_none()))
        .run()
        .await;
    assert_eq!(*was_free.lock().unwrap(), Some(true), "{report}");
}

async fn a_blocking_hook_is_left_behind() {
    let (stop, stopped) = mpsc::channel::<()>();
    let report = Hooks::new()
        .budget(100 * MS)
        .blocking("stuck", move || stopped.recv())
        .then()
        .hook("next", async || {})
        .run()
        .await;
    assert_eq!(labels(&report), ["stuck: abandoned", "next: done"]);
    assert!(matches!(report.hooks()[0].outcome(), Outcome::Abandoned));
    drop(stop);
}

async fn the_context_tells_reason_and_time() {
    let shutdown = ShutdownSignal::manual();
    shutdown.request("enough");
    let report = Hooks::new()
        .budget(LONG)
        .hook_with("future", async |context| {
            assert_eq!(context.reason().unwrap().to_string(), "request: enough");
            assert!(context.time_left().unwrap() <= LONG / 2, "a share of two");
            assert!(context.deadline().unwrap() <= Instant::now() + LONG / 2);
        })
        .then()
        .blocking_with("thread", |context| {
            assert!(
                context.time_left().unwrap() > LONG / 2
                    && context.time_left().unwrap() <= 5 * LONG / 6
            );
        })
        .within(5 * LONG / 6)
        .run_on(shutdown)
        .await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason().unwrap().to_string(), "request: enough");
    assert_eq!(report.budget(), LONG);
}

async fn nothing_to_do() {
    for hooks in [Hooks::new(), Hooks::default().then().within(MS).then()] {
        let report = hooks.run().await;
        assert!(report.is_clean() && report.hooks().is_empty());
    }
}

async fn without_time_every_hook_still_begins() {
    let begun = Arc::new(AtomicUsize::new(0));
    let count = |begun: &Arc<AtomicUsize>| {
        let begun = Arc::clone(begun);
        move || {
            begun.fetch_add(1, Ordering::SeqCst);
        }
    };
    let (one, two, three) = (count(&begun), count(&begun), count(&begun));
    let report = Hooks::new()
        .budget(Duration::ZERO)
        .hook("quick", async move || one())
        .hook("slow", async move || {
            two();
            pending::<()>().await;
        })
        .then()
        .hook("next", async move || three())
        .blocking("thread", || thread::sleep(LONG))
        .run()
        .await;
    assert_eq!(begun.load(Ordering::SeqCst), 3);
    assert_eq!(
        labels(&report),
        ["quick: done", "slow: timed out", "next: done", "thread: abandoned"]
    );
}

async fn budgets_that_no_clock_reaches() {
    for budget in [Duration::MAX, Duration::from_secs(u64::MAX / 2), 10_000 * LONG] {
        let report = Hooks::new()
            .budget(budget)
            .hook_with("unlimited", async |context| {
                assert!(context.time_left().is_none_or(|left| left > 1000 * LONG));
                sleep(MS).await;
            })
            .within(Duration::MAX)
            .hook("limited", pending::<()>)
            .within(10 * MS)
            .run()
            .await;
        assert_eq!(labels(&report), ["unlimited: done", "limited: timed out"]);
    }
}

async fn many_hooks() {
    let ended = Arc::new(AtomicUsize::new(0));
    let hooks = (0..10_000).fold(Hooks::new().budget(LONG), |hooks, number| {
        let ended = Arc::clone(&ended);
        hooks.hook(format!("hook {number}"), async move || {
            futures_lite::future::yield_now().await;
            ended.fetch_add(1, Ordering::SeqCst);
        })
    });
    let report = hooks.run().await;
    assert!(report.is_clean());
    assert_eq!(ended.load(Ordering::SeqCst), 10_000);
    assert_eq!(report.hooks().len(), 10_000);
}

async fn a_hook_is_polled_only_when_it_was_woken() {
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&polls);
    let mut rounds = 100;
    let report = Hooks::new()
        .hook("sleeps", move || {
            poll_fn(move |_| {
                counted.fetch_add(1, Ordering::SeqCst);
                Poll::<()>::Pending
            })
        })
        .within(100 * MS)
        .hook("busy", move || {
            poll_fn(move |cx| {
                rounds -= 1;
                cx.waker().wake_by_ref();
                cx.waker().wake_by_ref();
                if rounds == 0 { Poll::Ready(()) } else { Poll::Pending }
            })
        })
        .run()
        .await;
    assert_eq!(labels(&report), ["sleeps: timed out", "busy: done"]);
    assert_eq!(polls.load(Ordering::SeqCst), 1);
}

async fn serving_goes_on_for_a_time() {
    let shutdown = ShutdownSignal::manual();
    shutdown.request("first");
    let again = shutdown.clone();
    let hooks = Hooks::new()
        .budget(400 * MS)
        .keep_serving(250 * MS)
        .hook("server", async move || {
            again.request("second");
        })
        .then()
        .hook("database", async || {});
    let report = hooks.run_on(shutdown).await;
    assert_eq!(labels(&report), ["keep serving: done", "server: done", "database: done"]);
    let [pause, server, _] = report.hooks() else { panic!("{report:?}") };
    assert!(pause.took() >= 250 * MS, "more than its share: {report}");
    assert!(server.started() >= 250 * MS, "{report}");
    assert_eq!(report.reason().unwrap().to_string(), "request: first");
}

async fn serving_never_takes_all_the_time() {
    let hooks = Hooks::new().budget(1000 * MS).keep_serving(LONG);
    let report = hooks.hook("server", async || {}).run().await;
    assert_eq!(labels(&report), ["keep serving: timed out", "server: done"], "{report}");
    let (took, half) =
        (report.hooks()[0].took(), (1000 * MS).saturating_sub(report.before_hooks()) / 2);
    assert!(took + 50 * MS >= half && took < 950 * MS, "half of the time: {report}");

    let hooks = Hooks::new().budget(Duration::MAX).keep_serving(20 * MS);
    assert!(hooks.run().await.is_clean());
}

async fn a_hook_that_wakes_itself_starves_no_deadline() {
    let spins = || {
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        })
    };
    let hooks = Hooks::new().budget(LONG).hook("spins", spins).within(50 * MS);
    let hooks = hooks.hook("hangs", pending::<()>).within(30 * MS);
    let report = hooks.hook("sleeps", async || sleep(MS).await).run().await;
    assert_eq!(labels(&report), ["spins: timed out", "hangs: timed out", "sleeps: done"]);
    assert!(report.took() < LONG / 2, "{report}");
}

async fn a_share_counts_from_the_start_of_the_stage() {
    let first_ended = Arc::new(Mutex::new(None));
    let ended = Arc::clone(&first_ended);
    let before = Instant::now();
    let report = Hooks::new()
        .budget(LONG)
        .hook("first", async move || {
            sleep(200 * MS).await;
            *ended.lock().unwrap() = Some(Instant::now());
        })
        .then()
        .hook_with("half of the rest", async move |context| {
            let start = first_ended.lock().unwrap().unwrap();
            let half = start + (before + LONG - start) / 2;
            assert!(context.deadline().unwrap() >= half);
        })
        .then()
        .hook("last", async || {})
        .run()
        .await;
    assert!(report.is_clean(), "{report}");
}

async fn later_stages_claim_no_more_than_their_limits() {
    let before = Instant::now();
    let report = Hooks::new()
        .budget(LONG)
        .hook_with("server", async move |context| {
            let end = before + 29_700 * MS;
            assert!(context.deadline().unwrap() >= end, "all but 100 ms for each later stage");
            assert!(context.time_left().unwrap() <= 29_700 * MS);
        })
        .then()
        .hook("a", async || {})
        .within(100 * MS)
        .hook("b", async || {})
        .within(50 * MS)
        .then()
        .keep_serving(100 * MS)
        .hook("c", async || {})
        .within(100 * MS)
        .run()
        .await;
    assert!(report.is_clean(), "{report}");
}

async fn the_budget_counts_from_the_request() {
    let shutdown = ShutdownSignal::manual();
    shutdown.request("enough");
    let requested = Instant::now();
    sleep(200 * MS).await;
    let check = async move |context: HookContext| {
        assert!(context.deadline().unwrap() <= requested + LONG);
    };
    let report = Hooks::new().budget(LONG).hook_with("check", check).run_on(shutdown).await;
    assert!(report.is_clean(), "{report}");
    assert!(report.hooks()[0].started() >= 200 * MS && report.took() >= 200 * MS, "{report}");
}

async fn a_limit_is_for_the_hook_just_added() {
    let report = Hooks::new()
        .budget(LONG)
        .hook_with("free", async |context| assert!(context.time_left().unwrap() > LONG / 4))
        .then()
        .within(MS)
        .hook_with("free, too", async |context| assert!(context.time_left().unwrap() > LONG / 4))
        .keep_serving(100 * MS)
        .within(MS)
        .run()
        .await;
    assert!(report.is_clean(), "{report}");
    assert!(report.hooks()[2].took() >= 100 * MS, "{report}");
}

async fn a_result_of_a_result_keeps_the_inner_error() {
    // What a `JoinHandle` gives.
    let inner = || Ok::<_, io::Error>(Err::<(), _>("inner"));
    let report = Hooks::new()
        .hook("inner", async move || inner())
        .blocking("inner, too", inner)
        .hook("outer", async || Err::<Result<(), io::Error>, _>("outer"))
        .hook("done", async || Ok::<_, io::Error>(Ok::<(), io::Error>(())))
        .run()
        .await;
    assert_eq!(
        labels(&report),
        ["inner: failed: inner", "inner, too: failed: inner", "outer: failed: outer", "done: done"]
    );
}

async fn a_boxed_error_of_any_kind_is_shown_with_its_cause() {
    fn refused<E: From<io::Error>>() -> Result<(), E> {
        Err(io::Error::other("refused"))?
    }
    let report = Hooks::new()
        .hook("local", async || refused::<Box<dyn Error>>())
        .hook("shared", async || refused::<Box<dyn Error + Send + Sync>>())
        .blocking("sent", || -> Result<(), Box<dyn Error + Send>> {
            Err(Box::new(ParseError(io::Error::other("no digit"))))
        })
        .hook("repeated", async || {
            let inner = ParseError(io::Error::other("no digit"));
            Err::<(), _>(ParseError(io::Error::other(inner))) // its cause has the same text
        })
        .run()
        .await;
    assert_eq!(
        labels(&report),
        [
            "local: failed: refused",
            "shared: failed: refused",
            "sent: failed: bad port: no digit",
            "repeated: failed: bad port: no digit"
        ]
    );
}

#[derive(Debug)]
struct ParseError(io::Error);

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bad port")
    }
}

impl Error for ParseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

async fn a_payload_may_panic_when_it_is_dropped() {
    quiet();
    let report = Hooks::new()
        .hook("panics", async || panic::panic_any(Mine))
        .blocking("panics, too", || panic::panic_any(Mine))
        .hook("works", async || {})
        .run()
        .await;
    assert_eq!(
        labels(&report),
        ["panics: panicked: no message", "panics, too: panicked: no message", "works: done"]
    );
}

/// More than there are threads, and each waits for all that fit.
async fn as_many_blocking_hooks_as_there_are() {
    let begun = Arc::new(AtomicUsize::new(0));
    let hooks = (0..300).fold(Hooks::new().budget(LONG), |hooks, number| {
        let begun = Arc::clone(&begun);
        hooks.blocking(format!("hook {number}"), move || {
            begun.fetch_add(1, Ordering::SeqCst);
            while begun.load(Ordering::SeqCst) < 256 {
                thread::sleep(MS);
            }
        })
    });
    let report = hooks.run().await;
    assert!(report.is_clean(), "{report}");
}

/// Panics that are meant to happen say nothing; others do.
fn quiet() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let meant = ["a bug", "later", "before", "on a thread", "mine"];
            if !info.payload().downcast_ref::<&str>().is_some_and(|text| meant.contains(text)) {
                loud(info);
            }
        }));
    });
}

#[test]
fn a_run_that_is_dropped_drops_its_hooks() {
    let owned = Arc::new(());
    let seen = Arc::downgrade(&owned);
    let hooks = Hooks::new().hook("hangs", async move || {
        pending::<()>().await;
        drop(owned);
    });
    let mut run = Box::pin(hooks.run());
    assert!(block_on(poll_once(&mut run)).is_none());
    assert!(seen.upgrade().is_some());
    drop(run);
    assert!(seen.upgrade().is_none());
}

#[test]
fn blocking_runs_them_on_this_thread() {
    bounded(|| {
        let here = thread::current().id();
        let report = Hooks::new()
            .hook("here", async move || assert_eq!(thread::current().id(), here))
            .blocking("elsewhere", move || assert_ne!(thread::current().id(), here))
            .run_blocking();
        assert!(report.is_clean(), "{report}");
    });
}

/// A time beside which all that happens here is nothing.
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The first stage is one hook. The later ones have these limits.
fn before(first: Hooks, limits: &[Option<Duration>]) -> Hooks {
    limits.iter().fold(first, |hooks, limit| {
        let hooks = hooks.then().hook("later", pending::<()>);
        limit.iter().fold(hooks, |hooks, limit| hooks.within(*limit))
    })
}

/// The time between the start of the first hook and its deadline, in tenths of an hour.
#[track_caller]
fn assert_first_has(hooks: Hooks, tenths: Option<u64>) {
    const TENTH: Duration = Duration::from_secs(6 * 60);
    let (sender, started) = mpsc::channel();
    let hooks = hooks.observe(move |event: &Event| {
        if let Event::HookStarted(hook) = event {
            let _ = sender.send(hook.limit());
        }
    });
    let mut run = Box::pin(hooks.run());
    assert!(block_on(poll_once(&mut run)).is_none());
    let limit = started.recv_timeout(LONG).expect("it has started");
    assert_eq!(limit.map(|limit| (limit + TENTH / 2).as_secs() / TENTH.as_secs()), tenths);
}

#[test]
fn a_stage_has_the_time_that_later_stages_do_not_claim() {
    let (short, long) = (Some(HOUR / 10), Some(60 * HOUR));
    for (hours, later, tenths) in [
        (4, &[][..], 40),
        (8, &[None], 40),
        (9, &[None, None], 30),
        (10, &[short, short, short], 97),
        (9, &[short, None], 59),
        (9, &[long, long], 30),
        (9, &[Some(Duration::MAX), Some(Duration::ZERO)], 60),
        (0, &[None, short], 0),
    ] {
        let first = Hooks::new().budget(hours * HOUR).hook("first", pending::<()>);
        assert_first_has(before(first, later), Some(tenths));
    }
    let first = Hooks::new().budget(Duration::MAX).hook("first", pending::<()>);
    assert_first_has(before(first, &[None, short]), None);
}

#[test]
fn a_limit_never_exceeds_the_share() {
    for (limit, tenths) in [(2 * HOUR, 20), (4 * HOUR, 30), (Duration::MAX, 30)] {
        let first = Hooks::new().budget(9 * HOUR).hook("first", pending::<()>).within(limit);
        assert_first_has(before(first, &[None, None]), Some(tenths));
    }
}

#[test]
fn a_delay_may_exceed_its_share_but_never_takes_everything() {
    for (delay, tenths) in [(5 * HOUR, 50), (9 * HOUR, 30), (Duration::MAX, 30)] {
        let first = Hooks::new().budget(9 * HOUR).keep_serving(delay);
        assert_first_has(before(first, &[None, None]), Some(tenths));
    }
    let first = Hooks::new().budget(Duration::MAX).keep_serving(HOUR);
    assert_first_has(before(first, &[None]), Some(10));
}
