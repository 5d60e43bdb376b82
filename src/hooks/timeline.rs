//! The report as a person reads it: a line for each hook, and a bar on the scale of the budget.

use std::fmt;
use std::time::Duration;

use super::report::{HookReport, Report};
use crate::in_flight::OpenWork;

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
        let names = self.hooks.iter().map(|hook| shown(&hook.name, LONGEST_NAME));
        let longest = names.map(|name| name.chars().count()).max().unwrap_or(0);
        let mut stage = None;
        for hook in &self.hooks {
            let is_first = stage.replace(hook.stage) != Some(hook.stage);
            write_hook(self.scale(), hook, is_first, longest, f)?;
        }
        Ok(())
    }
}

fn write_summary(report: &Report, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (all, took) = (report.hooks.len(), Time(report.took));
    let done = report.hooks.iter().filter(|hook| hook.outcome.is_done()).count();
    match all {
        0 => write!(f, "no hooks, ")?,
        _ => write!(f, "{done} of {all} hooks done in ")?,
    }
    write!(f, "{took} of {}", Time(report.budget))?;
    if let Some(reason) = &report.reason {
        write!(f, ", asked by {}", shown(&reason.to_string(), WIDTH / 2))?;
    }
    Ok(())
}

impl Report {
    /// What the whole width of a bar stands for.
    fn scale(&self) -> Duration {
        let is_endless = Time(self.budget).is_endless();
        if is_endless { self.took } else { self.budget }.max(Duration::from_nanos(1))
    }
}

fn write_hook(
    scale: Duration,
    hook: &HookReport,
    is_first: bool,
    longest: usize,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let stage = if is_first { (hook.stage + 1).to_string() } else { String::new() };
    let (name, bar) = (shown(&hook.name, LONGEST_NAME), bar(hook, scale));
    let (outcome, time) = (hook.outcome.label(), Time(hook.took).to_string());
    write!(f, "\n{stage:<STAGE$} {name:<longest$}  |{bar}|  {outcome:<OUTCOME$} {time:>TIME$}")?;
    let indent = STAGE + 1 + longest + 2;
    let details = hook.outcome.detail().into_iter().chain(still_open(&hook.still_open));
    for detail in details {
        write!(f, "\n{:indent$}| {}", "", shown(&detail, WIDTH - indent - 2))?;
    }
    Ok(())
}

/// From the beginning to the end of a hook; at least one column.
fn bar(hook: &HookReport, scale: Duration) -> String {
    let column = |time: Duration| {
        let column = time.as_nanos().saturating_mul(BAR as u128) / scale.as_nanos();
        usize::try_from(column).unwrap_or(BAR).min(BAR)
    };
    let from = column(hook.started).min(BAR - 1);
    let to = column(hook.started.saturating_add(hook.took)).max(from + 1);
    (0..BAR).map(|at| if (from..to).contains(&at) { '=' } else { ' ' }).collect()
}

fn still_open(open: &[OpenWork]) -> Option<String> {
    const NAMED: usize = 3;
    let named: Vec<_> = open.iter().take(NAMED).map(ToString::to_string).collect();
    let more = open.len().saturating_sub(NAMED);
    match (named.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(format!("still open: {}", named.join(", "))),
        _ => Some(format!("{} still open: {}, …", open.len(), named.join(", "))),
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

/// A duration as people write it.
pub(crate) struct Time(pub(crate) Duration);

impl Time {
    /// A thousand years.
    fn is_endless(&self) -> bool {
        self.0.as_secs() > 1_000 * 365 * 24 * 60 * 60
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, exact) = (self.0.as_secs(), self.0.as_secs_f64());
        match seconds {
            _ if self.is_endless() => f.write_str("no limit"),
            0 => write!(f, "{} ms", self.0.as_millis()),
            1..10 => write!(f, "{exact:.2} s"),
            10..60 => write!(f, "{exact:.1} s"),
            60..3600 => write!(f, "{}m {:02}s", seconds / 60, seconds % 60),
            _ => write!(f, "{}h {:02}m", seconds / 3600, seconds / 60 % 60),
        }
    }
}
