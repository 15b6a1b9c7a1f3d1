//! What was measured, as it is measured on the screen and at the end as a page.

use std::fmt::Write as _;
use std::time::Instant;

use crate::load::Load;
use crate::{Arguments, Failure};

/// Where the part of the page begins that a person writes.
const BY_HAND: &str = "\n## Where the time goes\n";

pub(crate) struct Report {
    started: Instant,
    target: std::path::PathBuf,
    text: String,
}

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
            arguments.seconds,
            arguments.order_seconds,
        );
        Self { started: Instant::now(), target: arguments.report.clone(), text }
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

    /// Writes the page anew, except for what a person wrote at its end.
    pub(crate) fn finish(&self, write: bool) -> Result<(), Failure> {
        if write {
            let before = std::fs::read_to_string(&self.target).unwrap_or_default();
            let by_hand = before.find(BY_HAND).map_or("", |at| &before[at..]);
            std::fs::write(&self.target, format!("{}{by_hand}", self.text))?;
            eprintln!("written to {}", self.target.display());
        }
        self.progress("done");
        Ok(())
    }
}

pub(crate) fn milliseconds(microseconds: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let value = microseconds as f64 / 1000.0;
    format!("{value:.2} ms")
}
