//! What was measured, as it is measured on the screen and at the end as a page.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use crate::load::Load;
use crate::{Arguments, Failure};

/// Where the part of the page begins that a person writes.
const BY_HAND: &str = "\n## Where the time goes\n";

pub(crate) struct Report {
    started: Instant,
    text: String,
    figures: Figures,
}

/// What was measured, for programs: one flat object.
type Figures = BTreeMap<String, f64>;

/// A figure that moved by less than this part of itself did not move: equal programs differ by as much.
const MOVED: f64 = 0.1;

impl Report {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let processors = std::thread::available_parallelism().map_or(0, usize::from);
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let mut text = String::from("# Performance\n\n`make bench` writes this page, except its last part.\n\n");
        let _written = writeln!(
            text,
            "Run of {}: {processors} cores, Linux {}, everything on this one machine (PostgreSQL with fsync on, Redis, \
             Kafka with one node, one release build of each service, and the client too, so all of them share the cores). \
             Closed loops over keep-alive connections from a client that does nothing but write a request and find the \
             end of the answer; {} s per measurement, {} s of placing for orders. No rate limits, no traces. \
             Ratios compare figures of this run.\n",
            chrono::Utc::now().format("%Y-%m-%d"),
            kernel.trim(),
            arguments.seconds(),
            arguments.order_seconds(),
        );
        Self { started: Instant::now(), text, figures: Figures::new() }
    }

    pub(crate) fn progress(&self, what: &str) {
        eprintln!("[{:>5.1} s] {what}", self.started.elapsed().as_secs_f64());
    }

    pub(crate) fn section(&mut self, title: &str) {
        self.progress(title);
        let _written = write!(self.text, "\n## {title}\n\n");
        self.line("| what | per second | p50 | p99 | aim | beside it |");
        self.line("| --- | ---: | ---: | ---: | ---: | --- |");
    }

    pub(crate) fn line(&mut self, line: &str) {
        println!("{line}");
        self.text.push_str(line);
        self.text.push('\n');
    }

    pub(crate) fn limit(&mut self, what: &str, load: &Load) {
        self.line(&format!(
            "| *limit:* {what} | {:.0} | {} | {} | | |",
            load.per_second,
            milliseconds(load.p50),
            milliseconds(load.p99)
        ));
    }

    pub(crate) fn load(&mut self, what: &str, load: &Load, aim: &str, beside: &str) {
        let failed = if load.failed == 0 { String::new() } else { format!(" **{} failed**", load.failed) };
        self.line(&format!(
            "| {what}{failed} | {:.0} | {} | {} | {aim} | {beside} |",
            load.per_second,
            milliseconds(load.p50),
            milliseconds(load.p99)
        ));
    }

    /// What the figures above mean, a point each.
    pub(crate) fn explain(&mut self, points: &[&str]) {
        self.line("");
        for point in points {
            self.line(&format!("- {point}"));
        }
    }

    /// Notes a figure for programs.
    pub(crate) fn figure(&mut self, name: &str, value: f64) {
        self.figures.insert(name.to_owned(), (value * 1000.0).round() / 1000.0);
    }

    /// Writes the figures, and the page anew except for what a person wrote at its end.
    pub(crate) fn finish(&self, arguments: &Arguments) -> Result<(), Failure> {
        let page_figures = arguments.report.with_extension("json");
        if arguments.compare {
            self.compare(&page_figures)?;
        }
        let json = format!("{}\n", serde_json::to_string_pretty(&self.figures)?);
        if let Some(folder) = arguments.figures.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&arguments.figures, &json)?;
        eprintln!("the figures are in {}", arguments.figures.display());
        if arguments.only.is_none() && !arguments.quick {
            let before = std::fs::read_to_string(&arguments.report).unwrap_or_default();
            let by_hand = before.find(BY_HAND).map_or("", |at| &before[at..]);
            std::fs::write(&arguments.report, format!("{}{by_hand}", self.text))?;
            std::fs::write(&page_figures, json)?;
            eprintln!("written to {}", arguments.report.display());
        }
        self.progress("done");
        Ok(())
    }
}

impl Report {
    /// Prints each figure that moved, and by how much.
    fn compare(&self, stored: &Path) -> Result<(), Failure> {
        let text = std::fs::read_to_string(stored).map_err(|error| {
            format!("there is nothing to compare with: {}: {error}; run make bench", stored.display())
        })?;
        let before: Figures = serde_json::from_str(&text)?;
        println!("\n| figure | stored | now | moved |\n| --- | ---: | ---: | ---: |");
        for (name, now) in &self.figures {
            let Some(was) = before.get(name) else {
                println!("| {name} | – | {now} | new |");
                continue;
            };
            let moved = (now - was) / was.abs().max(f64::EPSILON);
            if moved.abs() >= MOVED {
                println!("| {name} | {was} | {now} | {:+.0} % |", moved * 100.0);
            }
        }
        Ok(())
    }
}

pub(crate) fn milliseconds(microseconds: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let value = microseconds as f64 / 1000.0;
    format!("{value:.2} ms")
}
