//! What a timeline looks like.

use std::error::Error;
use std::time::Duration;

use super::timeline::{Timeline, WIDTH};
use super::{HookReport, Outcome, Report, Summary};
use crate::InFlight;
use crate::hooks::hook::HookId;
use crate::in_flight::tracked_work::{TrackedWork, in_hook, record_wait};
use crate::signal::Signal;
use crate::signal::reason::{Process, Reason};
use crate::util::text::{Style, width};

const MS: Duration = Duration::from_millis(1);
const BLOCKS: Style = Style { has_colors: false, has_blocks: true };
const COLORS: Style = Style { has_colors: true, has_blocks: true };

fn id(name: &str, stage: usize) -> HookId {
    HookId { name: name.into(), stage, set: None }
}

fn hook(name: &str, stage: usize, outcome: Outcome, started: u32, took: u32) -> HookReport {
    let work = TrackedWork::default();
    HookReport::ended(id(name, stage), started * MS, took * MS, outcome, &work)
}

fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Outcome {
    Outcome::failed(error)
}

fn summary(took: u32) -> Summary {
    let sender = Some(Process { pid: 4242, uid: 0 });
    let reason = Some(Reason::Signal { signal: Signal::Terminate, sender });
    Summary { budget: 10_000 * MS, took: took * MS, reason, ..Summary::default() }
}

#[track_caller]
fn assert_shown(report: &Report, lines: &[&str]) {
    assert_styled(report, Style::PLAIN, lines);
    assert!(report.to_string().is_ascii());
}

#[track_caller]
fn assert_styled(report: &Report, style: Style, lines: &[&str]) {
    let shown = Timeline::new(report, style).to_string();
    assert_eq!(shown.lines().collect::<Vec<_>>(), lines, "\n{shown}");
    assert!(
        style.has_colors || shown.lines().skip(1).all(|line| width(line) <= WIDTH),
        "\n{shown}"
    );
}

fn example() -> Report {
    let hooks = vec![
        hook("keep serving", 1, Outcome::Done, 300, 2_000),
        hook("requests", 2, Outcome::TimedOut, 2_300, 2_667),
        hook("cache", 3, Outcome::Done, 4_967, 502),
        hook("queue", 3, failed("connection refused"), 4_967, 3),
        hook("spool", 3, Outcome::Abandoned, 4_967, 2_367),
        hook("database", 4, Outcome::Panicked("no\npool".into()), 7_334, 0),
        HookReport::not_started(id("telemetry", 4)),
    ];
    Report::new(hooks, Summary { before: 300 * MS, ..summary(7_400) })
}

#[test]
fn a_file_gets_plain_text() {
    assert_shown(
        &example(),
        &[
            "2 of 7 hooks done in 7.4 s of 10.0 s, requested by SIGTERM from pid 4242 (uid 0)",
            "   before hooks  |=                           |                300 ms",
            "1  keep serving  |======                      |  done           2.0 s",
            "2  requests      |      =======               |  timed out      2.7 s",
            "3  cache         |             ==             |  done          502 ms",
            "   queue         |             .              |  failed          3 ms",
            "                 | connection refused",
            "   spool         |             =======        |  abandoned      2.4 s",
            "4  database      |                    .       |  panicked        0 ms",
            r"                 | no\npool",
            "   telemetry     |                            |  not started",
        ],
    );
}

/// A stage with a hook, and a set of connections with these outcomes beside it.
fn with_set(outcomes: Vec<Outcome>) -> Report {
    let work = TrackedWork::default();
    let of_set = |(number, outcome): (u32, Outcome)| {
        let id = HookId { set: Some(1), ..id(&format!("client {number}"), 1) };
        match outcome {
            Outcome::NotStarted => HookReport::not_started(id),
            outcome => HookReport::ended(id, number * 10 * MS, 2_000 * MS, outcome, &work),
        }
    };
    let mut hooks = vec![hook("cache", 1, Outcome::Done, 0, 500)];
    hooks.extend((1..).zip(outcomes).map(of_set));
    hooks.push(hook("database", 2, Outcome::Done, 5_000, 500));
    Report::new(hooks, summary(5_500))
}

#[test]
fn a_set_of_more_than_twenty_hooks_has_one_row() {
    let rows = |report: Report| report.to_string().lines().count() - 1;
    assert_eq!(rows(with_set(vec![Outcome::Done; 20])), 22);
    let of_no_set = (0..21).map(|_| hook("cache", 1, Outcome::Done, 0, 500)).collect();
    assert_eq!(rows(Report::new(of_no_set, summary(500))), 21);
    assert_shown(
        &with_set(vec![Outcome::Done; 21]),
        &[
            "23 of 23 hooks done in 5.5 s of 10.0 s, requested by SIGTERM from pid 4242 (uid 0)",
            "1  cache                 |=                           |  done          500 ms",
            "   client 1 and 20 more  |======                      |  done           2.2 s",
            "2  database              |              =             |  done          500 ms",
        ],
    );
}

#[test]
fn a_large_set_names_the_hooks_that_are_not_done() {
    let mut outcomes = vec![Outcome::Done; 200];
    outcomes[6] = Outcome::TimedOut;
    outcomes[8] = failed("gone\naway");
    outcomes.extend(vec![Outcome::NotStarted; 12]);
    outcomes[0] = Outcome::Panicked("index".into());
    assert_shown(
        &with_set(outcomes),
        &[
            "199 of 214 hooks done in 5.5 s of 10.0 s, requested by SIGTERM from pid 4242 (uid 0)",
            "1  cache                  |=                           |  done          500 ms",
            "   client 1 and 211 more  |===========                 |  197 done       4.0 s",
            r"                          | 1 failed: client 9 (gone\naway)",
            "                          | 12 not started: client 201, client 202, client 203,",
            "                          | client 204, client 205, client 206, client 207,",
            "                          | client 208, client 209, client 210 and 2 more",
            "                          | 1 panicked: client 1 (index)",
            "                          | 1 timed out: client 7",
            "2  database               |              =             |  done          500 ms",
        ],
    );
    let never = with_set(vec![Outcome::NotStarted; 21]).to_string();
    assert!(never.contains("|  0 done\n"), "{never}");
}

#[test]
fn a_terminal_gets_half_columns() {
    assert_styled(
        &example(),
        BLOCKS,
        &[
            "2 of 7 hooks done in 7.4 s of 10.0 s, requested by SIGTERM from pid 4242 (uid 0)",
            "   before hooks  │▌                           │                300 ms",
            "1  keep serving  │▐█████                      │  done           2.0 s",
            "2  requests      │      ███████▌              │  timed out      2.7 s",
            "3  cache         │             ▐█             │  done          502 ms",
            "   queue         │             ▕              │  failed          3 ms",
            "                 │ connection refused",
            "   spool         │             ▐██████▌       │  abandoned      2.4 s",
            "4  database      │                    ▕       │  panicked        0 ms",
            r"                 │ no\npool",
            "   telemetry     │                            │  not started",
        ],
    );
}

#[test]
fn colors_show_the_outcomes() {
    let hooks = vec![
        hook("a", 1, Outcome::Done, 0, 10_000),
        hook("b", 1, failed("refused"), 0, 0),
        HookReport::not_started(id("c", 1)),
    ];
    let report = Report::new(hooks, summary(10_000));
    let (edge, blank, full) = ("\x1b[2m│\x1b[0m", " ".repeat(28), "█".repeat(28));
    let start = format!("▏{}", " ".repeat(27));
    assert_styled(
        &report,
        COLORS,
        &[
            "\x1b[31m1 of 3 hooks done\x1b[0m in 10.0 s of 10.0 s, requested by SIGTERM from pid 4242 (uid 0)",
            &format!(
                "1  a  {edge}\x1b[32m{full}\x1b[0m{edge}  \x1b[32mdone       \x1b[0m   10.0 s"
            ),
            &format!(
                "   b  {edge}\x1b[31m{start}\x1b[0m{edge}  \x1b[31mfailed     \x1b[0m     0 ms"
            ),
            &format!("      {edge} refused"),
            &format!("   c  {edge}{blank}{edge}  \x1b[33mnot started\x1b[0m"),
        ],
    );
}

#[test]
fn nothing_is_cut() {
    let long = ["an error that goes on and on"; 5].join(" ");
    let hooks = vec![
        hook("two\r\nlines\tand more than fits", 1, Outcome::Panicked(long), 0, 20_000),
        hook("", 100, failed(format!("/{}", "x".repeat(70))), 20_000, 0),
    ];
    assert_shown(
        &Report::new(hooks, summary(20_000)),
        &[
            "0 of 2 hooks done in 20.0 s of 10.0 s, requested by SIGTERM from pid 4242 (uid 0)",
            r"1  two\r\nlines\tand  |============================|  panicked      20.0 s",
            "   more than fits",
            "                      | an error that goes on and on an error that goes on and",
            "                      | on an error that goes on and on an error that goes on",
            "                      | and on an error that goes on and on",
            "100                    |                           .|  failed          0 ms",
            "                      | /xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "                      | xxxxxxxxxxxxxxxx",
        ],
    );
}

#[test]
fn wide_and_combining_characters_align() {
    let hooks = vec![
        hook("データベース", 1, Outcome::Done, 0, 5_000),
        hook("cafe\u{301} 🚀", 1, Outcome::Done, 0, 5_000),
        hook("plain", 1, failed("\x1b[31m\u{202e}evil"), 0, 5_000),
    ];
    assert_styled(
        &Report::new(hooks, summary(5_000)),
        Style::PLAIN,
        &[
            "2 of 3 hooks done in 5.0 s of 10.0 s, requested by SIGTERM from pid 4242 (uid 0)",
            "1  データベース  |==============              |  done           5.0 s",
            "   cafe\u{301} 🚀       |==============              |  done           5.0 s",
            "   plain         |==============              |  failed         5.0 s",
            r"                 | \u{1b}[31m\u{202e}evil",
        ],
    );
}

/// A character is not cut in two, and a combining one stays with its base.
#[test]
fn long_names_wrap_at_columns() {
    let combining = format!("{}e\u{301}d", "x".repeat(20));
    let hooks =
        ["データベースデータベース", &combining].map(|name| hook(name, 1, Outcome::Done, 0, 5_000));
    assert_styled(
        &Report::new(hooks.into(), summary(5_000)),
        Style::PLAIN,
        &[
            "2 of 2 hooks done in 5.0 s of 10.0 s, requested by SIGTERM from pid 4242 (uid 0)",
            "1  データベースデータベ   |==============              |  done           5.0 s",
            "   ース",
            "   xxxxxxxxxxxxxxxxxxxxe\u{301}  |==============              |  done           5.0 s",
            "   d",
        ],
    );
}

#[test]
fn without_a_limit_the_scale_is_the_time_it_took() {
    let hooks = vec![
        hook("slow", 1, Outcome::Done, 0, 5_400_000),
        hook("b", 2, Outcome::Done, 5_400_000, 90_000),
    ];
    let (budget, took) = (Duration::MAX, 5_490_000 * MS);
    assert_shown(
        &Report::new(hooks, Summary { budget, took, ..Summary::default() }),
        &[
            "2 of 2 hooks done in 1h 31m, without a limit",
            "1  slow  |=========================== |  done          1h 30m",
            "2  b     |                           .|  done          1m 30s",
        ],
    );
    let nothing = Report::new(Vec::new(), Summary { reason: None, ..summary(3) });
    assert_shown(&nothing, &["no hooks in 3 ms of 10.0 s"]);
}

#[test]
fn a_request_is_shown_with_its_message() {
    let reason = Some(Reason::Request("config\nchanged".into()));
    let report = Report::new(Vec::new(), Summary { reason, ..summary(3) });
    assert_shown(&report, &[r"no hooks in 3 ms of 10.0 s, request: config\nchanged"]);
}

/// The lines of a hook that waited for work of these names.
fn shown_in_flight(names: &[&'static str]) -> Vec<String> {
    let (in_flight, work) = (InFlight::new(), TrackedWork::default().into());
    let _guards: Vec<_> = names.iter().map(|&name| in_flight.enter(name)).collect();
    in_hook(&work, || record_wait(&in_flight));
    let hook = HookReport::ended(id("a", 1), Duration::ZERO, MS, Outcome::TimedOut, &work);
    let shown = Report::new(vec![hook], summary(1)).to_string();
    // How long the work has been running depends on the machine.
    shown.lines().skip(2).map(without_times).collect()
}

fn without_times(line: &str) -> String {
    line.split(" (").map(|part| part.split_once(')').map_or(part, |(_, rest)| rest)).collect()
}

#[test]
fn in_flight_work_is_named_up_to_a_number() {
    assert_eq!(shown_in_flight(&[]), [""; 0]);
    assert_eq!(shown_in_flight(&["a", "b", "b"]), ["      | in flight: a, b, b"]);
    assert!(!shown_in_flight(&["x"; 10]).concat().contains("more"));
    let many = shown_in_flight(&["x"; 13]).concat();
    assert_eq!(many.matches('x').count(), 10, "{many}");
    assert!(many.ends_with(" and 3 more"), "{many}");
}

#[test]
fn a_failed_shutdown_is_not_clean() {
    let report = |failed: bool| {
        let failure = failed.then(|| "no\ndisk".into());
        Report::new(vec![hook("a", 1, Outcome::Done, 0, 0)], Summary { failure, ..summary(1) })
    };
    assert!(report(false).is_clean() && !report(true).is_clean());
    assert_eq!((report(false).status(), report(true).status()), (0, 1));
    let shown = report(true).to_string();
    let summary = shown.lines().next().unwrap_or_default();
    assert!(summary.ends_with(r" (uid 0), marked as a failure: no\ndisk"), "{shown}");
}

/// Its row says it, so the summary does not.
#[test]
fn an_error_of_the_program_is_said_once() {
    let shown = |reason, failure: &str| {
        let main = hook("main", 1, failed("no\ndisk"), 0, 1);
        let summary = Summary { reason, failure: Some(failure.into()), ..summary(1) };
        let shown = Report::new(vec![main], summary).to_string();
        assert!(shown.ends_with(r"| no\ndisk"), "{shown}");
        shown.lines().next().unwrap_or_default().to_owned()
    };
    let of_main = "main failed: no\ndisk";
    let first = shown(Some(Reason::Request(of_main.into())), of_main);
    assert!(first.ends_with(" of 10.0 s, request: main failed"), "{first}");
    let after_another = shown(Some(Reason::Request("enough".into())), of_main);
    assert!(after_another.ends_with(", request: enough"), "{after_another}");
    let after_a_signal = shown(summary(1).reason, of_main);
    assert!(after_a_signal.ends_with(" (uid 0)"), "{after_a_signal}");
    let other = shown(summary(1).reason, "no port");
    assert!(other.ends_with(", marked as a failure: no port"), "{other}");
}
