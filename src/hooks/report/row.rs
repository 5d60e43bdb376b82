//! The rows of a timeline: one for each hook, or one for a large set of hooks.

use std::time::Duration;

use super::style::Color;
use super::{HookReport, Outcome, Report};

/// The hooks of a larger set share one row.
const MAX_LISTED: usize = 20;
/// How much is named in a row; the report has the number of the rest.
const NAMED: usize = 10;

/// One row, and the lines below it.
pub(super) struct Row {
    /// In the first row of a stage.
    pub(super) stage: Option<usize>,
    pub(super) name: String,
    /// When it started and how long it took; `None` if it never started.
    pub(super) ran: Option<(Duration, Duration)>,
    pub(super) label: String,
    pub(super) color: Color,
    pub(super) details: Vec<String>,
}

impl Row {
    pub(super) fn all(report: &Report) -> impl Iterator<Item = Self> {
        let sets = report.hooks().chunk_by(HookReport::is_of_same_set);
        let mut last_stage = None;
        let rows = sets.flat_map(Self::of_set).map(move |row| {
            let is_first = last_stage != row.stage;
            last_stage = row.stage;
            Self { stage: row.stage.filter(|_| is_first), ..row }
        });
        Self::before(report).into_iter().chain(rows)
    }

    /// The time from the request to the start of the hooks.
    fn before(report: &Report) -> Option<Self> {
        let time = report.before_hooks();
        let is_shown = time >= Duration::from_millis(1);
        is_shown.then(|| Self {
            stage: None,
            name: "before hooks".into(),
            ran: Some((Duration::ZERO, time)),
            label: String::new(),
            color: Color::Dim,
            details: Vec::new(),
        })
    }

    /// Makes the rows of a set, or of a hook that is of none.
    fn of_set(hooks: &[HookReport]) -> Vec<Self> {
        match hooks {
            [first, ..] if hooks.len() > MAX_LISTED => vec![Self::of_many(first, hooks)],
            _ => hooks.iter().map(Self::of_hook).collect(),
        }
    }

    fn of_hook(hook: &HookReport) -> Self {
        let in_flight: Vec<_> = hook.in_flight().iter().map(ToString::to_string).collect();
        let in_flight =
            (!in_flight.is_empty()).then(|| format!("in flight: {}", named(&in_flight)));
        Self {
            stage: Some(hook.stage() + 1),
            name: hook.name().into(),
            ran: has_started(hook).then(|| (hook.started(), hook.took())),
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
        Self {
            stage: Some(first.stage() + 1),
            name: format!("{} and {} more", first.name(), hooks.len() - 1),
            ran: ran(hooks),
            label: match (done.len(), others.is_empty()) {
                (_, true) => "done".into(),
                (done, false) => format!("{done} done"),
            },
            color: colors()
                .find(|&color| color == Color::Red)
                .or(colors().next())
                .unwrap_or(Color::Green),
            details: outcomes.map(not_done).collect(),
        }
    }
}

/// `2 failed: connection 7 (refused), connection 9 (refused)`.
fn not_done(hooks: &[&HookReport]) -> String {
    let name = |hook: &&HookReport| match hook.outcome().detail() {
        Some(error) => format!("{} ({error})", hook.name()),
        None => hook.name().to_owned(),
    };
    let label = hooks.first().map_or("", |hook| hook.outcome().label());
    format!("{} {label}: {}", hooks.len(), named(&hooks.iter().map(name).collect::<Vec<_>>()))
}

/// From the first start to the last end.
fn ran(hooks: &[HookReport]) -> Option<(Duration, Duration)> {
    let started = || hooks.iter().filter(|hook| has_started(hook));
    let start = started().map(HookReport::started).min()?;
    let end = started().map(|hook| hook.started() + hook.took()).max()?;
    Some((start, end.saturating_sub(start)))
}

fn has_started(hook: &HookReport) -> bool {
    !matches!(hook.outcome(), Outcome::NotStarted)
}

fn color(outcome: &Outcome) -> Color {
    match outcome {
        Outcome::Done => Color::Green,
        Outcome::Failed(_) | Outcome::Panicked(_) => Color::Red,
        _ => Color::Yellow,
    }
}

/// Names the first few, and counts the others.
fn named(items: &[String]) -> String {
    let named = items[..items.len().min(NAMED)].join(", ");
    match items.len().saturating_sub(NAMED) {
        0 => named,
        others => format!("{named}, and {others} more"),
    }
}
