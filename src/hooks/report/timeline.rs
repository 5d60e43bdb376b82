//! The report as a person reads it: a line for each hook, and a bar on the scale of the budget.

use std::fmt;
use std::time::Duration;

use super::{HookReport, Outcome, Report};
use crate::human_duration::HumanDuration;
use crate::in_flight::InFlightEntry;

/// A line is never longer: 79 columns fit every terminal.
const WIDTH: usize = 79;
const BAR: usize = 28;
/// Around the name: the stage and two gaps before it, bar, outcome and time after it.
const LONGEST_NAME: usize = WIDTH - (STAGE + 2) - (2 + BAR + 2) - (2 + OUTCOME) - (1 + TIME);
const STAGE: usize = 2;
const OUTCOME: usize = 11;
const TIME: usize = 8;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_summary(self, f)?;
        let names = self.hooks.iter().map(|hook| shown(hook.name(), LONGEST_NAME));
        let longest = names.map(|name| name.chars().count()).max().unwrap_or(0);
        let mut stage = None;
        for hook in &self.hooks {
            let is_first = stage.replace(hook.stage()) != Some(hook.stage());
            write_hook(self.scale(), hook, is_first, longest, f)?;
        }
        Ok(())
    }
}

fn write_summary(report: &Report, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (all, took) = (report.hooks.len(), HumanDuration(report.took()));
    let done = report.hooks.iter().filter(|hook| hook.outcome().is_done()).count();
    match all {
        0 => write!(f, "no hooks, ")?,
        _ => write!(f, "{done} of {all} hooks done in ")?,
    }
    match HumanDuration(report.budget()) {
        budget if budget.is_unlimited() => write!(f, "{took}, without a limit")?,
        budget => write!(f, "{took} of {budget}")?,
    }
    if let Some(reason) = report.reason() {
        write!(f, ", asked by {}", shown(&reason.to_string(), WIDTH / 2))?;
    }
    Ok(())
}

impl Report {
    /// What the whole width of a bar stands for.
    fn scale(&self) -> Duration {
        let is_endless = HumanDuration(self.budget()).is_unlimited();
        if is_endless { self.took() } else { self.budget() }.max(Duration::from_nanos(1))
    }
}

fn write_hook(
    scale: Duration,
    hook: &HookReport,
    is_first: bool,
    longest: usize,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let stage = if is_first { (hook.stage() + 1).to_string() } else { String::new() };
    let (name, bar) = (shown(hook.name(), LONGEST_NAME), bar(hook, scale));
    let outcome = hook.outcome().label();
    write!(f, "\n{stage:<STAGE$} {name:<longest$}  |{bar}|  {outcome}")?;
    if !matches!(hook.outcome(), Outcome::NotStarted) {
        let gap = OUTCOME - outcome.len();
        write!(f, "{:gap$} {:>TIME$}", "", HumanDuration(hook.took()).to_string())?;
    }
    let indent = STAGE + 1 + longest + 2;
    let details = hook.outcome().detail().into_iter().chain(in_flight(hook.in_flight()));
    for detail in details {
        write!(f, "\n{:indent$}| {}", "", shown(&detail, WIDTH - indent - 2))?;
    }
    Ok(())
}

/// From the beginning to the end of a hook that has begun; at least one column.
fn bar(hook: &HookReport, scale: Duration) -> String {
    if matches!(hook.outcome(), Outcome::NotStarted) {
        return " ".repeat(BAR);
    }
    let column = |time: Duration| {
        let column = time.as_nanos().saturating_mul(BAR as u128) / scale.as_nanos();
        usize::try_from(column).unwrap_or(BAR).min(BAR)
    };
    let from = column(hook.started()).min(BAR - 1);
    let to = column(hook.started().saturating_add(hook.took())).max(from + 1);
    (0..BAR).map(|at| if (from..to).contains(&at) { '=' } else { ' ' }).collect()
}

fn in_flight(open: &[InFlightEntry]) -> Option<String> {
    const NAMED: usize = 3;
    let named: Vec<_> = open.iter().take(NAMED).map(ToString::to_string).collect();
    let more = open.len().saturating_sub(NAMED);
    match (named.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(format!("in flight: {}", named.join(", "))),
        _ => Some(format!("{} in flight: {}, …", open.len(), named.join(", "))),
    }
}

/// On one line, and no longer than `limit`.
fn shown(text: &str, limit: usize) -> String {
    let mut line = String::new();
    for part in text.chars() {
        match part {
            _ if part.is_control() => line.extend(part.escape_default()),
            _ => line.push(part),
        }
    }
    if line.chars().count() > limit {
        line = line.chars().take(limit.saturating_sub(1)).collect();
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::super::{Outcome, Summary};
    use super::*;
    use crate::reason::{Process, Reason};
    use crate::signal::Signal;
    use crate::tracked_work::TrackedWork;

    const MS: Duration = Duration::from_millis(1);

    fn hook(name: &str, stage: usize, outcome: Outcome, started: u32, took: u32) -> HookReport {
        let work = TrackedWork::default();
        HookReport::ended(name.into(), stage, started * MS, took * MS, outcome, &work)
    }

    fn report(hooks: Vec<HookReport>, took: u32) -> Report {
        let sender = Some(Process { pid: 4242, uid: 0 });
        let reason = Some(Reason::Signal { signal: Signal::Terminate, sender });
        let (took, budget) = (took * MS, 10_000 * MS);
        Report::new(hooks, Summary { budget, took, reason, ..Summary::default() })
    }

    #[track_caller]
    fn assert_shown(report: &Report, lines: &[&str]) {
        let shown = report.to_string();
        assert_eq!(shown.lines().collect::<Vec<_>>(), lines, "\n{shown}");
        assert!(shown.lines().all(|line| line.chars().count() <= WIDTH), "\n{shown}");
    }

    #[test]
    fn a_person_sees_what_happened() {
        let refused = Outcome::Failed(io::Error::other("connection refused").into());
        let hooks = vec![
            hook("keep serving", 0, Outcome::Done, 0, 2_000),
            hook("requests", 1, Outcome::TimedOut, 2_000, 2_667),
            hook("cache", 2, Outcome::Done, 4_667, 502),
            hook("queue", 2, refused, 4_667, 3),
            hook("spool", 2, Outcome::Abandoned, 4_667, 2_667),
            hook("database", 3, Outcome::Panicked("no\npool".into()), 7_334, 0),
            hook("telemetry", 3, Outcome::NotStarted, 0, 0),
        ];
        assert_shown(
            &report(hooks, 7_400),
            &[
                "2 of 7 hooks done in 7.40 s of 10.0 s, asked by SIGTERM from pid 4242 (uid 0)",
                "1  keep serving  |=====                       |  done          2.00 s",
                "2  requests      |     ========               |  timed out     2.67 s",
                "3  cache         |             =              |  done          502 ms",
                "   queue         |             =              |  failed          3 ms",
                "                 | connection refused",
                "   spool         |             =======        |  abandoned     2.67 s",
                "4  database      |                    =       |  panicked        0 ms",
                r"                 | no\npool",
                "   telemetry     |                            |  not started",
            ],
        );
    }

    #[test]
    fn whatever_the_names_are_a_line_is_a_line() {
        let long = "an error that goes on and on ".repeat(9);
        let hooks = vec![
            hook("two\r\nlines\tand more than fits", 0, Outcome::Panicked(long), 0, 20_000),
            hook("", 99, Outcome::Done, 20_000, 0),
        ];
        assert_shown(
            &report(hooks, 20_000),
            &[
                "1 of 2 hooks done in 20.0 s of 10.0 s, asked by SIGTERM from pid 4242 (uid 0)",
                r"1  two\r\nlines\tand mo…  |============================|  panicked      20.0 s",
                "                          | an error that goes on and on an error that goes on…",
                "100                        |                           =|  done            0 ms",
            ],
        );
    }

    #[test]
    fn without_a_limit_the_scale_is_the_time_it_took() {
        let hooks = vec![
            hook("slow", 0, Outcome::Done, 0, 90_000),
            hook("b", 1, Outcome::Done, 90_000, 90_000),
        ];
        let endless = Report::new(
            hooks,
            Summary { budget: Duration::MAX, took: 180_000 * MS, ..Summary::default() },
        );
        assert_shown(
            &endless,
            &[
                "2 of 2 hooks done in 3m 00s, without a limit",
                "1  slow  |==============              |  done          1m 30s",
                "2  b     |              ==============|  done          1m 30s",
            ],
        );
        let nothing = Report::new(Vec::new(), Summary::default());
        assert_shown(&nothing, &["no hooks, 0 ms of 0 ms"]);
    }

    #[test]
    fn open_work_is_named_up_to_a_point() {
        let work = crate::InFlight::new();
        let open = |names: &[&'static str]| {
            let _guards: Vec<_> = names.iter().map(|&name| work.enter(name)).collect();
            in_flight(&work.entries()).map(|text| text.replace("(1 ms)", "(0 ms)"))
        };
        assert_eq!(open(&[]), None);
        assert_eq!(open(&["a", "b"]).unwrap(), "in flight: a (0 ms), b (0 ms)");
        let many = open(&["a", "b", "c", "d"]).unwrap();
        assert_eq!(many, "4 in flight: a (0 ms), b (0 ms), c (0 ms), …");
    }
}
