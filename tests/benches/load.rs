//! Closed loops: so many connections, each with one request at a time, for so long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::Failure;
use crate::http::Connection;

/// What a loop measured.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Load {
    pub(crate) per_second: f64,
    /// Microseconds.
    pub(crate) p50: u64,
    /// Microseconds.
    pub(crate) p99: u64,
    /// Answers with another status than the wanted ones.
    pub(crate) failed: u64,
}

impl Load {
    /// What took so many microseconds each, in all `time`.
    pub(crate) fn of(all: &Histogram<u64>, time: Duration, failed: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let per_second = all.len() as f64 / time.as_secs_f64();
        Self { per_second, p50: all.value_at_quantile(0.5), p99: all.value_at_quantile(0.99), failed }
    }
}

/// Sends `make(n)` over and over; `n` counts all requests of the loop.
pub(crate) async fn closed_loop(
    address: &str,
    connections: usize,
    time: Duration,
    wanted: &[u16],
    make: impl Fn(u64) -> Vec<u8> + Send + Sync + 'static,
) -> Result<Load, Failure> {
    let (make, number) = (Arc::new(make), Arc::new(AtomicU64::new(0)));
    let clients = (0..connections).map(|_| {
        let (make, number) = (Arc::clone(&make), Arc::clone(&number));
        move |_: &[u8]| make(number.fetch_add(1, Ordering::Relaxed))
    });
    dialogues(address, clients, time, wanted).await
}

/// A connection per client, which makes its next request of the answer before, at first of an empty one. A tenth of the
/// time before is for warming up.
pub(crate) async fn dialogues<C: FnMut(&[u8]) -> Vec<u8> + Send + 'static>(
    address: &str,
    clients: impl IntoIterator<Item = C>,
    time: Duration,
    wanted: &[u16],
) -> Result<Load, Failure> {
    let begin = Instant::now() + time / 10;
    let end = begin + time;
    let mut loops = tokio::task::JoinSet::new();
    for mut client in clients {
        let (address, wanted) = (address.to_owned(), wanted.to_vec());
        loops.spawn(async move {
            let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
            let (mut connection, mut failed) = (Connection::open(&address).await?, 0_u64);
            let mut request = client(&[]);
            loop {
                let started = Instant::now();
                if started >= end {
                    return Ok::<_, Failure>((histogram, failed));
                }
                let (status, answer) = connection.exchange(&request).await?;
                if started >= begin {
                    histogram.saturating_record(u64::try_from(started.elapsed().as_micros())?);
                    failed += u64::from(!wanted.contains(&status));
                }
                request = client(answer);
            }
        });
    }
    let mut all = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
    let mut failed = 0;
    while let Some(done) = loops.join_next().await {
        let (histogram, wrong) = done??;
        all.add(histogram)?;
        failed += wrong;
    }
    Ok(Load::of(&all, time, failed))
}
