//! The report as a timeline: one row per hook, with a bar on the scale of the budget.

use std::fmt::{self, Write};
use std::time::Duration;

use super::style::{Color, Style};
use super::text::{escape, pad, width, wrap};
use super::{HookReport, Outcome, Report, bar};
use crate::human_duration::HumanDuration;
use crate::in_flight::InFlightEntry;
use crate::reason::Reason;

/// Rows are never longer: 79 columns fit every terminal.
pub(super) const WIDTH: usize = 79;
const STAGE: usize = 2;
const OUTCOME: usize = 11;
const TIME: usize = 8;
/// The names get what the stage, the bar, the outcome, the time and the gaps leave.
const LONGEST_NAME: usize =
    WIDTH - (STAGE + 2) - (2 + bar::COLUMNS + 2) - (2 + OUTCOME) - (1 + TIME);
/// How much in-flight work is named; the report gives the number of the rest.
const NAMED: usize = 10;

/// Shows a report in a style.
pub(super) struct Timeline<'a> {
    report: &'a Report,
    style: Style,
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
        self.rows().try_for_each(|row| self.write_row(&row, f))
    }
}

/// One row, and the lines below it.
struct Row<'a> {
    stage: Option<usize>,
    name: Vec<String>,
    /// When it started and how long it took; `None` if it never started.
    ran: Option<(Duration, Duration)>,
    outcome: Option<&'a Outcome>,
    in_flight: &'a [InFlightEntry],
}

impl Row<'_> {
    /// The time from the request to the start of the hooks.
    fn before(report: &Report) -> Option<Self> {
        let (start, time) = (Duration::ZERO, report.before_hooks());
        let is_shown = time >= Duration::from_millis(1);
        is_shown.then(|| Row {
            stage: None,
            name: vec!["before hooks".into()],
            ran: Some((start, time)),
            outcome: None,
            in_flight: &[],
        })
    }

    fn color(&self) -> Color {
        match self.outcome {
            None => Color::Dim,
            Some(Outcome::Done) => Color::Green,
            Some(Outcome::Failed(_) | Outcome::Panicked(_)) => Color::Red,
            Some(_) => Color::Yellow,
        }
    }
}

impl<'a> Row<'a> {
    fn of_hook(hook: &'a HookReport, is_first: bool) -> Self {
        let never_started = matches!(hook.outcome(), Outcome::NotStarted);
        Self {
            stage: is_first.then(|| hook.stage() + 1),
            name: wrap(&escape(hook.name()), LONGEST_NAME),
            ran: (!never_started).then(|| (hook.started(), hook.took())),
            outcome: Some(hook.outcome()),
            in_flight: hook.in_flight(),
        }
    }
}

impl<'a> Timeline<'a> {
    pub(super) fn new(report: &'a Report, style: Style) -> Self {
        let mut timeline = Self { report, style, name_width: 0 };
        let names = timeline.rows().flat_map(|row| row.name);
        timeline.name_width = names.map(|name| width(&name)).max().unwrap_or(0);
        timeline
    }

    fn rows(&self) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let mut stage = None;
        let of_hook = move |hook: &'a HookReport| {
            let is_first = stage.replace(hook.stage()) != Some(hook.stage());
            Row::of_hook(hook, is_first)
        };
        Row::before(self.report).into_iter().chain(self.report.hooks().iter().map(of_hook))
    }

    /// Returns the time of a whole bar.
    fn scale(&self) -> Duration {
        let budget = self.report.budget();
        if HumanDuration(budget).is_unlimited() { self.report.took() } else { budget }
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
        match report.reason() {
            Some(reason @ Reason::Signal { .. }) => write!(f, ", requested by {reason}")?,
            Some(reason) => write!(f, ", {}", escape(&reason.to_string()))?,
            None => {}
        }
        f.write_str(if report.is_failure() { ", marked as a failure" } else { "" })
    }

    fn write_row(&self, row: &Row<'_>, f: &mut impl Write) -> fmt::Result {
        let stage = row.stage.map(|stage| stage.to_string()).unwrap_or_default();
        let (name, more_name) =
            row.name.split_first().map_or(("", &[][..]), |(name, more)| (name, more));
        write!(f, "\n{stage:<STAGE$} {}  ", pad(name, self.name_width))?;
        self.write_bar(row, f)?;
        for name in more_name {
            write!(f, "\n{:STAGE$} {name}", "")?;
        }
        self.write_details(row, f)
    }

    fn write_bar(&self, row: &Row<'_>, f: &mut impl Write) -> fmt::Result {
        let (style, edge) = (self.style, self.style.edge());
        let label = row.outcome.map_or("", Outcome::label);
        let Some((started, took)) = row.ran else {
            let label = style.paint(row.color(), label);
            return write!(f, "{edge}{:1$}{edge}  {label}", "", bar::COLUMNS);
        };
        let bar = style.paint(row.color(), &bar::draw(started, took, self.scale(), style));
        let label = style.paint(row.color(), &pad(label, OUTCOME));
        write!(f, "{edge}{bar}{edge}  {label} {:>TIME$}", HumanDuration(took).to_string())
    }

    fn write_details(&self, row: &Row<'_>, f: &mut impl Write) -> fmt::Result {
        let indent = STAGE + 1 + self.name_width + 2;
        let error = row.outcome.and_then(Outcome::detail);
        for detail in error.into_iter().chain(in_flight(row.in_flight)) {
            for line in wrap(&escape(&detail), WIDTH - indent - 2) {
                write!(f, "\n{:indent$}{} {line}", "", self.style.edge())?;
            }
        }
        Ok(())
    }
}

fn in_flight(entries: &[InFlightEntry]) -> Option<String> {
    let named: Vec<_> = entries.iter().take(NAMED).map(ToString::to_string).collect();
    let named = named.join(", ");
    match entries.len() {
        0 => None,
        1..=NAMED => Some(format!("in flight: {named}")),
        all => Some(format!("in flight: {named}, and {} more", all - NAMED)),
    }
}
