//! The report as a timeline: one row per hook, with a bar on the scale of the budget.

use std::fmt::{self, Write};
use std::time::Duration;

use super::row::Row;
use super::style::{Color, Style};
use super::text::{escape, pad, width, wrap};
use super::{Report, bar};
use crate::signal::reason::Reason;
use crate::util::human_duration::HumanDuration;

/// Rows are never longer: 79 columns fit every terminal.
pub(super) const WIDTH: usize = 79;
const STAGE: usize = 2;
const OUTCOME: usize = 11;
const TIME: usize = 8;
/// The names get what the stage, the bar, the outcome, the time and the gaps leave.
const LONGEST_NAME: usize =
    WIDTH - (STAGE + 2) - (2 + bar::COLUMNS + 2) - (2 + OUTCOME) - (1 + TIME);

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
        Row::all(self.report).try_for_each(|row| self.write_row(&row, f))
    }
}

impl<'a> Timeline<'a> {
    pub(super) fn new(report: &'a Report, style: Style) -> Self {
        let names = Row::all(report).flat_map(|row| wrapped(&row.name));
        Self { report, style, name_width: names.map(|name| width(&name)).max().unwrap_or(0) }
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
        let Some(failure) = report.failure() else { return Ok(()) };
        f.write_str(", marked as a failure")?;
        match report.reason() {
            Some(Reason::Request(why)) if **why == *failure => Ok(()), // it stands there
            _ => write!(f, ": {}", escape(failure)),
        }
    }

    fn write_row(&self, row: &Row, f: &mut impl Write) -> fmt::Result {
        let stage = row.stage.map(|stage| stage.to_string()).unwrap_or_default();
        let mut names = wrapped(&row.name).into_iter();
        let name = pad(&names.next().unwrap_or_default(), self.name_width);
        write!(f, "\n{stage:<STAGE$} {name}  ")?;
        self.write_bar(row, f)?;
        for name in names {
            write!(f, "\n{:STAGE$} {name}", "")?;
        }
        self.write_details(row, f)
    }

    fn write_bar(&self, row: &Row, f: &mut impl Write) -> fmt::Result {
        let (style, edge) = (self.style, self.style.edge());
        let Some((started, took)) = row.ran else {
            let label = style.paint(row.color, &row.label);
            return write!(f, "{edge}{:1$}{edge}  {label}", "", bar::COLUMNS);
        };
        let bar = style.paint(row.color, &bar::draw(started, took, self.scale(), style));
        let label = style.paint(row.color, &pad(&row.label, OUTCOME));
        write!(f, "{edge}{bar}{edge}  {label} {:>TIME$}", HumanDuration(took).to_string())
    }

    fn write_details(&self, row: &Row, f: &mut impl Write) -> fmt::Result {
        let indent = STAGE + 1 + self.name_width + 2;
        for detail in &row.details {
            for line in wrap(&escape(detail), WIDTH - indent - 2) {
                write!(f, "\n{:indent$}{} {line}", "", self.style.edge())?;
            }
        }
        Ok(())
    }
}

fn wrapped(name: &str) -> Vec<String> {
    wrap(&escape(name), LONGEST_NAME)
}
