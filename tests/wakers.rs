//! What the core does with the wakers that it is given.
#![allow(unsafe_code, reason = "a waker that looks over the shoulder of the one who polls")]

#[path = "common/bounded.rs"]
mod bounded;
#[path = "common/pending.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod pending;

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::task::{Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::thread;

use bounded::{BOUND, bounded};
use futures_lite::future;
use pending::{Count, OnClone, poll};
use signoff::ShutdownSignal;

#[test]
fn everybody_is_woken_once() {
    let shutdown = ShutdownSignal::manual();
    let mut waiting: Vec<_> = (0..100).map(|_| (shutdown.clone(), Count::new())).collect();
    for (signal, (count, waker)) in &mut waiting {
        assert!(poll(signal, waker).is_pending());
        assert_eq!(count.woken(), 0);
    }
    shutdown.request("now");
    shutdown.request("again");
    for (signal, (count, waker)) in &mut waiting {
        assert_eq!(count.woken(), 1);
        assert!(poll(signal, waker).is_ready());
        assert_eq!(count.kept(), 0, "nothing of it is kept");
    }
}

#[test]
fn polling_again_keeps_one_waker() {
    let mut shutdown = ShutdownSignal::manual();
    let (count, waker) = Count::new();
    for _ in 0..10 {
        assert!(poll(&mut shutdown, &waker).is_pending());
        assert_eq!(count.kept(), 1);
    }
    shutdown.request("now");
    assert_eq!(count.woken(), 1);
}

#[test]
fn polling_again_with_the_same_waker_does_not_clone_it() {
    static CLONES: AtomicUsize = AtomicUsize::new(0);
    let waker = OnClone::waker(Waker::noop(), || {
        CLONES.fetch_add(1, Ordering::SeqCst);
    });
    let mut shutdown = ShutdownSignal::manual();
    for _ in 0..10 {
        assert!(poll(&mut shutdown, &waker).is_pending());
    }
    assert_eq!(CLONES.load(Ordering::SeqCst), 1);
}

#[test]
fn the_last_waker_is_the_one_that_is_woken() {
    let mut shutdown = ShutdownSignal::manual();
    let ((old, old_waker), (new, new_waker)) = (Count::new(), Count::new());
    assert!(poll(&mut shutdown, &old_waker).is_pending());
    assert!(poll(&mut shutdown, &new_waker).is_pending());
    assert_eq!((old.kept(), new.kept()), (0, 1));
    shutdown.request("now");
    assert_eq!((old.woken(), new.woken()), (0, 1));
}

#[test]
fn who_stops_waiting_leaves_no_trace() {
    let shutdown = ShutdownSignal::manual();
    let (count, waker) = Count::new();

    let mut clone = shutdown.clone();
    assert!(poll(&mut clone, &waker).is_pending());
    let mut wait = (&shutdown).into_future();
    assert!(poll(&mut wait, &waker).is_pending());
    let mut until = Box::pin(shutdown.run_until_requested(future::pending::<()>()));
    assert!(poll(&mut until, &waker).is_pending());
    assert!(count.kept() >= 3);

    // Not on the thread that polled.
    thread::scope(|scope| {
        scope.spawn(move || drop((clone, wait, until)));
    });
    assert_eq!(count.kept(), 0);
    shutdown.request("now");
    assert_eq!(count.woken(), 0);
}

#[test]
fn a_request_inside_of_a_poll_is_kept() {
    bounded(|| {
        static SHUTDOWN: OnceLock<ShutdownSignal> = OnceLock::new();
        let shutdown = SHUTDOWN.get_or_init(ShutdownSignal::manual);
        let (count, waker) = Count::new();
        let waker = OnClone::waker(&waker, || {
            SHUTDOWN.get().expect("it is set").request("in the middle");
        });
        let ready = poll(&mut shutdown.clone(), &waker) == Poll::Ready(());
        assert!(ready || count.woken() > 0, "the wake-up is lost");
    });
}

/// A waker that panics keeps no other one from being woken, on whichever side of it that is.
#[test]
fn a_waker_that_panics_is_the_only_one_that_does() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("as expected");
        }
    }

    let shutdown = ShutdownSignal::manual();
    let mut waiting: Vec<_> = (0..3).map(|_| (shutdown.clone(), Count::new())).collect();
    let mut panicking = [shutdown.clone(), shutdown.clone()];
    for (place, (signal, (_, waker))) in waiting.iter_mut().enumerate() {
        assert!(poll(signal, waker).is_pending());
        if let Some(signal) = panicking.get_mut(place) {
            assert!(poll(signal, &Waker::from(Arc::new(Panics))).is_pending());
        }
    }
    assert!(shutdown.request("now"), "the panic stays inside");
    assert!(waiting.iter().all(|(_, (count, _))| count.woken() == 1));
}

/// The clones of this waker have data addresses of their own, as the contract of `RawWaker` allows.
#[test]
fn the_task_polled_last_is_woken_if_clones_have_other_addresses() {
    let shutdown = ShutdownSignal::manual();
    let mut signal = shutdown.clone();
    let ((old, old_waker), (new, new_waker)) = (Count::new(), Count::new());
    let place = Cell::new(Moving(old_waker));
    // Both wakers have the same data address: the second one is built where the first one was.
    let polls = |signal: &mut ShutdownSignal| {
        // SAFETY: the waker is not used after `place` is gone, and its clones own what they use.
        let waker = ManuallyDrop::new(unsafe { Moving::borrowed(&place) });
        poll(signal, &waker)
    };
    assert!(polls(&mut signal).is_pending());
    place.set(Moving(new_waker));
    assert!(polls(&mut signal).is_pending());
    shutdown.request("now");
    assert_eq!((old.woken(), new.woken()), (0, 1));
}

/// A waker in a place of the caller's. A clone moves to the heap.
struct Moving(Waker);

impl Moving {
    /// # Safety
    ///
    /// The waker must not outlive `place`.
    unsafe fn borrowed(place: &Cell<Self>) -> Waker {
        // SAFETY: the functions of the table only read what the data points to.
        unsafe { Waker::new(place.as_ptr().cast_const().cast(), &Self::TABLE) }
    }

    const TABLE: RawWakerVTable =
        RawWakerVTable::new(Self::clone, Self::wake, Self::wake_by_ref, Self::drop);

    unsafe fn clone(data: *const ()) -> RawWaker {
        // SAFETY: the data points to a live one.
        let this = unsafe { &*data.cast::<Self>() };
        let clone = Box::new(Self(this.0.clone()));
        RawWaker::new(Box::into_raw(clone).cast_const().cast(), &Self::TABLE)
    }

    unsafe fn wake(data: *const ()) {
        // SAFETY: only clones are woken by value, and they are boxes.
        unsafe { Box::from_raw(data.cast_mut().cast::<Self>()) }.0.wake();
    }

    unsafe fn wake_by_ref(data: *const ()) {
        // SAFETY: the data points to a live one.
        unsafe { &*data.cast::<Self>() }.0.wake_by_ref();
    }

    unsafe fn drop(data: *const ()) {
        // SAFETY: only clones are dropped, and they are boxes.
        drop(unsafe { Box::from_raw(data.cast_mut().cast::<Self>()) });
    }
}

/// Two wakers with the same data that wake different tasks.
#[test]
fn wakers_may_differ_by_their_functions_only() {
    static WOKEN: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
    const TABLES: [RawWakerVTable; 2] = [table::<0>(), table::<1>()];
    const fn table<const TASK: usize>() -> RawWakerVTable {
        RawWakerVTable::new(clone::<TASK>, wake::<TASK>, wake::<TASK>, |_| ())
    }
    unsafe fn clone<const TASK: usize>(data: *const ()) -> RawWaker {
        RawWaker::new(data, const { &TABLES[TASK] })
    }
    unsafe fn wake<const TASK: usize>(_: *const ()) {
        WOKEN[TASK].fetch_add(1, Ordering::SeqCst);
    }

    let mut shutdown = ShutdownSignal::manual();
    for task in [const { &TABLES[0] }, const { &TABLES[1] }] {
        // SAFETY: the functions do not use the data.
        let waker = unsafe { Waker::new(std::ptr::null(), task) };
        assert!(poll(&mut shutdown, &waker).is_pending());
    }
    shutdown.request("now");
    assert_eq!(WOKEN.each_ref().map(|woken| woken.load(Ordering::SeqCst)), [0, 1]);
}

/// A waker that uses the signal when it is woken, and when it is dropped: a task that ends drops
/// the signals that it holds, and it may end anywhere.
struct Entangled {
    shutdown: ShutdownSignal,
    held: Mutex<Option<ShutdownSignal>>,
    ended: mpsc::Sender<()>,
}

impl Entangled {
    fn waker(shutdown: &ShutdownSignal) -> (Waker, mpsc::Receiver<()>) {
        let (ended, end) = mpsc::channel();
        let mut held = shutdown.clone();
        assert!(poll(&mut held, Waker::noop()).is_pending());
        let held = Mutex::new(Some(held));
        (Waker::from(Arc::new(Self { shutdown: shutdown.clone(), held, ended })), end)
    }

    fn use_it(&self) {
        drop(self.held.lock().expect("no panic").take());
        let _ = poll(&mut self.shutdown.clone(), Waker::noop());
        self.shutdown.request("from a waker");
    }
}

impl Wake for Entangled {
    fn wake(self: Arc<Self>) {
        self.use_it();
    }
}

impl Drop for Entangled {
    fn drop(&mut self) {
        self.use_it();
        let _ = self.ended.send(()); // the test may have failed
    }
}

#[test]
fn wakers_run_outside_of_every_lock() {
    let cases: [fn(ShutdownSignal, Waker); 3] = [
        |mut shutdown, waker| {
            let _ = poll(&mut shutdown, &waker);
            drop(waker);
            drop(shutdown); // forgotten
        },
        |mut shutdown, waker| {
            let _ = poll(&mut shutdown, &waker);
            drop(waker);
            let _ = poll(&mut shutdown, Waker::noop()); // replaced
        },
        |mut shutdown, waker| {
            let _ = poll(&mut shutdown, &waker);
            drop(waker);
            shutdown.request("now"); // woken
        },
    ];
    for case in cases {
        let shutdown = ShutdownSignal::manual();
        let (waker, end) = Entangled::waker(&shutdown);
        thread::spawn(move || case(shutdown, waker)); // it hangs where this fails
        end.recv_timeout(BOUND).expect("a deadlock");
    }
}

/// Waits in many ways at once, and gives up on some of them, until the shutdown.
struct Crowd {
    waiting: Vec<(ShutdownSignal, Arc<Count>, Waker, bool)>,
}

impl Crowd {
    fn gather(shutdown: &ShutdownSignal, busy: &mpsc::Sender<()>) -> Self {
        let mut waiting = Vec::new();
        for round in 0.. {
            let (count, waker) = Count::new();
            let mut clone = shutdown.clone();
            let pending = poll(&mut clone, &waker).is_pending();
            waiting.push((clone, count, waker, pending));
            if waiting.len() > 256 {
                let (clone, count, _waker, _) = waiting.swap_remove(round % 256);
                drop(clone);
                assert!(count.kept() == 0 || shutdown.is_requested());
            }
            if round == 1000 {
                busy.send(()).expect("somebody waits for it");
            }
            if shutdown.is_requested() {
                break;
            }
        }
        Self { waiting }
    }

    /// Each one that waited was woken, and none for nothing.
    fn look(self) {
        for (mut clone, count, waker, pending) in self.waiting {
            assert!(poll(&mut clone, &waker).is_ready());
            // Who came in the very moment of the request may be told twice.
            assert!(if pending { count.woken() == 1 } else { count.woken() <= 1 });
        }
    }
}

#[test]
fn waiters_come_and_go() {
    bounded(|| {
        let shutdown = ShutdownSignal::manual();
        let (busy, all_busy) = mpsc::channel();
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (shutdown, busy) = (shutdown.clone(), busy.clone());
                thread::spawn(move || Crowd::gather(&shutdown, &busy))
            })
            .collect();
        (0..8).for_each(|_| all_busy.recv_timeout(BOUND).expect("a thousand rounds"));
        shutdown.request("enough");
        // A thread that polls after the request may be waking the waiters of another one.
        let crowds: Vec<_> = threads.into_iter().map(|t| t.join().expect("no panic")).collect();
        crowds.into_iter().for_each(Crowd::look);
    });
}
