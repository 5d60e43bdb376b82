//! The machine: its clock, its processors, what its other processes do.

use std::fs;

/// In general terms, as the tables need it.
pub fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel: Vec<&str> = kernel.trim().split('.').take(2).collect();
    let rustc = std::process::Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|out| String::from_utf8_lossy(&out.stdout).into_owned());
    let rustc = rustc.unwrap_or_default();
    let rustc = rustc.split_whitespace().nth(1).unwrap_or("?");
    let arch = std::env::consts::ARCH;
    format!("{arch}, {cores} cores, Linux {}, rustc {rustc}, release", kernel.join("."))
}

/// Nanoseconds on the clock that all processes share.
pub fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Keeps the calling thread, and what it starts, on one processor.
pub fn pin(cpu: usize) {
    // SAFETY: zeroes are a valid set, and the pointer is to a live one.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &raw const set);
    }
}

/// Lets the calling thread run everywhere again.
pub fn unpin() {
    // SAFETY: as above.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        (0..libc::CPU_SETSIZE as usize).for_each(|cpu| libc::CPU_SET(cpu, &mut set));
        libc::sched_setaffinity(0, size_of_val(&set), &raw const set);
    }
}

pub fn kill(pid: u32, signal: i32) {
    // SAFETY: no pointers.
    unsafe { libc::kill(pid as i32, signal) };
}

/// Time that processors have spent on a process.
pub fn cpu_time(pid: u32) -> std::time::Duration {
    let mut clock = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointers are to a live clock and a live timespec.
    unsafe {
        libc::clock_getcpuclockid(pid as i32, &raw mut clock);
        libc::clock_gettime(clock, &raw mut time);
    }
    std::time::Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Whether every thread of a process sleeps in the kernel.
pub fn sleeps(pid: u32) -> bool {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    tasks.flatten().all(|task| {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S'))
    })
}

pub fn count(folder: &str) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}
