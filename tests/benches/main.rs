//! The benchmark: the whole store as release builds on one machine, each figure beside the limit that
//! the same run measures without us. Figures of one run are compared with each other, not with another machine's.

mod api_keys;
mod authentication;
mod http;
mod limits;
mod load;
mod order_imports;
mod order_lists;
mod orders;
mod processes;
mod queries;
mod reads;
mod report;
mod reservations;
mod stack;
mod telegram;
mod tokens;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::builder::FalseyValueParser;
use e2e::{Shop, Store};

/// Measures the store and writes docs/performance.md.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seconds per measurement of requests: 8, or 2 with `--quick`.
    #[arg(long, env = "BENCH_SECONDS")]
    seconds: Option<u64>,
    /// Seconds for which orders are placed in each measurement of orders: 60, or 10 with `--quick`; 60 or more count.
    #[arg(long, env = "BENCH_ORDER_SECONDS")]
    order_seconds: Option<u64>,
    /// The short form, under four minutes: no start-up, no import, no queries, no reservations, no invoices, no lists, and the page stays as it is.
    #[arg(long, env = "QUICK", value_parser = FalseyValueParser::new())]
    quick: bool,
    /// Prints what moved against the figures of the page.
    #[arg(long, env = "COMPARE", value_parser = FalseyValueParser::new())]
    compare: bool,
    /// Only measurements whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// A catalog file (NDJSON in the import's form) for the import; rows are made up without it.
    #[arg(long, env = "DATA")]
    data: Option<std::path::PathBuf>,
    /// Where the page is written, with its figures beside it as JSON; not with `--only` or `--quick`.
    #[arg(long, default_value = "docs/performance.md")]
    report: std::path::PathBuf,
    /// Where the figures of this run are written for programs, whatever was measured.
    #[arg(long, default_value = "target/bench/report.json")]
    figures: std::path::PathBuf,
    /// Fills a table with so many API keys and prints the MiB that it takes; the benchmark starts itself with this.
    #[arg(long, hide = true)]
    hold_api_keys: Option<u32>,
}

impl Arguments {
    fn seconds(&self) -> u64 {
        self.seconds.unwrap_or(if self.quick { 2 } else { 8 })
    }

    fn order_seconds(&self) -> u64 {
        self.order_seconds.unwrap_or(if self.quick { 10 } else { 60 })
    }
}

/// An error of a benchmark is a reason to stop: its text is all that is needed.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(count) = arguments.hold_api_keys {
        return ended(api_keys::hold(count));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("the benchmark has no runtime: {error}");
            return ExitCode::from(70);
        }
    };
    ended(runtime.block_on(run(&arguments)))
}

fn ended(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the benchmark ended early: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let wanted = |name: &str| {
        let short = !arguments.quick || !["start", "import", "query", "reserve", "invoice", "list"].contains(&name);
        short && arguments.only.as_deref().is_none_or(|only| name.contains(only))
    };
    let seconds = Duration::from_secs(arguments.seconds());
    let mut report = report::Report::new(arguments);
    report.progress("starting PostgreSQL (fsync on), Redis, Kafka and one release build of each service");
    let mut store = Store::open(&stack::WISHES).await;
    let shop = Shop::open(&store, "bench").await;

    if wanted("start") {
        report.section("Start-up and memory");
        processes::start_up(&mut store, &mut report).await?;
    }
    if wanted("read") {
        report.section("Requests through the gateway");
        let bare = limits::bare_actix(seconds).await?;
        let redis = limits::redis_get(&store, seconds).await?;
        report.limit("bare actix, the same bytes", &bare);
        report.limit("redis GET, 16 connections", &redis);
        reads::measure(&mut store, &shop, seconds, &bare, &redis, &mut report).await?;
    }
    if wanted("authentication") {
        report.section("Signing in and being checked");
        authentication::measure(&mut store, seconds, &mut report).await?;
    }
    if wanted("import") {
        report.section("Import");
        reads::import(&shop, arguments.data.as_deref(), &mut report).await?;
    }
    // Copying the products takes longer than everything else together, so it is done where it is asked for.
    let many = arguments.only.as_deref() == Some("many");
    if many {
        report.section("Reservations among few products and many");
        reservations::measure(&mut store, &shop, "few products", seconds, &mut report).await?;
    }
    if wanted("query") || many {
        report.section("Queries over 100,000 products");
        queries::measure(&mut store, &shop, seconds, many, &mut report).await?;
    }
    if wanted("reserve") || many {
        report.section("Reservations");
        let among = if many { "1,000,000 products" } else { "whatever was sold before" };
        reservations::measure(&mut store, &shop, among, seconds, &mut report).await?;
    }
    // Before the many orders, in whose flood one order would have no message of its own.
    if wanted("telegram") {
        report.section("Messages on Telegram");
        telegram::measure(&mut store, &shop, &mut report).await?;
    }
    if wanted("order") {
        report.section("Orders");
        let place = limits::place_order(&store, seconds).await?;
        report.limit("pgbench: the statements of placing an order, 16 clients", &place);
        orders::throughput(&mut store, &shop, arguments.order_seconds(), place.per_second, &mut report).await?;
        // Last, when the broker's compiler has had its time: a broker that has just started takes twice as long.
        orders::latency(&mut store, &shop, &mut report).await?;
    }
    if wanted("invoice") {
        report.section("Invoices");
        order_imports::measure(&mut store, &shop, seconds, &mut report).await?;
    }
    if wanted("list") {
        report.section("Lists of 1,000,000 orders");
        order_lists::measure(&store, &shop, seconds, &mut report).await?;
    }
    if wanted("idle") {
        report.section("At rest");
        processes::at_rest(&mut store, &mut report).await?;
    }
    report.finish(arguments)?;
    Ok(())
}
