//! Medians, and tables of them.

pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    if values.is_empty() { f64::NAN } else { values[values.len() / 2] }
}

/// A small generator: the order of contenders changes from round to round.
pub struct Shuffle(u64);

impl Shuffle {
    pub fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    pub fn order(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for last in (1..n).rev() {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            order.swap(last, (self.0 % (last as u64 + 1)) as usize);
        }
        order
    }
}

/// Prints a Markdown table with aligned columns.
pub fn table(title: &str, head: &[&str], rows: &[Vec<String>]) {
    println!("## {title}\n");
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = (usize, &str)>| {
        let cells: Vec<String> = cells
            .map(|(column, cell)| match column {
                0 => format!("{cell:<width$}", width = widths[column]),
                _ => format!("{cell:>width$}", width = widths[column]),
            })
            .collect();
        println!("| {} |", cells.join(" | "));
    };
    line(&mut head.iter().copied().enumerate());
    let rule: Vec<String> = widths
        .iter()
        .enumerate()
        .map(|(column, width)| match column {
            0 => "-".repeat(*width),
            _ => "-".repeat(width - 1) + ":",
        })
        .collect();
    line(&mut rule.iter().map(String::as_str).enumerate());
    for row in rows {
        line(&mut row.iter().map(String::as_str).enumerate());
    }
    println!();
}

/// Three significant digits.
pub fn short(value: f64) -> String {
    match value.abs() {
        v if !v.is_finite() => "–".into(),
        v if v >= 99.95 => format!("{value:.0}"),
        v if v >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

pub fn ratio(value: f64, base: f64) -> String {
    let ratio = value / base;
    if ratio.is_finite() { format!("{ratio:.2}") } else { "–".into() }
}
