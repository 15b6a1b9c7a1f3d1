//! Reservations through catalog's consumer alone: records of orders wait on the topic when catalog starts.

use std::time::{Duration, Instant};

use contracts::order::{OrderEvent, OrderLine, Placed};
use e2e::{Shop, Store};
use kernel::{ChannelCode, Clock, Currency, Money, OrderId, OrganisationId, ProductId, Quantity, Sku, VariantId};
use messaging::Producer;

use crate::Failure;
use crate::limits;
use crate::report::Report;
use crate::stack::sell;

/// How many orders wait.
const ORDERS: usize = 40_000;
/// How many records catalog takes at once at most.
pub(crate) const BATCH: usize = 500;

/// Orders per second that catalog reserves of one SKU, among so many products. Order is away meanwhile, since nobody placed these.
pub(crate) async fn measure(
    store: &mut Store,
    shop: &Shop,
    among: &str,
    time: Duration,
    report: &mut Report,
) -> Result<(), Failure> {
    let hot = format!("HOT-{}", kernel::OrderId::new().uuid().simple());
    let measured = format!("LIMIT-{hot}");
    sell(store, shop, &[hot.clone(), measured.clone()], 10_000_000).await?;
    store.settled().await;
    let client = store.superuser().await;
    let row = client.query_one("select org_id::text from catalog.stock where sku = $1", &[&hot]).await?;
    let organisation = OrganisationId::from_uuid(row.get::<_, &str>(0).parse()?);
    for service in ["order", "catalog"] {
        store.replica(service, 1).kill().await;
    }
    let limit = limits::reserve(store, &shop.slug, &measured, time).await?;
    report
        .limit(&format!("pgbench: the rows of {BATCH} reservations of 1 hot SKU in one transaction, 1 client"), &limit);
    report.progress(&format!("{ORDERS} orders of one SKU wait for catalog"));
    let producer = Producer::new(&store.kafka())?;
    let orders: Vec<OrderId> = (0..ORDERS).map(|_| OrderId::new()).collect();
    for part in orders.chunks(1_000) {
        let records = part.iter().map(|order| Ok(testkit::publish(Some(organisation), 1, &placed(*order, &hot)?)));
        for outcome in producer.send_all(&records.collect::<Result<Vec<_>, Failure>>()?).await {
            outcome?;
        }
    }
    // Order knows them when it is back, as cancelled ones: the answers change nothing then.
    let ids: Vec<String> = orders.iter().map(|order| order.uuid().to_string()).collect();
    client
        .execute(
            "insert into \"order\".orders (org_id, id, status, cancel_cause, settled_at, total_minor, currency, token_digest, version,
                                           placed_at, deadline_at, updated_at, number)
             select $1::text::uuid, id::uuid, 'cancelled', 'shopper', now(), 1990, 'USD', sha256('measured'), 2, now(), now(), now(),
                    1000000000 + position
             from unnest($2::text[]) with ordinality as o(id, position)",
            &[&organisation.uuid().to_string(), &ids],
        )
        .await?;
    store.start("catalog", 1).await;
    let reserved = "select count(*), extract(epoch from max(occurred_at) - min(occurred_at))::float8 \
                    from catalog.movements where sku = $1 and kind = 'reserve'";
    let started = Instant::now();
    let seconds = loop {
        let row = client.query_one(reserved, &[&hot]).await?;
        if usize::try_from(row.get::<_, i64>(0))? == ORDERS {
            break row.get::<_, f64>(1);
        }
        if started.elapsed() > Duration::from_secs(120) {
            return Err(format!("{} of {ORDERS} orders were reserved", row.get::<_, i64>(0)).into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let per_second = ORDERS as f64 / seconds.max(0.001);
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let ratio = per_second / (limit.per_second * BATCH as f64).max(1.0);
    report.line(&format!(
        "| orders reserved by catalog, 1 hot SKU among {among} | {per_second:.0} | | | 2,000 | {ORDERS} orders in {seconds:.1} s; \
         {:.0} % of pgbench's rows |",
        ratio * 100.0
    ));
    report.figure("reserve-hot.per-second", per_second);
    report.figure("reserve-hot.of-limit", ratio);
    store.start("order", 1).await;
    Ok(())
}

fn placed(order: OrderId, sku: &str) -> Result<OrderEvent, Failure> {
    let price = Money::from_minor(1_990, Currency::parse("USD")?)?;
    let line = OrderLine {
        sku: Sku::parse(sku)?,
        product: ProductId::new(),
        variant: VariantId::new(),
        product_version: 1,
        quantity: Quantity::new(1)?,
        unit_price: price,
        price_given: false,
    };
    let now = Clock::now();
    Ok(OrderEvent::Placed(Placed {
        order,
        lines: vec![line],
        total: price,
        placed_at: now,
        deadline_at: now + Duration::from_secs(1_800),
        shopper_reference: None,
        priced_in: Some(ChannelCode::shop()),
        standing: None,
    }))
}
