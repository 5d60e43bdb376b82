//! Reports of any content, for the fuzz targets.

use std::time::Duration;

use super::timeline::{Timeline, WIDTH};
use super::{HookReport, Outcome, Summary};
use crate::InFlight;
use crate::hooks::hook::HookId;
use crate::in_flight::tracked_work::{TrackedWork, in_hook, record_wait};
use crate::signal::reason::Reason;
use crate::util::text::{self, Style};

/// What happened to one hook.
#[derive(Debug)]
pub struct Hook {
    /// Its name.
    pub name: String,
    /// The number of its stage, from 1.
    pub stage: usize,
    /// The place of its set in the stage.
    pub set: Option<usize>,
    /// Chooses how it ended.
    pub outcome: u8,
    /// The error, the panic message or the name of in-flight work.
    pub text: String,
    /// When it started, from the shutdown request.
    pub started: Duration,
    /// How long it ran.
    pub took: Duration,
}

/// What happened during a shutdown.
#[derive(Debug)]
pub struct Report {
    /// In the order in which they were added.
    pub hooks: Vec<Hook>,
    /// The message of the request.
    pub reason: Option<String>,
    /// The time of all hooks together.
    pub budget: Duration,
    /// From the request to the start of the hooks.
    pub before: Duration,
    /// From the request to the end of the last hook.
    pub took: Duration,
}

impl Report {
    /// The columns of a row.
    pub const WIDTH: usize = WIDTH;

    /// Returns the text for a file, for a terminal with block characters, and for one with colors.
    #[must_use]
    pub fn show(&self) -> [String; 3] {
        let hooks = self.hooks.iter().map(Hook::report).collect();
        let reason = self.reason.as_deref().map(|text| Reason::Request(text.into()));
        let (budget, before, took) = (self.budget, self.before, self.took);
        let summary = Summary { budget, before, took, reason, failure: None };
        let report = super::Report::new(hooks, summary);
        let [blocks, colors] = [(false, true), (true, false)]
            .map(|(has_colors, has_blocks)| Style { has_colors, has_blocks });
        [Style::PLAIN, blocks, colors].map(|style| Timeline::new(&report, style).to_string())
    }

    /// Returns the columns that `line` takes.
    #[must_use]
    pub fn width(line: &str) -> usize {
        text::width(line)
    }
}

impl Hook {
    fn report(&self) -> HookReport {
        let work = TrackedWork::default().into();
        let in_flight = InFlight::new();
        let _guards: Vec<_> = self.text.split(' ').map(|n| in_flight.enter(n.to_owned())).collect();
        in_hook(&work, || record_wait(&in_flight));
        let id = HookId { name: self.name.as_str().into(), stage: self.stage, set: self.set };
        let outcome = match self.outcome % 6 {
            0 => Outcome::Done,
            1 => Outcome::failed(self.text.clone()),
            2 => Outcome::Panicked(self.text.clone()),
            3 => Outcome::TimedOut,
            4 => Outcome::Abandoned,
            _ => return HookReport::not_started(id),
        };
        HookReport::ended(id, self.started, self.took, outcome, &work)
    }
}
