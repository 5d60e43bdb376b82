//! The report as a timeline.
//!
//! The summary is the first line. Below it, each hook has a row: its stage, its name, a bar on the
//! scale of the budget, its outcome and its time. A large set of hooks shares one row. Details, such
//! as errors and in-flight work, have lines of their own below the row.

use std::fmt::{self, Write};
use std::time::Duration;

use super::{HookReport, Outcome, Report};
use crate::signal::reason::Reason;
use crate::util::human_duration::HumanDuration;
use crate::util::human_list::HumanList;
use crate::util::text::{Color, Style, escape, pad, width, wrap};

/// The maximum width of a row: 79 columns fit every terminal.
pub(super) const WIDTH: usize = 79;
const STAGE: usize = 2;
const BAR: usize = 28;
const OUTCOME: usize = 11;
const TIME: usize = 8;
/// The names get what the stage, the bar, the outcome, the time and the gaps leave.
const LONGEST_NAME: usize = WIDTH - (STAGE + 2) - (2 + BAR + 2) - (2 + OUTCOME) - (1 + TIME);

/// A set with more hooks than this has one row.
const MAX_LISTED: usize = 20;
/// The most names in one detail. The others are counted, and [`Report::hooks`] has them all.
const MAX_NAMED: usize = 10;

/// Shows a report in a style.
pub(super) struct Timeline<'a> {
    report: &'a Report,
    style: Style,
    rows: Vec<Row>,
    name_width: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Timeline::new(self, Style::PLAIN).fmt(f)
    }
}

impl fmt::Display for Timeline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_summary(f)?;
        self.rows.iter().try_for_each(|row| self.write_row(row, f))
    }
}

impl<'a> Timeline<'a> {
    pub(super) fn new(report: &'a Report, style: Style) -> Self {
        let rows = Row::all(report);
        let names = rows.iter().flat_map(Row::name_lines).map(|name| width(&name));
        Self { report, style, name_width: names.max().unwrap_or(0), rows }
    }

    /// The only line that is not wrapped, so that a log has the whole summary on one line.
    fn write_summary(&self, f: &mut impl Write) -> fmt::Result {
        let report = self.report;
        let done = report.hooks().iter().filter(|hook| hook.outcome().is_done()).count();
        let hooks = match report.hooks().len() {
            0 => "no hooks".to_owned(),
            all => format!("{done} of {all} hooks done"),
        };
        let color = if report.is_clean() { Color::Green } else { Color::Red };
        f.write_str(&self.style.paint(color, &hooks))?;
        write!(f, " in {}", HumanDuration(report.took()))?;
        match HumanDuration(report.budget()) {
            budget if budget.is_unlimited() => f.write_str(", without a limit")?,
            budget => write!(f, " of {budget}")?,
        }
        let failed = self.failed_program();
        match (report.reason(), failed) {
            (Some(reason @ Reason::Signal { .. }), _) => write!(f, ", requested by {reason}")?,
            (Some(Reason::Request(why)), Some(main)) if report.failure() == Some(why) => {
                write!(f, ", request: {} {}", escape(main.name()), main.outcome().label())?;
            }
            (Some(reason), _) => write!(f, ", {}", escape(&reason.to_string()))?,
            (None, _) => {}
        }
        let Some(failure) = report.failure().filter(|_| failed.is_none()) else { return Ok(()) };
        f.write_str(", marked as a failure")?;
        match report.reason() {
            Some(Reason::Request(why)) if **why == *failure => Ok(()), // already printed as the reason
            _ => write!(f, ": {}", escape(failure)),
        }
    }

    /// Returns the hook that is the failure, as a program that has failed is. Its row has the error.
    fn failed_program(&self) -> Option<&HookReport> {
        let failure = self.report.failure()?;
        let is_failure = |hook: &&HookReport| hook.outcome().sentence(hook.name()) == failure;
        self.report.hooks().iter().find(is_failure)
    }

    fn write_row(&self, row: &Row, f: &mut impl Write) -> fmt::Result {
        let stage = row.stage.map(|stage| stage.to_string()).unwrap_or_default();
        let mut names = row.name_lines().into_iter();
        let name = pad(&names.next().unwrap_or_default(), self.name_width);
        write!(f, "\n{stage:<STAGE$} {name}  ")?;
        self.write_bar(row, f)?;
        for name in names {
            write!(f, "\n{:STAGE$} {name}", "")?;
        }
        let indent = STAGE + 1 + self.name_width + 2;
        for line in row.details.iter().flat_map(|text| wrap(&escape(text), WIDTH - indent - 2)) {
            write!(f, "\n{:indent$}{} {line}", "", self.style.edge())?;
        }
        Ok(())
    }

    fn write_bar(&self, row: &Row, f: &mut impl Write) -> fmt::Result {
        let (style, edge) = (self.style, self.style.edge());
        let Some((started, took)) = row.ran else {
            let label = style.paint(row.color, &row.label);
            return write!(f, "{edge}{:BAR$}{edge}  {label}", "");
        };
        let bar = style.paint(row.color, &bar(started, took, self.scale(), style.has_blocks));
        let label = style.paint(row.color, &pad(&row.label, OUTCOME));
        write!(f, "{edge}{bar}{edge}  {label} {:>TIME$}", HumanDuration(took).to_string())
    }

    /// Returns the time of a whole bar.
    fn scale(&self) -> Duration {
        let budget = self.report.budget();
        if HumanDuration(budget).is_unlimited() { self.report.took() } else { budget }
    }
}

/// Draws the time from `started` on. `scale` is the time of the whole bar.
///
/// A column is one step, or two if there are half blocks. Every bar has at least one step, which is
/// drawn thinner if the time is less than half of it.
fn bar(started: Duration, took: Duration, scale: Duration, has_blocks: bool) -> String {
    let steps = if has_blocks { 2 * BAR } else { BAR };
    let step = |time: Duration| {
        let step = time.as_nanos().saturating_mul(steps as u128) / scale.as_nanos().max(1);
        usize::try_from(step).unwrap_or(steps).min(steps)
    };
    let from = step(started).min(steps - 1);
    let to = step(started.saturating_add(took)).max(from + 1);
    let is_instant = step(took.saturating_mul(2)) == 0;
    let contains = |step| (from..to).contains(&step);
    let column = |column| {
        if !has_blocks {
            return if !contains(column) {
                ' '
            } else if is_instant {
                '.'
            } else {
                '='
            };
        }
        match (contains(2 * column), contains(2 * column + 1)) {
            (false, false) => ' ',
            (true, _) if is_instant => '▏',
            (false, true) if is_instant => '▕',
            (true, true) => '█',
            (true, false) => '▌',
            (false, true) => '▐',
        }
    };
    (0..BAR).map(column).collect()
}

/// One row, and the lines below it.
struct Row {
    /// In the first row of a stage.
    stage: Option<usize>,
    name: String,
    /// When it started and how long it took; `None` if it never started.
    ran: Option<(Duration, Duration)>,
    label: String,
    color: Color,
    details: Vec<String>,
}

impl Row {
    fn all(report: &Report) -> Vec<Self> {
        let mut rows = Vec::from_iter(Self::before_hooks(report.before_hooks()));
        let mut last_stage = None;
        for hooks in report.hooks().chunk_by(HookReport::is_of_same_set) {
            let mut add = |stage, row| {
                let is_first = last_stage.replace(stage) != Some(stage);
                rows.push(Self { stage: is_first.then_some(stage), ..row });
            };
            match hooks {
                [first, ..] if hooks.len() > MAX_LISTED => {
                    add(first.stage(), Self::of_many(first, hooks));
                }
                _ => hooks.iter().for_each(|hook| add(hook.stage(), Self::of_hook(hook))),
            }
        }
        rows
    }

    /// The time from the request to the start of the hooks, if it is worth a row.
    fn before_hooks(time: Duration) -> Option<Self> {
        (time >= Duration::from_millis(1)).then(|| Self {
            stage: None,
            name: "before hooks".into(),
            ran: Some((Duration::ZERO, time)),
            label: String::new(),
            color: Color::Dim,
            details: Vec::new(),
        })
    }

    fn of_hook(hook: &HookReport) -> Self {
        let in_flight = HumanList::new(hook.in_flight()).max(MAX_NAMED);
        let in_flight = (!hook.in_flight().is_empty()).then(|| format!("in flight: {in_flight}"));
        Self {
            stage: None,
            name: hook.name().into(),
            ran: hook.has_started().then(|| (hook.started(), hook.took())),
            label: hook.outcome().label().into(),
            color: color(hook.outcome()),
            details: hook.outcome().detail().into_iter().chain(in_flight).collect(),
        }
    }

    /// Counts the hooks that are done, and names the others.
    fn of_many(first: &HookReport, hooks: &[HookReport]) -> Self {
        let is_done = |hook: &&HookReport| hook.outcome().is_done();
        let (done, mut others): (Vec<_>, Vec<_>) = hooks.iter().partition(is_done);
        others.sort_by_key(|hook| hook.outcome().label());
        let outcomes = others.chunk_by(|one, next| one.outcome().label() == next.outcome().label());
        let colors = || others.iter().map(|hook| color(hook.outcome()));
        let is_red = |color: &Color| *color == Color::Red;
        Self {
            stage: None,
            name: format!("{} and {} more", first.name(), hooks.len() - 1),
            ran: ran(hooks),
            label: match (done.len(), others.is_empty()) {
                (_, true) => "done".into(),
                (done, false) => format!("{done} done"),
            },
            color: colors().find(is_red).or(colors().next()).unwrap_or(Color::Green),
            details: outcomes.map(not_done).collect(),
        }
    }

    fn name_lines(&self) -> Vec<String> {
        wrap(&escape(&self.name), LONGEST_NAME)
    }
}

/// `2 failed: connection 7 (refused), connection 9 (refused)`.
fn not_done(hooks: &[&HookReport]) -> String {
    let name = |hook: &&HookReport| match hook.outcome().detail() {
        Some(error) => format!("{} ({error})", hook.name()),
        None => hook.name().to_owned(),
    };
    let label = hooks.first().map_or("", |hook| hook.outcome().label());
    let names: Vec<_> = hooks.iter().map(name).collect();
    format!("{} {label}: {}", hooks.len(), HumanList::new(&names).max(MAX_NAMED))
}

/// From the first start to the last end.
fn ran(hooks: &[HookReport]) -> Option<(Duration, Duration)> {
    let started = || hooks.iter().filter(|hook| hook.has_started());
    let start = started().map(HookReport::started).min()?;
    let end = started().map(|hook| hook.started() + hook.took()).max()?;
    Some((start, end.saturating_sub(start)))
}

fn color(outcome: &Outcome) -> Color {
    match outcome {
        Outcome::Done => Color::Green,
        Outcome::Failed(_) | Outcome::Panicked(_) => Color::Red,
        _ => Color::Yellow,
    }
}
