//! What the service uses while it is at rest.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;
use std::{iter, thread};

use super::clients::Connection;
use super::common::BOUND;

/// Buffers and pools have their size after a part of the run.
const WARM_UP: usize = 4;
/// What the heap of a service at rest may vary by: buffers that grow to the largest burst.
const HEAP_SLACK: usize = 4 * 1024;
/// What the memory of a process may vary by: pages of the allocator.
const RESIDENT_SLACK: usize = 1024;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Bytes in use.
    heap: usize,
    /// KiB.
    resident: usize,
    descriptors: usize,
    threads: usize,
}

impl Sample {
    pub(crate) const HEAD: &str = "\
| time, s | requests | reloads | heap, bytes | resident, KiB | descriptors | threads |\n\
| ------: | -------: | ------: | ----------: | ------------: | ----------: | ------: |";

    /// Waits until the service has no other connection, and takes the least of what it uses then: a
    /// task or a thread may be about to end.
    pub(crate) fn take(pid: i32, address: SocketAddr) -> Self {
        let mut connection = Connection::open(address).expect("the service accepts");
        let pause = Duration::from_millis(10);
        let mut look = || {
            thread::sleep(pause);
            let line = connection.request("rest").expect("a line");
            let (connections, heap) = line.split_once(' ').expect("two numbers");
            (number(connections) == 1).then(|| Self::of(pid, number(heap)))
        };
        let tries = BOUND.as_millis() / pause.as_millis();
        let looks = iter::repeat_with(&mut look).take(tries as usize).flatten().take(20);
        looks.reduce(Self::least).expect("the clients have gone")
    }

    fn of(pid: i32, heap: usize) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("proc");
        let field = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
            number(line.split_whitespace().next().expect("a value"))
        };
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("proc").count();
        Self { heap, resident: field("VmRSS:"), descriptors, threads: field("Threads:") }
    }

    fn least(self, other: Self) -> Self {
        Self {
            heap: self.heap.min(other.heap),
            resident: self.resident.min(other.resident),
            descriptors: self.descriptors.min(other.descriptors),
            threads: self.threads.min(other.threads),
        }
    }

    fn most(self, other: Self) -> Self {
        Self {
            heap: self.heap.max(other.heap),
            resident: self.resident.max(other.resident),
            descriptors: self.descriptors.max(other.descriptors),
            threads: self.threads.max(other.threads),
        }
    }

    pub(crate) fn row(self, time: Duration, requests: usize, reloads: usize) -> String {
        let Self { heap, resident, descriptors, threads } = self;
        let time = time.as_secs();
        format!(
            "| {time:7} | {requests:8} | {reloads:7} | {heap:11} | {resident:13} | {descriptors:11} | {threads:7} |"
        )
    }
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}

/// Compares the last samples with as many after the warm-up.
pub(crate) fn assert_no_growth(samples: &[Sample]) {
    let samples = &samples[samples.len() / WARM_UP..];
    let (first, last) = samples.split_at(samples.len() / 2);
    let most = |samples: &[Sample]| samples.iter().copied().reduce(Sample::most).expect("samples");
    let (first, last) = (most(first), most(last));
    assert!(last.heap <= first.heap + HEAP_SLACK, "the heap grows: {first:?}, {last:?}");
    assert!(
        last.resident <= first.resident + RESIDENT_SLACK,
        "the memory grows: {first:?}, {last:?}"
    );
    assert!(last.descriptors <= first.descriptors, "descriptors: {first:?}, {last:?}");
    assert!(last.threads <= first.threads, "threads: {first:?}, {last:?}");
}
