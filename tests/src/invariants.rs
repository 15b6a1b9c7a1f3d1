//! What must be true of the whole store whenever it has come to rest, whatever was done to it. The list is in the README.
//! The rule it keeps: nothing is asked of a service; the tables and the topics are read as they lie there.

use std::collections::{BTreeMap, BTreeSet};

use contracts::auth::MembershipState;
use contracts::catalog::{
    AvailabilityState, ChannelPrice, ImportEvent, ProductState, ProductStatus, ReservationEvent, StockEvent,
    VariantState,
};
use contracts::order::{IntakeEvent, LineStanding, OrderEvent, Pieces, Standing};
use contracts::{Channel, Envelope, topics};
use kernel::{ChannelCode, OrderId};
use messaging::Record;
use messaging::operations::{self, Selection};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::books::{self, Book, Sums};
use crate::store::READERS;
use crate::{Accepted, Shown, Store, must};

/// The ledger and the levels, which must agree at any moment, also in the middle of a storm: what was received is what is available,
/// reserved, held and gone. No more is promised than is there but by what the seller sells beyond it, by what was sold elsewhere and
/// forced, and where somebody has counted less.
const LEVELS: &str = "
    select format('I1 %s %s: received %s and %s gone, on hand %s, reserved %s, held %s, but the ledger says %s, %s, %s; %s may be short',
                  s.org_id, s.sku, m.received, m.gone, s.on_hand, s.reserved, s.held, m.on_hand, m.reserved, m.held, beyond.pieces)
      from catalog.stock s
     cross join lateral (select coalesce(sum(on_hand_delta), 0) as on_hand, coalesce(sum(reserved_delta), 0) as reserved,
                                coalesce(sum(held_delta), 0) as held,
                                coalesce(sum(on_hand_delta) filter (where kind <> 'commit'), 0) as received,
                                coalesce(-sum(on_hand_delta) filter (where kind = 'commit'), 0) as gone,
                                bool_or(kind = 'count') as was_counted,
                                bool_or(kind = 'commit' and on_hand_delta > 0) as came_by_leaving
                           from catalog.movements m where m.org_id = s.org_id and m.sku = s.sku) m
     cross join lateral (select case when not coalesce(m.was_counted, false) then s.backorder_limit
                                     + coalesce((select sum((line ->> 'oversold')::bigint) from catalog.reservations r
                                                   join \"order\".orders o on o.org_id = r.org_id and o.id = r.order_id
                                                  cross join jsonb_array_elements(r.lines) as line
                                                  where r.org_id = s.org_id and r.state in ('reserved', 'held')
                                                    and o.stock_policy = 'force' and line ->> 'sku' = s.sku), 0) end as pieces) beyond
     where (s.on_hand, s.reserved, s.held) is distinct from (m.on_hand, m.reserved, m.held)
        or m.received <> (s.on_hand - s.reserved - s.held) + s.reserved + s.held + m.gone
        or least(s.on_hand, s.reserved, s.held, m.gone) < 0 or m.came_by_leaving
        or s.reserved + s.held - s.on_hand > beyond.pieces";

/// What the tables must not contain once everything has come to rest: each row found is a violation in words.
const AT_REST: [&str; 15] = [
    "select format('I13 notifier knows order %s as %s and %s in version %s, which is %s and %s in version %s', o.id, n.status,
                   n.total_minor, n.version, o.status, o.total_minor, o.version)
       from \"order\".orders o left join notifier.orders n on n.org_id = o.org_id and n.id = o.id
      where (n.version, n.status, n.total_minor, n.number) is distinct from (o.version, o.status, o.total_minor, o.number)
         or n.placed_at is null",
    "select format('I1 %s %s: held %s and reserved %s, but orders wait for %s', s.org_id, s.sku, s.held, s.reserved,
                   coalesce(bought.pieces, 0))
       from catalog.stock s
       left join (select l.org_id, l.sku, sum(l.quantity - l.cancelled - l.shipped) as pieces from \"order\".order_lines l
                    join \"order\".orders o on o.org_id = l.org_id and o.id = l.order_id
                    left join catalog.reservations r on r.org_id = l.org_id and r.order_id = l.order_id
                   where o.status not in ('pending', 'rejected', 'cancelled') and o.stock_policy <> 'skip'
                     and coalesce(r.state, '') not in ('rejected', 'expired')
                   group by l.org_id, l.sku) bought
         on bought.org_id = s.org_id and bought.sku = s.sku
      where s.held <> coalesce(bought.pieces, 0) or s.reserved <> 0",
    "select format('I6 order knows the place %s as version %s, active %s, of %s; auth has version %s, active %s, of %s',
                   coalesce(a.membership_id, m.membership), m.version, m.active, m.user_id, a.version, a.active, a.user_id)
       from auth.memberships a full join \"order\".members m on m.org_id = a.org_id and m.membership = a.membership_id
      where (m.version, m.active, m.user_id) is distinct from (a.version, a.active, a.user_id)",
    "select format('I2 order %s is %s', id, status) from \"order\".orders where status = 'pending'",
    "select format('I2 order %s was queued and is %s, %s in the orders, and keeps %s', i.id, i.status,
                   case when o.id is null then 'not' else 'found' end, coalesce(i.wanted::text, 'nothing'))
       from \"order\".order_intake i left join \"order\".orders o on o.org_id = i.org_id and o.id = i.id
      where i.status = 'queued' or (i.status = 'placed') <> (o.id is not null) or i.wanted is not null",
    "select format('I2 addition %s of order %s is open', number, order_id) from \"order\".order_additions where state = 'open'",
    "select format('I4 reservation of %s is %s with %s pieces, its movements add up to %s reserved and %s held',
                   r.order_id, r.state, lines.pieces, moved.reserved, moved.held)
       from catalog.reservations r
      cross join lateral (select coalesce(sum((line ->> 'quantity')::bigint), 0) as pieces
                            from jsonb_array_elements(r.lines) as line) lines
      cross join lateral (select coalesce(sum(reserved_delta), 0) as reserved, coalesce(sum(held_delta), 0) as held,
                                 count(*) filter (where kind = 'reserve') as taken
                            from catalog.movements m where m.org_id = r.org_id and m.order_id = r.order_id) moved
      where (moved.reserved, moved.held) is distinct from (case r.state when 'reserved' then lines.pieces else 0 end,
                                                           case r.state when 'held' then lines.pieces else 0 end)
         or (moved.taken > 0) <> (r.state in ('reserved', 'held', 'released', 'expired'))",
    "select format('I4 movement %s of order %s has no reservation', m.kind, m.order_id) from catalog.movements m
       left join catalog.reservations r on r.org_id = m.org_id and r.order_id = m.order_id
      where m.order_id is not null and r.order_id is null",
    "select format('I4 order %s has version %s and status %s, its history has %s rows up to %s ending with %s', o.id,
                   o.version, o.status, told.steps, told.last, told.status)
       from \"order\".orders o
      cross join lateral (select count(*) as steps, max(h.version) as last,
                                 (array_agg(h.to_status order by h.version desc))[1] as status
                            from \"order\".order_history h where h.org_id = o.org_id and h.order_id = o.id) told
      where told.steps <> o.version or told.last <> o.version or told.status <> o.status",
    "select format('I4 %s %s: orders say that %s left and %s came back to be sold, the ledger %s and %s', l.org_id, l.sku,
                   l.shipped, l.restocked, coalesce(m.gone, 0), coalesce(m.back, 0))
       from (select k.org_id, k.sku, sum(k.shipped) as shipped, sum(k.returned - k.written_off) as restocked
               from \"order\".order_lines k join \"order\".orders o on o.org_id = k.org_id and o.id = k.order_id
              where o.stock_policy <> 'skip' group by k.org_id, k.sku) l
       left join (select org_id, sku, -sum(on_hand_delta) filter (where kind = 'commit') as gone,
                         sum(on_hand_delta) filter (where kind = 'restock') as back
                    from catalog.movements group by org_id, sku) m on m.org_id = l.org_id and m.sku = l.sku
      where (l.shipped, l.restocked) is distinct from (coalesce(m.gone, 0), coalesce(m.back, 0))",
    "select format('I12 order %s has recorded %s paid and %s refunded, its payments add up to %s and its refunds to %s', o.id,
                   o.paid_minor, o.refunded_minor, coalesce(p.paid, 0), coalesce(r.refunded, 0))
       from \"order\".orders o
       left join (select org_id, order_id, sum(amount_minor) filter (where kind = 'received') as paid
                    from \"order\".order_payments group by org_id, order_id) p on p.org_id = o.org_id and p.order_id = o.id
       left join (select org_id, order_id, sum(amount_minor) as refunded
                    from \"order\".order_refunds group by org_id, order_id) r on r.org_id = o.org_id and r.order_id = o.id
      where (o.paid_minor, o.refunded_minor) is distinct from (coalesce(p.paid, 0), coalesce(r.refunded, 0))",
    "select format('I12 order %s comes to %s, its lines to %s', o.id, o.total_minor, l.total)
       from \"order\".orders o
       join (select org_id, order_id,
                    sum(quantity * unit_price_minor - discount_minor + tax_minor + shipping_minor) as total
               from \"order\".order_lines group by org_id, order_id) l on l.org_id = o.org_id and l.order_id = o.id
      where o.total_minor <> l.total",
    "select format('I5 %s of order %s: %s are to be sent, its reservation holds %s', l.sku, l.order_id, l.pieces, h.pieces)
       from (select org_id, order_id, sku, sum(quantity - cancelled - shipped) as pieces
               from \"order\".order_lines group by org_id, order_id, sku) l
       join catalog.reservations r on r.org_id = l.org_id and r.order_id = l.order_id and r.state = 'held'
      cross join lateral (select coalesce(sum((line ->> 'quantity')::bigint), 0) as pieces
                            from jsonb_array_elements(r.lines) as line where line ->> 'sku' = l.sku) h
      where l.pieces <> h.pieces",
    "select format('I5 order %s was asked to be added to %s times, its reservation has decided %s', r.order_id,
                   coalesce(a.number, 0), r.addition)
       from catalog.reservations r
       left join (select org_id, order_id, max(number) as number from \"order\".order_additions group by org_id, order_id) a
         on a.org_id = r.org_id and a.order_id = r.order_id
      where coalesce(a.number, 0) <> r.addition",
    "select format('I5 order %s is %s, its reservation is %s', coalesce(o.id, r.order_id), coalesce(o.status, 'nowhere'),
                   coalesce(r.state, 'nowhere'))
       from \"order\".orders o
       full join catalog.reservations r on r.org_id = o.org_id and r.order_id = o.id
      cross join lateral (select coalesce(o.source = 'import', false)
                              or exists (select from \"order\".order_lines l
                                          where l.org_id = o.org_id and l.order_id = o.id and l.shipped > 0) as stays) without
      -- What was sold elsewhere, or has left in part, stays although catalog has no stock for it.
      where o.id is null or o.stock_policy = 'skip' and r.order_id is not null
         or o.stock_policy <> 'skip' and (o.status not in ('pending', 'rejected', 'cancelled')) <> (coalesce(r.state, '') = 'held')
            and not (without.stays and coalesce(r.state, '') in ('rejected', 'expired'))
         or (o.status in ('rejected', 'cancelled') and r.state in ('reserved', 'held'))",
];

/// Violations of the ledger at this very moment (I1).
pub async fn levels(client: &Client) -> Vec<String> {
    found(client, LEVELS).await
}

/// Waits until the store has come to rest and checks all of it; `accepted` is what shoppers were promised. For a test that has the store
/// to itself.
///
/// # Panics
/// When something is not as it must be; the message lists everything (at most 40 of a kind).
pub async fn assert_sound(store: &Store, accepted: &[Accepted]) {
    store.settled().await;
    refuse(&violations(store, accepted).await.into_iter().collect());
}

/// As [`assert_sound`], for a test that shares the store: it is at rest only between what others do, so what is wrong must be so each
/// time that it is looked at.
///
/// # Panics
/// As [`assert_sound`].
pub async fn assert_sound_beside_others(store: &Store) {
    const LOOKS: usize = 5;
    let mut always: Option<BTreeSet<String>> = None;
    for _ in 0..LOOKS {
        store.settled().await;
        let found: BTreeSet<String> = violations(store, &[]).await.into_iter().collect();
        let wrong = always.map_or_else(|| found.clone(), |before| before.intersection(&found).cloned().collect());
        if wrong.is_empty() {
            return;
        }
        always = Some(wrong);
    }
    refuse(&always.unwrap_or_default());
}

fn refuse(violations: &BTreeSet<String>) {
    let lines: Vec<&str> = violations.iter().map(String::as_str).collect();
    assert!(lines.is_empty(), "{} violations:\n{}", lines.len(), lines.join("\n"));
}

/// What violates the invariants once Redis has lost what it had, and did not before (I10): nothing but speed may depend on it. `loss` takes
/// it away.
pub async fn lost_with_redis(store: &Store, accepted: &[Accepted], loss: impl AsyncFnOnce()) -> Vec<String> {
    store.settled().await;
    let before: BTreeSet<String> = violations(store, accepted).await.into_iter().collect();
    loss().await;
    store.settled().await;
    let after = violations(store, accepted).await;
    after.into_iter().filter(|it| !before.contains(it)).map(|it| format!("I10 since Redis forgot: {it}")).collect()
}

/// What an organisation was shown that belongs to another one (I11).
///
/// # Panics
/// When the database does not answer.
pub async fn foreign(store: &Store, shown: &Shown) -> Vec<String> {
    let client = store.superuser().await;
    // Whatever a table with an owner names in a row, that owner may see.
    let columns = "select c.table_schema, c.table_name, c.column_name from information_schema.columns c
                     join information_schema.columns o on o.table_schema = c.table_schema and o.table_name = c.table_name
                                                      and o.column_name = 'org_id'
                     join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
                    where c.table_schema = any($1) and c.data_type = 'uuid' and t.table_type = 'BASE TABLE'";
    let schemas: Vec<String> = devstack::services::schemas().iter().map(ToString::to_string).collect();
    let rows = must(client.query(columns, &[&schemas]).await, "look for the tables with an owner");
    let named = rows.iter().map(|row| {
        let (schema, table, column): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
        format!("select org_id::text, {column}::text from \"{schema}\".{table} where {column} is not null and org_id is not null")
    });
    let statement = named.collect::<Vec<_>>().join(" union ");
    let mut owners: BTreeMap<Uuid, BTreeSet<Uuid>> = BTreeMap::new();
    for row in must(client.query(&statement, &[]).await, "read what belongs to whom") {
        owners.entry(id(row.get(1))).or_default().insert(id(row.get(0)));
    }
    let slugs =
        must(client.query("select slug, org_id::text from auth.organisations", &[]).await, "read the organisations");
    let slugs: BTreeMap<String, Uuid> = slugs.iter().map(|row| (row.get(0), id(row.get(1)))).collect();
    let belongs =
        |slug: &str, thing: &Uuid| owners.get(thing).is_none_or(|of| slugs.get(slug).is_some_and(|it| of.contains(it)));
    let foreign = shown.things.iter().filter(|((slug, thing), _)| !belongs(slug, thing));
    foreign.map(|((slug, thing), at)| format!("I11 {slug} was shown {thing} of somebody else by {at}")).collect()
}

/// Everything that is not as it must be at rest, each beginning with the number of its invariant.
pub async fn violations(store: &Store, accepted: &[Accepted]) -> Vec<String> {
    let client = store.superuser().await;
    let mut violations = levels(&client).await;
    for statement in AT_REST {
        violations.extend(found(&client, statement).await);
    }
    let orders = orders(&client).await;
    let mut said = BTreeMap::new();
    for topic in topics::ALL {
        said.insert(topic.name, testkit::read_topic(&store.kafka(), topic.name).await);
    }
    violations.extend(promises(&client, &orders, accepted).await);
    violations.extend(replies(&client, &orders).await);
    violations.extend(said.iter().flat_map(|(topic, records)| versions_rise(topic, records)));
    violations.extend(orders_agree(&said[topics::ORDER.name], &orders, books::of_rows(&client).await));
    violations.extend(reservations_agree(&said[topics::RESERVATION.name], &client).await);
    violations.extend(availability_agrees(&said[topics::AVAILABILITY.name], &client).await);
    violations.extend(sellable_agrees(&said[topics::PRODUCT.name], &client).await);
    violations.extend(members_agree(&said[topics::MEMBERSHIP.name], &client).await);
    violations.extend(unsaid(&said, &client).await);
    violations.extend(left_behind(store, &client).await);
    violations.extend(parked_have_letters(store, &client).await);
    violations.extend(untold(&client, &orders).await);
    violations
}

async fn found(client: &Client, statement: &str) -> Vec<String> {
    let rows = must(client.query(&format!("{statement} limit 40"), &[]).await, "look for violations");
    rows.iter().map(|row| row.get(0)).collect()
}

/// An order as its tables have it.
struct Row {
    organisation: Uuid,
    version: i64,
    status: String,
    /// Whether it is paid for, whether it has left, what moved of each line and of the money: what its last event says as well.
    state: String,
    /// Whether it was brought in as history, of which nobody is told.
    history: bool,
    /// Whether it was sold elsewhere: then its channel's name makes it one order, and no key.
    imported: bool,
}

async fn orders(client: &Client) -> BTreeMap<Uuid, Row> {
    let statement = "
        select o.id::text, o.org_id::text, o.status, o.version, o.stock_policy = 'skip', o.source = 'import',
               concat_ws(' ', o.payment_status, o.fulfilment_status, o.total_minor, o.authorised_minor, o.paid_minor,
                         o.refunded_minor, l.pieces)
          from \"order\".orders o
          join (select org_id, order_id,
                       string_agg(concat_ws(' ', sku, quantity, packed, shipped, delivered, cancelled, return_requested, returned,
                                            written_off), ', ' order by sku collate \"C\") as pieces
                  from \"order\".order_lines group by org_id, order_id) l on l.org_id = o.org_id and l.order_id = o.id";
    let rows = must(client.query(statement, &[]).await, "read the orders");
    let order = |row: &tokio_postgres::Row| Row {
        organisation: id(row.get(1)),
        status: row.get(2),
        version: row.get(3),
        history: row.get(4),
        imported: row.get(5),
        state: row.get(6),
    };
    rows.iter().map(|row| (id(row.get(0)), order(row))).collect()
}

/// The same as an event says it.
fn state(standing: &Standing) -> String {
    let line = |line: &LineStanding| {
        let Pieces { ordered, packed, shipped, delivered, cancelled, return_requested, returned, written_off, .. } =
            line.pieces;
        let counted = [ordered, packed, shipped, delivered, cancelled, return_requested, returned, written_off];
        format!("{} {}", line.sku, counted.map(|pieces| pieces.to_string()).join(" "))
    };
    let mut lines: Vec<&LineStanding> = standing.lines.iter().collect();
    lines.sort_by(|one, other| one.sku.as_str().cmp(other.sku.as_str()));
    let Standing { payment, fulfilment, total, authorised, paid, refunded, .. } = standing;
    let money = [total, authorised, paid, refunded].map(|amount| amount.minor().to_string()).join(" ");
    format!("{payment} {fulfilment} {money} {}", lines.into_iter().map(line).collect::<Vec<_>>().join(", "))
}

fn id(text: &str) -> Uuid {
    must(text.parse(), "read an id")
}

/// What was accepted is an order, or was decided otherwise while it was queued; and what is recorded under its key is what was answered.
async fn promises(client: &Client, orders: &BTreeMap<Uuid, Row>, accepted: &[Accepted]) -> Vec<String> {
    let ended = ended_in_the_queue(client).await;
    let statement = "select idempotency_key, body from \"order\".replays where idempotency_key = any($1)";
    let asked: Vec<&str> = accepted.iter().map(|promise| promise.key.as_str()).collect();
    let rows = must(client.query(statement, &[&asked]).await, "read the recorded replies");
    let recorded: BTreeMap<&str, &[u8]> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut violations = Vec::new();
    let mut of_order: BTreeMap<Uuid, &str> = BTreeMap::new();
    for Accepted { order, key, reply, .. } in accepted {
        let id = order.uuid();
        if !orders.contains_key(&id) && !ended.contains(&id) {
            violations.push(format!("I2 {order} was accepted under {key} and is lost"));
        }
        if let Some(other) = of_order.insert(id, key)
            && other != key
        {
            violations.push(format!("I3 {order} was promised under {other} and under {key}"));
        }
        if recorded.get(key.as_str()).is_some_and(|kept| *kept != reply.as_slice()) {
            violations.push(format!("I3 the reply under {key} is recorded as another one than was given"));
        }
    }
    violations
}

/// What was queued and will be no order, since it was refused, or cancelled before its turn.
async fn ended_in_the_queue(client: &Client) -> BTreeSet<Uuid> {
    let statement = "select id::text from \"order\".order_intake where status in ('refused', 'cancelled')";
    must(client.query(statement, &[]).await, "read what was refused").iter().map(|row| id(row.get(0))).collect()
}

/// Every order was placed under one key, and every recorded reply speaks of one order, but for those that were queued and never placed.
async fn replies(client: &Client, orders: &BTreeMap<Uuid, Row>) -> Vec<String> {
    let ended = ended_in_the_queue(client).await;
    let statement = "select org_id::text, idempotency_key, convert_from(body, 'UTF8')::json ->> 'id'
                       from \"order\".replays where operation in ('order.place-order', 'order.enter-order')";
    let rows = must(client.query(statement, &[]).await, "read the recorded replies");
    let mut keys: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
    let mut violations = Vec::new();
    for row in &rows {
        let (organisation, key, spoken): (Uuid, String, String) = (id(row.get(0)), row.get(1), row.get(2));
        match spoken.parse::<OrderId>() {
            Ok(order) if ended.contains(&order.uuid()) => {}
            Ok(order) if orders.get(&order.uuid()).is_some_and(|it| it.organisation == organisation) => {
                keys.entry(order.uuid()).or_default().push(key);
            }
            _ => violations.push(format!("I3 the reply under {key} speaks of {spoken}, which is no order there")),
        }
    }
    for order in orders.iter().filter(|(_, order)| !order.imported).map(|(id, _)| id) {
        let of_order = keys.get(order).map_or(&[][..], Vec::as_slice);
        if of_order.len() != 1 {
            violations.push(format!("I3 order {order} was placed under the keys {of_order:?}"));
        }
    }
    violations
}

/// What a service has taken, or has done because of an event, is on a topic: no effect without its event, and none that was written is
/// missing.
async fn unsaid(said: &BTreeMap<&str, Vec<Record>>, client: &Client) -> Vec<String> {
    let envelopes = said.values().flatten().filter_map(|record| Envelope::from_headers(record.header_pairs()).ok());
    let ids: BTreeSet<Uuid> = envelopes.map(|envelope| envelope.id.uuid()).collect();
    let schemas = devstack::services::schemas();
    let inboxes =
        schemas.iter().map(|schema| format!("select event_id::text, 'the inbox of {schema}' from \"{schema}\".inbox"));
    let causes = "select source_event::text, format('the history of order %s', order_id) from \"order\".order_history
                   where source_event is not null";
    let statement = inboxes.chain([causes.to_owned()]).collect::<Vec<_>>().join(" union all ");
    let rows = must(client.query(&statement, &[]).await, "read what was taken");
    let missing = rows.iter().filter(|row| !ids.contains(&id(row.get(0))));
    missing
        .take(40)
        .map(|row| format!("I7 {} has {}, which is on no topic", row.get::<_, &str>(1), row.get::<_, &str>(0)))
        .collect()
}

fn versions_rise(topic: &str, records: &[Record]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut last: BTreeMap<Uuid, i64> = BTreeMap::new();
    let mut violations = Vec::new();
    for record in records {
        let envelope = match Envelope::from_headers(record.header_pairs()) {
            Ok(envelope) => envelope,
            Err(error) => {
                violations.push(format!("I6 {topic}: a record without a usable envelope: {error}"));
                continue;
            }
        };
        if !seen.insert(envelope.id) {
            continue;
        }
        let (before, version) = (last.insert(envelope.subject, envelope.aggregate_version), envelope.aggregate_version);
        let follows = match before {
            None => version >= 1,
            Some(before) => version > before,
        };
        if !follows {
            let subject = envelope.subject;
            violations.push(format!("I6 {topic}: {subject} has version {version} after {before:?}"));
        }
    }
    violations
}

/// Each order is what its events say, in every figure, and its money is what their signed lines add up to.
fn orders_agree(records: &[Record], orders: &BTreeMap<Uuid, Row>, rows: BTreeMap<Uuid, Sums>) -> Vec<String> {
    let mut told: BTreeMap<Uuid, Told> = BTreeMap::new();
    let mut violations = Vec::new();
    for record in records {
        let read = Envelope::from_headers(record.header_pairs()).and_then(|envelope| {
            let payload = record.payload.as_deref().unwrap_or_default();
            OrderEvent::decode(&envelope.event_type, payload).map(|event| (envelope, event))
        });
        let (envelope, event) = match read {
            Ok(read) => read,
            Err(error) => {
                violations.push(format!("I6 an order's event cannot be read: {error}"));
                continue;
            }
        };
        let subject = envelope.subject;
        let of_order = told.entry(subject).or_default();
        // Copies of earlier facts come after the last one and say nothing new.
        if of_order.versions.insert(envelope.aggregate_version) {
            let wrong = of_order.book.enter(&event);
            violations.extend(wrong.iter().map(|wrong| format!("I12 {subject} {wrong}: {}", envelope.event_type)));
            let Some(standing) = event.standing() else {
                violations.push(format!("I6 {} does not say where the order stands", envelope.event_type));
                continue;
            };
            of_order.status = standing.status.to_string();
            of_order.state = state(standing);
        }
    }
    let mut rows = rows;
    for (id, order) in orders {
        let Some(Told { versions, status, state, book }) = told.remove(id) else {
            violations.push(format!("I6 order {id} was never told of"));
            continue;
        };
        let steps = (1..=order.version).collect::<BTreeSet<_>>();
        if versions != steps || status != order.status {
            let (version, is) = (order.version, &order.status);
            violations
                .push(format!("I6 order {id} is {is} in version {version}; its topic ends {status} with {versions:?}"));
        }
        if state != order.state {
            violations.push(format!("I6 order {id} has {}, its last event says {state}", order.state));
        }
        let (events, rows) = (book.close(), rows.remove(id).unwrap_or_default());
        if events != rows {
            violations.push(format!("I12 the events of order {id} add up to {events:?}, its rows to {rows:?}"));
        }
    }
    violations.extend(told.keys().map(|id| format!("I6 the topic tells of order {id}, which is nowhere")));
    violations
}

/// What the topic tells of one order.
#[derive(Default)]
struct Told {
    versions: BTreeSet<i64>,
    status: String,
    state: String,
    book: Book,
}

/// Catalog has said of every reservation what it is, and of nothing else. Whether it said more than that is not looked at: some tests say
/// in its name that a reservation expired.
async fn reservations_agree(records: &[Record], client: &Client) -> Vec<String> {
    let mut told: BTreeMap<Uuid, BTreeSet<&str>> = BTreeMap::new();
    for record in records {
        let Ok(envelope) = Envelope::from_headers(record.header_pairs()) else { continue };
        let payload = record.payload.as_deref().unwrap_or_default();
        let what = match ReservationEvent::decode(&envelope.event_type, payload) {
            Ok(ReservationEvent::Reserved(_)) => "reserved",
            Ok(ReservationEvent::Rejected(_)) => "rejected",
            Ok(ReservationEvent::Expired(_)) => "expired",
            Ok(ReservationEvent::ConfirmRefused(_)) => "confirm refused",
            Ok(ReservationEvent::Extended(_) | ReservationEvent::ExtensionRefused(_)) => "extended or not",
            Err(_) => continue,
        };
        told.entry(envelope.subject).or_default().insert(what);
    }
    let statement = "select r.order_id::text, r.state, r.confirm_refused,
                            exists (select from catalog.movements m
                                     where m.org_id = r.org_id and m.order_id = r.order_id and m.kind = 'reserve')
                       from catalog.reservations r";
    let mut violations = Vec::new();
    for row in must(client.query(statement, &[]).await, "read the reservations") {
        let (order, state, refused, taken): (Uuid, &str, bool, bool) =
            (id(row.get(0)), row.get(1), row.get(2), row.get(3));
        let said = told.remove(&order).unwrap_or_default();
        let must_be_said = [
            (taken, "reserved"),
            (state == "rejected", "rejected"),
            (state == "expired", "expired"),
            (refused, "confirm refused"),
        ];
        for (_, what) in must_be_said.iter().filter(|(must, what)| *must && !said.contains(what)) {
            violations.push(format!("I6 the reservation of {order} is {state}; that it was {what} was never told"));
        }
    }
    violations
        .extend(told.iter().map(|(order, said)| format!("I4 {said:?} is told of {order}, which has no reservation")));
    violations
}

/// A variant as order's copy has to have it.
fn sold_as(product: &ProductState, variant: &VariantState) -> String {
    let VariantState { variant: id, sku, price, .. } = variant;
    let for_sale = product.status == ProductStatus::Active && variant.active;
    let mut text = format!("{} {sku} {} {} {for_sale}", id.uuid(), price.minor(), price.currency());
    if let Some(cost) = variant.cost.filter(|cost| cost.currency() == price.currency()) {
        text += &format!(" costs {}", cost.minor());
    }
    if let Some(channels) = product.channels.channels() {
        let codes: Vec<&str> = channels.iter().map(ChannelCode::as_str).collect();
        text += &format!(" sold in {{{}}}", codes.join(","));
    }
    for ChannelPrice { channel, price } in &variant.channel_prices {
        text += &format!(" in {channel} {price}");
    }
    if let Some(price) = &variant.price_elsewhere {
        text += &format!(" elsewhere {price}");
    }
    text
}

/// Order's copy of the catalog is what the last states of the products say.
async fn sellable_agrees(records: &[Record], client: &Client) -> Vec<String> {
    let mut told: BTreeMap<Uuid, (i64, BTreeSet<String>)> = BTreeMap::new();
    for record in records {
        let Ok(envelope) = Envelope::from_headers(record.header_pairs()) else { continue };
        let product = record.payload.as_deref().map(|json| ProductState::decode(&envelope.event_type, json));
        let variants = match product {
            None => BTreeSet::new(),
            Some(Ok(product)) => product.variants.iter().map(|variant| sold_as(&product, variant)).collect(),
            Some(Err(_)) => continue,
        };
        let known = told.entry(envelope.subject).or_default();
        // The newest counts, in whatever order they came.
        if envelope.aggregate_version >= known.0 {
            *known = (envelope.aggregate_version, variants);
        }
    }
    let statement = "select p.product_id::text, p.version,
                            array_remove(array_agg(concat_ws(' ', s.variant_id, s.sku, s.price_minor, s.currency, s.for_sale::text,
                              'costs ' || s.cost_minor, 'sold in ' || s.channels::text,
                              (select string_agg(concat_ws(' ', 'in', at.key, at.value ->> 'amount', at.value ->> 'currency'), ' '
                                                 order by at.key collate \"C\")
                                 from jsonb_each(s.other_prices -> 'channels') as at),
                              'elsewhere ' || (s.other_prices #>> '{elsewhere,amount}') || ' '
                                           || (s.other_prices #>> '{elsewhere,currency}'))), '')
                       from \"order\".sellable_products p
                       left join \"order\".sellable s on s.org_id = p.org_id and s.product_id = p.product_id
                      group by p.org_id, p.product_id";
    let mut violations = Vec::new();
    for row in must(client.query(statement, &[]).await, "read the copy of the catalog") {
        let product = id(row.get(0));
        let is = (row.get::<_, i64>(1), row.get::<_, Vec<String>>(2).into_iter().collect::<BTreeSet<_>>());
        let said = told.remove(&product);
        if said.as_ref() != Some(&is) {
            violations.push(format!("I6 order has {is:?} of product {product}, its topic says {said:?}"));
        }
    }
    // A product that was gone before order heard of it left nothing.
    let missing = told.iter().filter(|(_, (_, variants))| !variants.is_empty());
    violations.extend(missing.map(|(product, said)| format!("I6 order has nothing of product {product}: {said:?}")));
    violations
}

/// Order lets people do what the last states of their places say. Which version of each it has is compared with auth itself.
async fn members_agree(records: &[Record], client: &Client) -> Vec<String> {
    let mut told: BTreeMap<Uuid, (i64, BTreeSet<String>)> = BTreeMap::new();
    for record in records {
        let Ok(envelope) = Envelope::from_headers(record.header_pairs()) else { continue };
        let place = record.payload.as_deref().map(|json| MembershipState::decode(&envelope.event_type, json));
        let Some(Ok(place)) = place else { continue };
        let known = told.entry(envelope.subject).or_default();
        // The newest counts, in whatever order they came.
        if envelope.aggregate_version >= known.0 {
            *known = (envelope.aggregate_version, place.permissions.into_iter().collect());
        }
    }
    let statement = "select membership::text, permissions from \"order\".members";
    let mut violations = Vec::new();
    for row in must(client.query(statement, &[]).await, "read the copy of who may do what") {
        let (place, permissions): (Uuid, &str) = (id(row.get(0)), row.get(1));
        let is: BTreeSet<String> = permissions.split_whitespace().map(ToOwned::to_owned).collect();
        let said = told.get(&place).map(|(_, permissions)| permissions);
        if said != Some(&is) {
            violations.push(format!("I6 order lets the place {place} do {is:?}, its topic says {said:?}"));
        }
    }
    violations
}

/// How many records of each topic of facts tell a fact that stands on it before (I9). Whoever reads takes them once; each costs its
/// readers time.
///
/// # Panics
/// When the broker does not answer.
pub async fn repeats(store: &Store) -> BTreeMap<&'static str, usize> {
    let mut repeats = BTreeMap::new();
    // What a compacted topic keeps of its records is the broker's business.
    for topic in topics::ALL.iter().filter(|topic| topic.retention.holds_facts()) {
        let records = testkit::read_topic(&store.kafka(), topic.name).await;
        let envelopes = records.iter().filter_map(|record| Envelope::from_headers(record.header_pairs()).ok());
        let mut seen = BTreeSet::new();
        let again = envelopes.filter(|envelope| !seen.insert(envelope.id)).count();
        repeats.insert(topic.name, again);
    }
    repeats
}

/// The last that is said of each variant's availability is what its stock has.
async fn availability_agrees(records: &[Record], client: &Client) -> Vec<String> {
    let mut violations = Vec::new();
    let mut told: BTreeMap<Uuid, (i64, i64, String)> = BTreeMap::new();
    let mut newest: BTreeMap<Uuid, i64> = BTreeMap::new();
    for record in records {
        let read = Envelope::from_headers(record.header_pairs()).and_then(|envelope| {
            let state = record.payload.as_deref().map(|json| AvailabilityState::decode(&envelope.event_type, json));
            Ok((envelope.subject, envelope.aggregate_version, state.transpose()?))
        });
        // The newest counts, in whatever order they came.
        if let Ok((variant, version, _)) = &read
            && newest.insert(*variant, (*version).max(newest.get(variant).copied().unwrap_or_default()))
                > Some(*version)
        {
            continue;
        }
        match read {
            Ok((variant, _, Some(state))) => {
                let at = state.locations.iter().map(|one| format!("{} {}", one.location, one.on_hand));
                told.insert(variant, (state.on_hand, state.available, at.collect::<Vec<_>>().join(", ")));
            }
            Ok((variant, _, None)) => drop(told.remove(&variant)),
            Err(error) => violations.push(format!("I6 a record of availability cannot be read: {error}")),
        }
    }
    let statement = "select variant_id::text, sku, on_hand, on_hand - reserved - held - safety_stock,
                            concat_ws(', ', case when on_hand > located then 'default ' || on_hand - located end,
                              (select string_agg(l.location || ' ' || l.on_hand, ', ' order by l.location)
                               from catalog.location_levels l
                               where l.org_id = s.org_id and l.sku = s.sku and l.on_hand > 0))
                     from catalog.stock s";
    for row in must(client.query(statement, &[]).await, "read the stock") {
        let (variant, sku): (Uuid, String) = (id(row.get(0)), row.get(1));
        let is: (i64, i64, String) = (row.get(2), row.get(3), row.get(4));
        let said = told.remove(&variant);
        if said.as_ref() != Some(&is) {
            violations
                .push(format!("I6 {sku} has {is:?} on hand, available and at locations, its topic says {said:?}"));
        }
    }
    violations
}

/// Facts that a service has read and that do not stand in its inbox, so that nothing keeps it from taking them twice. Only of a store in
/// which nobody has emptied an inbox or said what no service says.
///
/// # Panics
/// When the database or the broker does not answer.
pub async fn unclaimed(store: &Store) -> Vec<String> {
    let client = store.superuser().await;
    let mut violations = Vec::new();
    for (topic, service) in READERS {
        let Some(decode) = facts_of(topic) else { continue };
        let statement = format!("select event_id::text from \"{service}\".inbox where consumer = $1");
        let rows = must(client.query(&statement, &[&service]).await, "read an inbox");
        let taken: BTreeSet<Uuid> = rows.iter().map(|row| id(row.get(0))).collect();
        let records = testkit::read_topic(&store.kafka(), topic).await;
        let missed = records
            .iter()
            .filter(|record| !record.header_pairs().any(|(name, _)| name == messaging::dead_letter_header::REDRIVE))
            .filter_map(|record| {
                let envelope = Envelope::from_headers(record.header_pairs()).ok()?;
                let is_read = decode(&envelope.event_type, record.payload.as_deref().unwrap_or_default());
                (is_read && !taken.contains(&envelope.id.uuid())).then_some(envelope)
            });
        violations.extend(missed.take(40).map(|it| {
            format!("I4 {service} has read {} of {} ({}), which is not in its inbox", it.event_type, it.subject, it.id)
        }));
    }
    violations
}

/// Whether a record is a fact that this release can read.
type Readable = fn(&str, &[u8]) -> bool;

/// How the facts of a topic are read; nothing for a topic of states.
fn facts_of(topic: &str) -> Option<Readable> {
    let facts: [(&str, Readable); 5] = [
        (topics::INTAKE.name, |name, json| IntakeEvent::decode(name, json).is_ok()),
        (topics::ORDER.name, |name, json| OrderEvent::decode(name, json).is_ok()),
        (topics::RESERVATION.name, |name, json| ReservationEvent::decode(name, json).is_ok()),
        (topics::IMPORT.name, |name, json| ImportEvent::decode(name, json).is_ok()),
        (topics::STOCK.name, |name, json| StockEvent::decode(name, json).is_ok()),
    ];
    facts.into_iter().find(|(name, _)| *name == topic).map(|(_, decode)| decode)
}

/// A key that waits behind a dead letter has one.
async fn parked_have_letters(store: &Store, client: &Client) -> Vec<String> {
    let mut violations = Vec::new();
    for schema in devstack::services::schemas() {
        let statement = format!("select topic, key, consumer from \"{schema}\".parked_keys");
        for row in must(client.query(&statement, &[]).await, "read the parked keys") {
            let (topic, key, consumer): (String, String, String) = (row.get(0), row.get(1), row.get(2));
            let selection = Selection { group: consumer.clone(), topic: Some(topic.clone()) };
            let letters = operations::dead_letters(&store.kafka(), &selection, true, usize::MAX).await;
            if !must(letters, "read dead letters").iter().any(|letter| letter.key.as_ref() == Some(&key)) {
                violations.push(format!(
                    "I8 no dead letter of {topic} for {consumer} has the key {key}, which waits behind one"
                ));
            }
        }
    }
    violations
}

async fn left_behind(store: &Store, client: &Client) -> Vec<String> {
    let mut violations = Vec::new();
    for schema in devstack::services::schemas() {
        let statement = format!(
            "select format('I7 outbox of {schema}: %s of %s', type, aggregateid) from \"{schema}\".outbox
             union all select format('I7 {schema} parked %s: %s', aggregateid, cause) from \"{schema}\".outbox_parked
             union all select format('I8 {schema} parked the key %s of %s: %s', key, topic, cause) from \"{schema}\".parked_keys"
        );
        violations.extend(found(client, &statement).await);
    }
    let letters = must(operations::dead_letter_topics(&store.kafka()).await, "look for dead letters");
    violations.extend(
        letters
            .iter()
            .filter(|it| it.records > 0)
            .map(|it| format!("I8 {} dead letters of {} for {}", it.records, it.topic, it.group)),
    );
    violations
}

/// The operations team heard how every order began and how it ended.
async fn untold(client: &Client, orders: &BTreeMap<Uuid, Row>) -> Vec<String> {
    let statement =
        "select kind, fact ->> 'order', state, cause from notifier.deliveries where fact ->> 'order' is not null";
    let rows = must(client.query(statement, &[]).await, "read the deliveries");
    let mut violations = Vec::new();
    let mut told: BTreeSet<(Uuid, String)> = BTreeSet::new();
    for row in &rows {
        let (kind, id, state): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        match id.parse::<OrderId>() {
            Ok(order) if state == "sent" => drop(told.insert((order.uuid(), kind))),
            Ok(_) => violations.push(format!("I9 {kind} of {id} is {state}: {:?}", row.get::<_, Option<String>>(3))),
            Err(error) => violations.push(format!("I9 {kind} tells of {id}: {error}")),
        }
    }
    for (id, order) in orders.iter().filter(|(_, order)| !order.history) {
        // What the team does with a confirmed order itself is not told.
        let end = match order.status.as_str() {
            "pending" | "rejected" | "cancelled" => format!("order-{}", order.status),
            _ => "order-confirmed".to_owned(),
        };
        for kind in ["order-placed".to_owned(), end] {
            if !told.contains(&(*id, kind.clone())) {
                violations.push(format!("I9 nobody was told {kind} of order {id}"));
            }
        }
    }
    violations
}
