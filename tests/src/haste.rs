//! Time that flies for some of a shop's orders: the sweeps of order and catalog find them while clerks and answers are at them.
//! The rule it keeps: only times are moved, each in one row, and none that anybody has locked; what follows from it is the services' own
//! doing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use testkit::eventually;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::{PATIENCE, Shop, Store, must};

/// How often it strikes.
const EVERY: Duration = Duration::from_millis(100);

/// The deadline of one pending order, the end of one reservation that nobody has confirmed yet, and, a few times a second, the day of
/// one order that nobody has paid for.
const STRIKES: [&str; 3] = [
    "update \"order\".orders o set deadline_at = now() from (
        select org_id, id from \"order\".orders where status = 'pending' and org_id::text = any($1)
        order by random() limit 1 for update skip locked) one
      where o.org_id = one.org_id and o.id = one.id",
    "update catalog.reservations r set expires_at = now() from (
        select org_id, order_id from catalog.reservations where state = 'reserved' and org_id::text = any($1)
        order by random() limit 1 for update skip locked) one
      where r.org_id = one.org_id and r.order_id = one.order_id",
    "update \"order\".orders o set settled_at = o.settled_at - interval '60 days' from (
        select org_id, id from \"order\".orders
         where status = 'confirmed' and payment_status = 'unpaid' and source = 'shop' and not adding and org_id::text = any($1)
           and settled_at > now() - interval '1 day' and (select random()) < 0.2
        order by random() limit 1 for update skip locked) one
      where o.org_id = one.org_id and o.id = one.id",
];

/// How often each sweep has ended something in these shops.
const FIRED: &str = "
    select cause, count(*) from \"order\".order_history
     where cause in ('deadline', 'unpaid') and org_id::text = any($1) group by cause
    union all
    select 'expired', count(*) from catalog.reservations where state = 'expired' and org_id::text = any($1)";

/// The sweeps, by the names under which [`Haste::fired`] counts them.
const SWEEPS: [&str; 3] = ["deadline", "expired", "unpaid"];

/// Time that flies.
pub struct Haste {
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
    organisations: Vec<String>,
    client: Client,
}

impl Haste {
    /// Lets time fly in these shops. The store cancels what nobody pays for within 60 days or less.
    pub async fn start(store: &Store, shops: &[&Shop]) -> Haste {
        let (client, striking) = (store.superuser().await, store.superuser().await);
        let slugs: Vec<&str> = shops.iter().map(|shop| shop.slug.as_str()).collect();
        let found = "select org_id::text from auth.organisations where slug = any($1)";
        let rows = must(client.query(found, &[&slugs]).await, "read the ids of the shops");
        let organisations: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, of) = (Arc::clone(&stop), organisations.clone());
        let task = tokio::spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                for strike in STRIKES {
                    must(striking.execute(strike, &[&of]).await, "let time fly");
                }
                // It strikes at a pace, so that most orders live on.
                tokio::time::sleep(EVERY).await;
            }
        });
        Haste { stop, task, organisations, client }
    }

    /// How often each sweep has fired so far.
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn fired(&self) -> BTreeMap<String, i64> {
        let rows = must(self.client.query(FIRED, &[&self.organisations]).await, "count what was swept");
        rows.iter().map(|row| (row.get(0), row.get(1))).filter(|(_, times)| *times > 0).collect()
    }

    /// Waits until each of the sweeps has fired, and lets time go its usual way.
    ///
    /// # Panics
    /// When one does not fire within [`PATIENCE`], or time could not be moved.
    pub async fn finish(self) -> BTreeMap<String, i64> {
        let fired = eventually(PATIENCE, async || {
            assert!(!self.task.is_finished(), "time stands still");
            let fired = self.fired().await;
            if SWEEPS.iter().all(|sweep| fired.contains_key(*sweep)) { Ok(fired) } else { Err(fired) }
        })
        .await;
        self.stop.store(true, Ordering::Relaxed);
        must(self.task.await, "stop the clock");
        fired
    }
}
