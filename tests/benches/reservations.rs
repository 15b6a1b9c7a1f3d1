//! Reservations through catalog's consumer alone: records of orders wait on the topic when catalog starts.

use std::time::{Duration, Instant};

use contracts::order::{OrderEvent, OrderLine, Placed};
use e2e::{Shop, Store};
use kernel::{ChannelCode, Clock, Currency, Money, OrderId, OrganisationId, ProductId, Quantity, Sku, VariantId};
use messaging::Producer;

use crate::Failure;
use crate::report::Report;
use crate::stack::sell;

/// How many orders wait.
const ORDERS: usize = 40_000;

/// Orders per second that catalog reserves of one SKU, among so many products. Order is away meanwhile, since nobody placed these.
pub(crate) async fn measure(store: &mut Store, shop: &Shop, among: &str, report: &mut Report) -> Result<(), Failure> {
    let hot = format!("HOT-{}", kernel::OrderId::new().uuid().simple());
    sell(store, shop, std::slice::from_ref(&hot), 1_000_000).await?;
    store.settled().await;
    let client = store.superuser().await;
    let row = client.query_one("select org_id::text from catalog.stock where sku = $1", &[&hot]).await?;
    let organisation = OrganisationId::from_uuid(row.get::<_, &str>(0).parse()?);
    for service in ["order", "catalog"] {
        store.replica(service, 1).kill().await;
    }
    report.progress(&format!("{ORDERS} orders of one SKU wait for catalog"));
    let producer = Producer::new(&store.kafka())?;
    for _ in 0..ORDERS / 1_000 {
        let orders = (0..1_000).map(|_| placed(&hot).map(|event| testkit::publish(Some(organisation), 1, &event)));
        for outcome in producer.send_all(&orders.collect::<Result<Vec<_>, Failure>>()?).await {
            outcome?;
        }
    }
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
    report.line(&format!(
        "| orders reserved by catalog, 1 hot SKU among {among} | {per_second:.0} | | | 2,000 | {ORDERS} orders in {seconds:.1} s |"
    ));
    report.figure("reserve-hot.per-second", per_second);
    store.start("order", 1).await;
    Ok(())
}

fn placed(sku: &str) -> Result<OrderEvent, Failure> {
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
        order: OrderId::new(),
        lines: vec![line],
        total: price,
        placed_at: now,
        deadline_at: now + Duration::from_secs(1_800),
        shopper_reference: None,
        priced_in: Some(ChannelCode::shop()),
        standing: None,
    }))
}
