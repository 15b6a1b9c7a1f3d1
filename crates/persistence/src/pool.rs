//! A pool of connections and the queue before it.
//! The rules: who came first is served first; nobody waits longer than [`WAIT`], and no more than [`MOST_WAITING`] wait; a
//! connection whose transaction was cut off is closed, not kept. It is opened by the caller who needs it, so
//! that a server that is away is an answer at once and not a wait.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::PoolableConnection;
use metrics::{Counter, Gauge, Histogram};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connect::{Purpose, Server};
use crate::error::Error;

/// The longest that a caller waits for those who came before.
const WAIT: Duration = Duration::from_secs(10);
/// As many callers of one pool may wait. Who comes then is told at once that all connections are busy.
const MOST_WAITING: usize = 1_000;
/// A connection that nobody used for so long is closed.
const IDLE: Duration = Duration::from_secs(600);
/// A connection that is so old is closed: what it has gathered on the server is free again.
const LIFETIME: Duration = Duration::from_secs(1_800);

/// Connections of one purpose. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Inner>);

struct Inner {
    server: Arc<Server>,
    url: String,
    schema: String,
    purpose: Purpose,
    size: u32,
    /// One place per connection. A place that is free goes to whoever waits for it the longest.
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// The one that was used last is taken first, so that the others may grow idle.
    idle: Mutex<Vec<Idle>>,
    figures: OnceLock<Figures>,
}

struct Idle {
    connection: AsyncPgConnection,
    opened: Instant,
    used: Instant,
}

/// The metrics of a pool, looked up once.
struct Figures {
    in_use: Gauge,
    waiting: Gauge,
    wait: Histogram,
    /// Refusals by the bound that was met.
    queue_full: Counter,
    waited: Counter,
    away: Counter,
}

impl Pool {
    pub(crate) fn new(server: &Arc<Server>, url: &str, schema: &str, purpose: Purpose, size: u32) -> Self {
        let size = size.max(1);
        Self(Arc::new(Inner {
            server: Arc::clone(server),
            url: url.to_owned(),
            schema: schema.to_owned(),
            purpose,
            size,
            places: Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(Semaphore::MAX_PERMITS))),
            waiting: AtomicUsize::new(0),
            idle: Mutex::default(),
            figures: OnceLock::new(),
        }))
    }

    /// A connection, as soon as those who came before have had theirs.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many wait or the wait takes too long, [`Error::Away`] and [`Error::Unavailable`] when a new
    /// connection cannot be opened.
    pub(crate) async fn get(&self) -> Result<Pooled, Error> {
        let place = self.place().await?;
        let (inner, figures) = (Arc::clone(&self.0), self.0.figures());
        let (connection, opened) = match inner.take_idle() {
            Some(idle) => (idle.connection, idle.opened),
            None => {
                let connecting = inner.server.connect(&inner.url, &inner.schema, inner.purpose).await;
                (connecting.inspect_err(|_| figures.away.increment(1))?, Instant::now())
            }
        };
        Ok(Pooled { connection, opened, inner, _in_use: InUse::count(&figures.in_use), _place: place })
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        let (places, figures) = (Arc::clone(&self.0.places), self.0.figures());
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            figures.wait.record(0.0);
            return Ok(place);
        }
        let asked = Instant::now();
        let queue = Queued::join(&self.0, figures);
        if queue.before >= MOST_WAITING {
            figures.queue_full.increment(1);
            return Err(self.0.busy(format_args!("{MOST_WAITING} callers wait for one already")));
        }
        let place = tokio::time::timeout(WAIT, places.acquire_owned()).await;
        figures.wait.record(asked.elapsed().as_secs_f64());
        place.map_or(None, Result::ok).ok_or_else(|| {
            figures.waited.increment(1);
            self.0.busy(format_args!("none became free within {} seconds", WAIT.as_secs()))
        })
    }
}

impl Inner {
    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        // Nothing panics while it is locked.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that is open as far as its socket knows, which costs no question to the server and still finds those
    /// that a restarted server left behind.
    fn take_idle(&self) -> Option<Idle> {
        loop {
            let mut connection = self.idle().pop()?;
            if !connection.connection.is_broken() && connection.opened.elapsed() < LIFETIME {
                return Some(connection);
            }
        }
    }

    fn keep(&self, mut connection: Idle) {
        if connection.connection.is_broken() {
            return;
        }
        let mut idle = self.idle();
        idle.push(connection);
        // The first is the one that was used the longest ago; one at a time is enough.
        let unused = idle.first().is_some_and(|first| first.used.elapsed() > IDLE).then(|| idle.remove(0));
        drop(idle);
        drop(unused);
    }

    fn busy(&self, why: std::fmt::Arguments<'_>) -> Error {
        Error::Busy(format!("all {} connections ({}) are busy, and {why}", self.size, self.purpose.name()))
    }

    fn figures(&self) -> &Figures {
        // On first use: whoever collects them is there by then.
        self.figures.get_or_init(|| {
            let pool = self.purpose.name();
            let refused = |bound| metrics::counter!("database_refusals_total", "pool" => pool, "bound" => bound);
            metrics::gauge!("database_connections", "pool" => pool).set(f64::from(self.size));
            Figures {
                in_use: metrics::gauge!("database_connections_in_use", "pool" => pool),
                waiting: metrics::gauge!("database_waiting", "pool" => pool),
                wait: metrics::histogram!("database_wait_seconds", "pool" => pool),
                queue_full: refused("queue"),
                waited: refused("wait"),
                away: refused("away"),
            }
        })
    }
}

/// A caller in the queue; it is no longer there when this is dropped.
struct Queued<'p> {
    inner: &'p Inner,
    figures: &'p Figures,
    /// How many waited before.
    before: usize,
}

impl<'p> Queued<'p> {
    fn join(inner: &'p Inner, figures: &'p Figures) -> Self {
        figures.waiting.increment(1.0);
        Self { inner, figures, before: inner.waiting.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.inner.waiting.fetch_sub(1, Ordering::Relaxed);
        self.figures.waiting.decrement(1.0);
    }
}

/// A connection of a pool. It goes back with [`Pooled::give_back`]; one that is dropped, with whatever was begun on it, is
/// closed.
pub(crate) struct Pooled {
    connection: AsyncPgConnection,
    opened: Instant,
    inner: Arc<Inner>,
    _in_use: InUse,
    _place: OwnedSemaphorePermit,
}

impl Pooled {
    /// Hands the connection, on which no transaction is open any more, to the next caller.
    pub(crate) fn give_back(self) {
        // The place is given up at the end, so that the next caller finds the connection.
        let Self { connection, opened, inner, _in_use, _place } = self;
        inner.keep(Idle { connection, opened, used: Instant::now() });
    }
}

impl Deref for Pooled {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        &self.connection
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.connection
    }
}

/// Counts a connection as in use until it is dropped.
struct InUse(Gauge);

impl InUse {
    fn count(gauge: &Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge.clone())
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
