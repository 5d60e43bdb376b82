//! The lines of the view.

use std::io;
use std::time::Duration;

use terminal_size::{Height, Width};

use crate::hooks::{Running, RunningHook};
use crate::util::human_duration::HumanDuration;
use crate::util::human_list::HumanList;
use crate::util::text::{Color, Style, escape, pad, width};

/// The longest bar: that of the timeline.
const LONGEST_BAR: usize = 28;
/// A shorter bar shows nothing.
const SHORTEST_BAR: usize = 6;
/// As many hooks are shown. The others are counted.
const MAX_SHOWN: usize = 10;
/// The lines around the hooks: the one of the cursor, the title, the hooks that are not shown, and
/// the time that is left.
const AROUND: usize = 4;

/// The columns and rows of a terminal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    columns: usize,
    rows: usize,
}

impl Size {
    /// Returns the current size of the terminal, or 80 columns and 24 rows if it has none.
    pub(super) fn of_stderr() -> Self {
        let size = terminal_size::terminal_size_of(io::stderr());
        let (Width(columns), Height(rows)) = size.unwrap_or((Width(80), Height(24)));
        Self { columns: columns.into(), rows: rows.into() }
    }
}

/// What the view shows beside the running hooks.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) reason: Option<String>,
    pub(super) hooks: usize,
    pub(super) ended: usize,
    pub(super) hint: Option<&'static str>,
}

/// The columns of the parts of a row.
#[derive(Debug, Clone, Copy)]
struct Columns {
    all: usize,
    name: usize,
    /// 0 if there is no room.
    bar: usize,
    time: usize,
}

impl View {
    pub(super) fn title(&self) -> String {
        self.reason.as_ref().map_or("stopping".into(), |reason| format!("stopping: {reason}"))
    }

    /// None is longer than a line of the terminal, and they leave a line for the cursor.
    pub(super) fn lines(&self, running: &Running, size: Size, style: Style) -> Vec<String> {
        let hooks = running.hooks();
        let (shown, others) =
            hooks.split_at(hooks.len().min(MAX_SHOWN).min(size.rows.saturating_sub(AROUND)));
        let columns = Columns::of(shown, size.columns.saturating_sub(1)); // the last one may wrap
        let fit = |text: String| fit(&escape(&text), columns.all, style);

        let mut lines =
            vec![fit(format!("{}, {} of {} hooks ended", self.title(), self.ended, self.hooks))];
        lines.extend(shown.iter().map(|hook| row(hook, columns, style)));
        if !others.is_empty() {
            lines.push(fit(format!("and {} more", others.len())));
        }
        lines.extend(self.last(running.time_left()).map(fit));
        lines.truncate(size.rows.saturating_sub(1));
        lines
    }

    fn last(&self, left: Option<Duration>) -> Option<String> {
        let left = left.map(|left| format!("{} left", HumanDuration(left)));
        match (left, self.hint) {
            (Some(left), Some(hint)) => Some(format!("{left}, {hint}")),
            (left, hint) => left.or(hint.map(Into::into)),
        }
    }
}

impl Columns {
    fn of(hooks: &[RunningHook], all: usize) -> Self {
        let widest = |text: fn(&RunningHook) -> String| {
            hooks.iter().map(|hook| width(&text(hook))).max().unwrap_or(0)
        };
        let bar = Some(all / 4).filter(|&bar| bar >= SHORTEST_BAR).unwrap_or(0);
        Self {
            all,
            name: widest(|hook| escape(hook.name())).min(all / 3),
            bar: bar.min(LONGEST_BAR),
            time: widest(time),
        }
    }
}

/// `requests  |=====     |  2.3 s of 5.0 s  in flight: GET /report (3.1 s)`.
fn row(hook: &RunningHook, columns: Columns, style: Style) -> String {
    let name = pad(&fit(&escape(hook.name()), columns.name, style), columns.name);
    let (bar, bar_width) = bar(hook, columns.bar, style);
    let in_flight = HumanList::new(hook.in_flight()).to_string();
    let in_flight =
        if in_flight.is_empty() { in_flight } else { format!("in flight: {in_flight}") };
    let rest = format!("  {}  {}", pad(&time(hook), columns.time), escape(&in_flight));
    let left = columns.all.saturating_sub(columns.name + bar_width);
    format!("{name}{bar}{}", fit(rest.trim_end(), left, style))
}

/// Returns the bar towards the limit, with its edges, and its width.
fn bar(hook: &RunningHook, columns: usize, style: Style) -> (String, usize) {
    let width = if columns == 0 { 0 } else { columns + 4 };
    let Some(limit) = hook.limit().filter(|_| columns > 0) else {
        return (" ".repeat(width), width);
    };
    let part = hook.running_for().as_secs_f64() / limit.as_secs_f64().max(f64::MIN_POSITIVE);
    let color = if part < 0.75 { Color::Green } else { Color::Yellow };
    let bar = style.paint(color, &pad(&filled(part.min(1.0), columns, style), columns));
    (format!("  {edge}{bar}{edge}", edge = style.edge()), width)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of a few columns"
)]
fn filled(part: f64, columns: usize, style: Style) -> String {
    if style.has_blocks {
        let halves = (part * 2.0 * columns as f64) as usize;
        "█".repeat(halves / 2) + ["", "▌"][halves % 2]
    } else {
        "=".repeat((part * columns as f64) as usize)
    }
}

fn time(hook: &RunningHook) -> String {
    let running_for = HumanDuration(hook.running_for());
    let limit = hook.limit().map(|limit| format!(" of {}", HumanDuration(limit)));
    format!("{running_for}{}", limit.unwrap_or_default())
}

/// Cuts `text` to so many columns.
fn fit(text: &str, columns: usize, style: Style) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let end = if style.has_blocks { "…" } else { ">" };
    let mut cut = String::new();
    for char in text.chars() {
        if width(&cut) + width(char.encode_utf8(&mut [0; 4])) >= columns {
            break;
        }
        cut.push(char);
    }
    if columns > 0 { cut + end } else { cut }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::InFlight;
    use crate::hooks::builder::Hooks;
    use crate::hooks::{Event, Observer};

    const BLOCKS: Style = Style { has_colors: false, has_blocks: true };

    /// Sends what runs.
    struct Probe(mpsc::Sender<Running>);

    impl Observer for Probe {
        fn on_event(&mut self, event: &Event) {
            if let Event::Running(running) = event {
                let _ = self.0.send(running.clone());
            }
        }

        fn interval(&self) -> Duration {
            Duration::ZERO // as often as possible
        }
    }

    /// What runs in a moment when these hooks do, each with work in flight.
    fn running(names: &[&str], budget: Duration) -> Running {
        let (sender, seen) = mpsc::channel();
        let work = InFlight::new();
        let _guard = work.enter("日本\n");
        let add = |hooks: Hooks, name: &&str| {
            let work = work.clone();
            hooks.hook(*name, move || work.drained())
        };
        let hooks = names.iter().fold(Hooks::new().budget(budget), add).observe(Probe(sender));
        thread::spawn(|| hooks.run_blocking());
        let all = |running: &Running| running.hooks().len() == names.len();
        seen.iter().find(all).expect("they wait")
    }

    fn view() -> View {
        View { reason: Some("SIGINT".into()), hooks: 9, ended: 2, hint: Some("Ctrl-C") }
    }

    #[test]
    fn lines_fit_every_terminal() {
        let long = "long ".repeat(50);
        let names = ["requests", "日本語", "a\nb\x1b[2J", "", &long, "x"];
        let sizes = (0..130).flat_map(|columns| (0..12).map(move |rows| Size { columns, rows }));
        for budget in [Duration::from_secs(60), Duration::MAX] {
            let running = running(&names, budget);
            for size in sizes.clone() {
                let lines = view().lines(&running, size, BLOCKS);
                assert!(lines.len() < size.rows.max(1), "{size:?} {lines:#?}");
                let fits = |line: &String| width(line) < size.columns.max(1);
                assert!(lines.iter().all(fits), "{size:?} {lines:#?}");
                assert!(!lines.concat().contains(char::is_control), "{lines:#?}");
            }
        }
    }

    #[test]
    fn hooks_that_do_not_fit_are_counted() {
        let running = running(&["a", "b", "c", "d", "e"], Duration::from_secs(60));
        let lines = view().lines(&running, Size { columns: 80, rows: 7 }, BLOCKS);
        let starts = ["stopping: SIGINT, 2 of 9 hooks", "a  │", "b  │", "c  │", "and 2 more", ""];
        assert_eq!(lines.len(), starts.len());
        let so = lines.iter().zip(starts).all(|(line, start)| line.starts_with(start));
        assert!(so && lines[5].ends_with(" left, Ctrl-C"), "{lines:#?}");
    }

    #[test]
    fn the_bar_fills_towards_the_limit() {
        let bar = |part, style| filled(part, 4, style);
        assert_eq!((bar(0.0, BLOCKS), bar(0.6, BLOCKS)), (String::new(), "██".into()));
        assert_eq!((bar(0.65, BLOCKS), bar(1.0, BLOCKS)), ("██▌".into(), "████".into()));
        assert_eq!(bar(0.6, Style::PLAIN), "==");
    }
}
