//! Hooks that are added to a set and removed from it: nanoseconds for each, and bytes.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Instant;

use signoff::HookSet;
use signoff::hooks::HookHandle;

use crate::memory;
use crate::stats::{Shuffle, median, ratio, short, table};

const HOOKS: usize = 100_000;
const ROUNDS: usize = 11;

/// What a hook owns, and gives it something to do.
type Connection = Arc<AtomicU64>;

/// Adds a hook for a connection. Dropping the result removes it.
trait Set: Clone + Send + 'static {
    type Handle: Send;
    fn add(&self, connection: Connection) -> Self::Handle;
}

impl Set for HookSet {
    type Handle = HookHandle;

    fn add(&self, connection: Connection) -> HookHandle {
        let hook = async move || _ = connection.fetch_add(1, Ordering::Relaxed);
        self.hook("connection", hook).unwrap()
    }
}

type Closure = Box<dyn FnOnce() + Send>;

/// What a program would write by itself: closures in a map behind a lock, without names.
#[derive(Clone, Default)]
struct Map(Arc<Mutex<HashMap<u64, Closure>>>, Arc<AtomicU64>);

struct MapHandle(Map, u64);

impl Set for Map {
    type Handle = MapHandle;

    fn add(&self, connection: Connection) -> MapHandle {
        let key = self.1.fetch_add(1, Ordering::Relaxed);
        let hook = Box::new(move || _ = connection.fetch_add(1, Ordering::Relaxed));
        self.0.lock().unwrap().insert(key, hook);
        MapHandle(self.clone(), key)
    }
}

impl Drop for MapHandle {
    fn drop(&mut self) {
        let hook = self.0.0.lock().unwrap().remove(&self.1);
        drop(hook);
    }
}

/// Nanoseconds to add a hook, and to remove one: each thread has its share of `HOOKS` at once, and
/// removes them in random order.
fn add_and_remove<S: Set>(set: &S, threads: usize) -> [f64; 2] {
    let barrier = Arc::new(Barrier::new(threads));
    let work = |_| {
        let (set, barrier) = (set.clone(), Arc::clone(&barrier));
        let share = HOOKS / threads;
        std::thread::spawn(move || {
            let connection = Connection::default();
            let mut handles: Vec<Option<S::Handle>> = Vec::with_capacity(share);
            let order = Shuffle::new().order(share);
            let each = |start: Instant| start.elapsed().as_nanos() as f64 / share as f64;
            barrier.wait();
            let start = Instant::now();
            handles.extend((0..share).map(|_| Some(set.add(Arc::clone(&connection)))));
            let added = each(start);
            barrier.wait();
            let start = Instant::now();
            order.into_iter().for_each(|number| drop(handles[number].take()));
            [added, each(start)]
        })
    };
    let running: Vec<_> = (0..threads).map(work).collect();
    let times: Vec<_> = running.into_iter().map(|thread| thread.join().unwrap()).collect();
    [0, 1].map(|which| times.iter().map(|time| time[which]).sum::<f64>() / threads as f64)
}

/// A connection that comes and goes, with nothing else in the set.
fn at_once<S: Set>(set: &S) -> f64 {
    let connection = Connection::default();
    let start = Instant::now();
    for _ in 0..HOOKS {
        drop(black_box(set.add(Arc::clone(&connection))));
    }
    start.elapsed().as_nanos() as f64 / HOOKS as f64
}

/// All figures of a contender in one round.
fn round<S: Set>(set: &S) -> [f64; 5] {
    let ([add, remove], [add_two, remove_two]) = (add_and_remove(set, 1), add_and_remove(set, 2));
    [at_once(set), add, remove, add_two, remove_two]
}

fn bytes<S: Set>(set: &S) -> f64 {
    let connection = Connection::default();
    memory::each(|| set.add(Arc::clone(&connection)))
}

pub fn print() {
    let (map, set) = (Map::default(), HookSet::new());
    let mut times = [(); 2].map(|()| [const { Vec::new() }; 5]);
    for _ in 0..ROUNDS {
        for (times, figures) in times.iter_mut().zip([round(&map), round(&set)]) {
            times.iter_mut().zip(figures).for_each(|(times, figure)| times.push(figure));
        }
    }
    let [map_times, set_times] = times.map(|times| times.map(|mut times| median(&mut times)));
    let row = |name: &str, times: [f64; 5], bytes: f64| {
        let times = times
            .iter()
            .zip(map_times)
            .map(|(&time, base)| format!("{} ({})", short(time), ratio(time, base)));
        [name.into()].into_iter().chain(times).chain([short(bytes)]).collect::<Vec<String>>()
    };
    let head = [
        "ns for each hook (over the map)",
        "add + remove",
        "add",
        "remove",
        "add, two threads",
        "remove, two threads",
        "bytes",
    ];
    let rows = [
        row("Mutex and HashMap, no names", map_times, bytes(&Map::default())),
        row("**signoff, HookSet**", set_times, bytes(&HookSet::new())),
    ];
    table("Hooks of a set", &head, &rows);
}
