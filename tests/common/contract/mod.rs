//! What a `ShutdownSignal` promises, on every backend.
//!
//! Each function here is the other process of a case, on the runtime `R`. Where the parent has a
//! part in it, its half stands next to it as `test_…`. `contract!` makes the tests of them.

pub(crate) mod api;
#[cfg(target_os = "linux")]
pub(crate) mod descriptor;
pub(crate) mod errors;
pub(crate) mod forced_exit;
#[cfg(target_os = "linux")]
pub(crate) mod forked;
pub(crate) mod hangup;
pub(crate) mod inherited;
pub(crate) mod last_clone;
pub(crate) mod latched;
pub(crate) mod never_lost;
pub(crate) mod other_handlers;

use libc::SIGTERM;
use signoff::{Backend, ShutdownSignal, Signals};
use std::sync::{Arc, Barrier};
use std::thread;

use super::system::raise;
use super::{say, variant};

/// A runtime and the backend that goes with it.
pub(crate) trait Runtime: 'static {
    type Backend: Backend + Default;

    /// How many threads run tasks, beside the one in `block_on`.
    const WORKERS: usize;

    /// Runs a future on a runtime that is made for it, and gone afterwards, where there is such a
    /// thing; else on the one of the process.
    fn block_on<T>(future: impl Future<Output = T>) -> T;

    /// Starts a task. To be called inside of `block_on`.
    fn spawn(task: impl Future<Output = ()> + Send + 'static);

    /// Runs `f` where `listen` may be called.
    fn inside<T>(f: impl FnOnce() -> T) -> T {
        Self::block_on(async { f() })
    }

    /// To be called inside of `block_on`.
    fn listen() -> ShutdownSignal {
        Self::listen_to(Signals::default())
    }

    fn listen_to(signals: Signals) -> ShutdownSignal {
        signals.listen(Self::Backend::default()).expect("nothing is in the way")
    }

    /// Keeps every worker in `work`; the thread of `block_on` is left to the caller.
    ///
    /// One after the other: a worker may take two tasks at once, and block with the second in hand.
    fn block_every_worker(work: impl Fn() + Clone + Send + 'static) {
        for _ in 0..Self::WORKERS {
            let (work, both) = (work.clone(), Arc::new(Barrier::new(2)));
            let here = Arc::clone(&both);
            Self::spawn(async move {
                here.wait();
                work();
            });
            both.wait();
        }
    }
}

/// A thread says `line` when the shutdown was asked for, however stuck the runtime is.
pub(crate) fn watch(shutdown: &ShutdownSignal, line: &'static str) {
    let shutdown = shutdown.clone();
    thread::spawn(move || {
        shutdown.wait();
        say(line);
    });
}

/// Requests the shutdown in the way that the variant names; any other comes from outside. Waits for it.
pub(crate) async fn request_as_variant(shutdown: &ShutdownSignal) {
    match variant().as_deref() {
        Some("request") => _ = shutdown.request("enough"),
        Some("fail") => _ = shutdown.fail("broken"),
        Some("SIGTERM") => raise(SIGTERM),
        _ => {}
    }
    shutdown.await;
}

/// Keeps this thread for ever.
pub(crate) fn stuck() {
    loop {
        thread::park();
    }
}

/// The whole contract for one runtime.
#[allow(unused_macros, reason = "not every test binary has a runtime")]
macro_rules! contract {
    ($runtime:ty) => {
        use crate::common::contract::{
            api, descriptor, errors, forced_exit, forked, hangup, inherited, last_clone, latched,
            never_lost, other_handlers,
        };

        #[test]
        fn the_backend_is_a_value() {
            fn check<T: Copy + Default + std::fmt::Debug + Send + Sync + Unpin + 'static>() {}
            check::<<$runtime as Runtime>::Backend>();
        }

        crate::common::cases! {
            // 1: never lost
            kept_before_the_first_poll: |case| case.passes(),
                never_lost::before_the_first_poll::<$runtime>;
            kept_when_it_comes_inside_of_a_poll: |case| case.passes(),
                never_lost::inside_of_a_poll::<$runtime>;
            kept_while_every_worker_is_blocked: never_lost::test_workers_blocked,
                never_lost::workers_blocked::<$runtime>;
            kept_when_the_runtime_is_gone: never_lost::test_runtime_gone,
                never_lost::runtime_gone::<$runtime>;
            a_waiting_task_is_woken: never_lost::test_waiting_task, never_lost::waiting_task::<$runtime>;
            prints_to_a_closed_output_do_not_wake: descriptor::test_closed_output,
                descriptor::closed_output::<$runtime>;
            a_wait_without_poll: |case| case.passes(), descriptor::no_poll::<$runtime>;

            // 2: latched
            every_clone_resolves_and_stays_so: |case| case.passes(),
                latched::every_clone::<$runtime>;
            a_hundred_tasks_are_woken: latched::test_tasks, latched::tasks::<$runtime>;

            // 3: any executor, several runtimes, several calls of listen
            resolves_on_any_executor: latched::test_executors, latched::executors::<$runtime>;
            two_runtimes_in_one_process: latched::test_two_runtimes,
                latched::two_runtimes::<$runtime>;
            several_calls_of_listen: |case| case.passes(), latched::several_listens::<$runtime>;

            // 4: Ctrl-C again
            ctrl_c_again_with_every_worker_blocked: forced_exit::test_workers_blocked,
                forced_exit::workers_blocked::<$runtime>;
            ctrl_c_again_as_the_first_process: forced_exit::test_first_process,
                forced_exit::workers_blocked::<$runtime>;
            ctrl_c_again_while_the_runtime_is_dropped: forced_exit::test_runtime_dropped,
                forced_exit::runtime_dropped::<$runtime>;
            three_interrupts_at_once_are_one_press: forced_exit::test_one_press,
                forced_exit::one_press::<$runtime>;
            repeats_do_what_was_chosen: forced_exit::test_choices, forced_exit::choices::<$runtime>;
            a_slow_press_is_one_press: forced_exit::test_slow_press,
                forced_exit::slow_press::<$runtime>;
            a_request_is_not_a_press: forced_exit::test_request, forced_exit::request::<$runtime>;
            a_typed_ctrl_c_after_each_request: forced_exit::test_typed, forced_exit::typed::<$runtime>;
            the_loop_of_a_shell_stops: forced_exit::test_shell_loop, forced_exit::typed::<$runtime>;
            pairs_of_signals: forced_exit::test_pairs, forced_exit::pairs::<$runtime>;
            one_press_across_the_last_clone: forced_exit::test_same_press_afterwards,
                forced_exit::same_press_afterwards::<$runtime>;
            others_that_listen_after_the_last_clone: forced_exit::test_others_afterwards,
                forced_exit::others_afterwards::<$runtime>;

            // 5: other handlers
            other_handlers_go_on_working: |case| case.passes(), other_handlers::beside::<$runtime>;
            other_handlers_outlive_ours: |case| case.passes(), other_handlers::afterwards::<$runtime>;
            other_handlers_have_a_signal_once: |case| case.passes(), other_handlers::once::<$runtime>;
            all_listeners_know_before_one_is_woken: |case| case.passes(),
                other_handlers::between_two_listeners::<$runtime>;

            // 6: the last clone
            after_the_last_clone_a_signal_kills: last_clone::test_kills, last_clone::kills::<$runtime>;
            after_a_request_and_the_last_clone_a_signal_kills: last_clone::test_requested,
                last_clone::requested::<$runtime>;
            a_request_leaves_other_listeners_alone: last_clone::test_requested_beside_another,
                last_clone::requested_beside_another::<$runtime>;
            a_signal_that_was_never_looked_at: |case| case.passes(),
                last_clone::never_looked_at::<$runtime>;
            the_next_listen_ends_a_shutdown: last_clone::test_kills,
                last_clone::next_listen::<$runtime>;
            the_last_clone_beside_a_new_one: |case| case.passes(),
                last_clone::beside_a_new_one::<$runtime>;
            a_shutdown_by_one_signal_leaves_the_others_alone: last_clone::test_terminate_kills,
                last_clone::another::<$runtime>;
            after_the_last_clone_the_first_process_lives: last_clone::test_first_process,
                last_clone::first_process::<$runtime>;
            listening_again_after_the_last_clone: |case| case.passes(), last_clone::again::<$runtime>;
            a_later_handler_of_others_does_not_keep_it_alive: last_clone::test_terminate_kills,
                last_clone::limit::<$runtime>;

            // 6: SIGHUP
            hangup_before_a_shutdown: hangup::test_before, hangup::during::<$runtime>;
            hangup_during_a_shutdown: hangup::test_during, hangup::during::<$runtime>;
            a_terminal_that_is_closed: hangup::test_terminal_closed, hangup::during::<$runtime>;
            hangup_and_children: |case| case.passes(), hangup::children::<$runtime>;
            hangup_after_a_shutdown: hangup::test_afterwards, hangup::afterwards::<$runtime>;
            hangup_beside_other_handlers: hangup::test_beside, hangup::beside::<$runtime>;
            hangup_and_streams: hangup::test_streams, hangup::streams::<$runtime>;
            an_ignored_hangup: hangup::test_ignored, hangup::ignored::<$runtime>;

            // 7: inherited state
            nohup_is_respected: inherited::test_nohup, inherited::hangup::<$runtime>;
            hangup_is_listened_to: inherited::test_hangup, inherited::hangup::<$runtime>;
            an_ignored_interrupt: inherited::test_interrupt, inherited::interrupt::<$runtime>;
            an_ignored_terminate_is_listened_to: inherited::test_terminate,
                inherited::terminate::<$runtime>;
            a_blocked_signal_is_unblocked: inherited::test_blocked,
                inherited::blocked::<$runtime>;
            an_ignored_interrupt_and_commands: inherited::test_passed_on,
                inherited::passed_on::<$runtime>;

            // 8: fork without exec
            a_forked_child_is_killed: |case| case.passes(), last_clone::forked::<$runtime>;
            a_forked_child_with_a_handler_of_before: |case| case.passes(),
                other_handlers::forked::<$runtime>;
            a_forked_child_that_lets_go: |case| case.passes(), last_clone::forked_and_dropped::<$runtime>;
            a_child_that_shares_the_memory: |case| case.passes(), forked::shared_memory::<$runtime>;

            // 9: no panic, no print (`Child` looks at standard error after every case)
            sets_that_cannot_be: errors::test_sets, errors::sets::<$runtime>;
            too_few_descriptors: errors::test_descriptors, errors::descriptors::<$runtime>;
            descriptors_are_not_inherited: |case| case.passes(),
                descriptor::not_inherited::<$runtime>;

            // the calls
            the_reason_names_the_sender: api::test_sender, api::sender::<$runtime>;
            a_sender_that_can_be_forged_is_not_named: |case| case.passes(),
                api::no_sender::<$runtime>;
            a_request_resolves: |case| case.passes(), api::request::<$runtime>;
            wait_needs_no_runtime: api::test_wait, api::wait::<$runtime>;
            until_ends_a_loop: api::test_until, api::until::<$runtime>;
            nothing_is_left_behind: |case| case.passes(), api::nothing_left::<$runtime>;
        }
    };
}
#[allow(unused_imports, reason = "not every test binary has a runtime")]
pub(crate) use contract;
