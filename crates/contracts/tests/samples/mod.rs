//! One event of each shape that its type can have: what the golden files are made of.
//! The rule: ids and times are the same in every run, so that the same code writes the same bytes.

mod auth;
mod order_life;

use std::collections::BTreeMap;

use contracts::{Channel, Envelope, catalog, category, notifier, order};
use kernel::{
    ActionId, CategoryId, ChannelCode, Currency, DestinationId, EventId, ImportId, Money, OrderId, OrganisationId,
    ProductId, Quantity, Sku, Slug, Timestamp, UserId, VariantId,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// One event of each shape that its type can have.
pub(crate) struct Sample {
    /// The type, and the shape where a type has more than one.
    pub(crate) file: String,
    /// Topic, key, headers and body as a golden file holds them.
    pub(crate) document: Value,
    /// Reads a body of its type and writes it again.
    pub(crate) reads: fn(&str, &[u8]) -> Result<Value, contracts::Undecodable>,
}

/// Ids that are the same in every run.
fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | number)
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn sku(text: &str) -> Sku {
    Sku::parse(text).unwrap()
}

fn usd(amount: &str) -> Money {
    Money::parse(amount, Currency::parse("USD").unwrap()).unwrap()
}

fn pieces(number: i64) -> Quantity {
    Quantity::new(number).unwrap()
}

fn order() -> OrderId {
    OrderId::from_uuid(uuid(0x60))
}

fn product() -> ProductId {
    ProductId::from_uuid(uuid(0x40))
}

fn variant() -> VariantId {
    VariantId::from_uuid(uuid(0x50))
}

fn category(number: u128) -> CategoryId {
    CategoryId::from_uuid(uuid(0x30 + number))
}

fn located<const N: usize>(levels: [(&str, i64, i64); N]) -> Vec<catalog::LocationLevel> {
    let level = |(code, on_hand, promised)| {
        let location = Slug::parse(code).unwrap();
        catalog::LocationLevel { location, on_hand, promised }
    };
    levels.map(level).into()
}

/// Reads a body and writes it again, so that a test can see what became of it.
fn reread<C: Channel>(event_type: &str, body: &[u8]) -> Result<Value, contracts::Undecodable> {
    let event = C::decode(event_type, body)?;
    assert_eq!(event.event_type(), event_type);
    Ok(serde_json::from_slice(&event.to_json().unwrap()).unwrap())
}

fn sample<C: Channel>(shape: &str, organisation: Option<OrganisationId>, actor: &str, event: C) -> Sample {
    let answers = actor.starts_with("system");
    let envelope = Envelope {
        id: EventId::from_uuid(uuid(0x10)),
        event_type: event.event_type().to_owned(),
        source: format!("/{}", C::TOPIC.owner),
        time: time("2026-03-01T09:30:00.123456Z"),
        subject: event.key(),
        organisation,
        actor: actor.to_owned(),
        aggregate_version: 1,
        correlation: uuid(0x20),
        causation: answers.then(|| uuid(0x21)),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    };
    let headers: Map<String, Value> =
        envelope.to_headers().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let body: Value = serde_json::from_slice(&event.to_json().unwrap()).unwrap();
    Sample {
        file: if shape.is_empty() { event.event_type().to_owned() } else { format!("{}.{shape}", event.event_type()) },
        document: json!({"topic": C::TOPIC.name, "key": event.key(), "headers": headers, "body": body}),
        reads: reread::<C>,
    }
}

/// Every sample.
pub(crate) fn samples() -> Vec<Sample> {
    let organisation = Some(OrganisationId::from_uuid(uuid(0x01)));
    let user = UserId::from_uuid(uuid(0x02)).to_string();
    let root = category::CategoryState {
        category: category(0),
        parent: None,
        name: "Lighting".to_owned(),
        slug: Slug::parse("lighting").unwrap(),
        path: vec![category(0)],
        position: 0,
        removed: false,
        icon: None,
        image: None,
        references: BTreeMap::new(),
        version: 1,
    };
    let child = category::CategoryState {
        category: category(1),
        parent: Some(category(0)),
        name: "Đèn bàn".to_owned(),
        slug: Slug::parse("desk-lamps").unwrap(),
        path: vec![category(0), category(1)],
        position: 2,
        removed: true,
        icon: None,
        image: None,
        references: BTreeMap::new(),
        version: 7,
    };
    let shown = category::CategoryState {
        icon: Some("💡".to_owned()),
        image: Some("https://images.example/desk-lamps.png".to_owned()),
        references: BTreeMap::from([("erp".to_owned(), "10-22".to_owned())]),
        removed: false,
        version: 8,
        ..child.clone()
    };
    let (slug, title) = (Slug::parse("desk-lamp-aurora").unwrap(), "Desk lamp \"Aurora\"".to_owned());
    let dong = Money::parse("350000", Currency::parse("VND").unwrap()).unwrap();
    let white = VariantId::from_uuid(uuid(0x51));
    let black = catalog::VariantState::new(variant(), sku("AURORA-BLK"), "Black".to_owned(), usd("1499"));
    let lamp = catalog::ProductState {
        category: Some(category(1)),
        variants: vec![
            black.clone(),
            catalog::VariantState {
                active: false,
                ..catalog::VariantState::new(white, sku("AURORA-VN"), "Trắng".to_owned(), dong)
            },
        ],
        ..catalog::ProductState::new(product(), slug, title, catalog::ProductStatus::Active, 3)
    };
    let bare = |status| catalog::ProductState { category: None, variants: vec![], status, ..lamp.clone() };
    let named = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let complete = catalog::ProductState {
        categories: vec![category(1), category(0)],
        category_path: vec![category(0), category(1)],
        brand: Some("Aurora".to_owned()),
        short_description: Some("For desks".to_owned()),
        description: Some("Dims\nand warms.".to_owned()),
        tags: vec!["desk".to_owned(), "đèn".to_owned()],
        attributes: [
            ("colours", catalog::AttributeValue::Choices(vec!["black".to_owned(), "white".to_owned()])),
            ("dimmable", catalog::AttributeValue::Boolean(true)),
            ("launched", catalog::AttributeValue::Text("2026-02-28".to_owned())),
            ("power", catalog::AttributeValue::Number(7.into())),
        ]
        .map(|(code, value)| (code.to_owned(), value))
        .into(),
        media: vec![catalog::Medium {
            url: "https://cdn.example/aurora.jpg".to_owned(),
            kind: catalog::MediumKind::Image,
            alt: Some("A lamp on a desk".to_owned()),
        }],
        options: vec![catalog::ProductOption { name: "Colour".to_owned(), values: vec!["Black".to_owned()] }],
        external_references: named(&[("erp", "4711")]),
        translations: [(
            "vi".to_owned(),
            catalog::Translation {
                title: Some("Đèn bàn Aurora".to_owned()),
                short_description: None,
                description: Some("Chỉnh được độ sáng.".to_owned()),
            },
        )]
        .into(),
        text_digest: Some("0f3c52f5a1d24e7d8c1b6a9950e2d3b4".to_owned()),
        variants: vec![catalog::VariantState {
            compare_at: Some(usd("1799")),
            cost: Some(usd("800")),
            barcode: Some("4006381333931".to_owned()),
            option_values: named(&[("Colour", "Black")]),
            weight_grams: Some(1_250),
            length_mm: Some(400),
            width_mm: Some(150),
            height_mm: Some(120),
            external_references: named(&[("erp", "4711-1")]),
            ..black.clone()
        }],
        ..lamp.clone()
    };
    let priced = catalog::ProductState {
        variants: vec![catalog::VariantState {
            channel_prices: vec![catalog::ChannelPrice {
                channel: ChannelCode::parse("market").unwrap(),
                price: usd("1399"),
            }],
            price_elsewhere: Some(usd("1599")),
            ..black.clone()
        }],
        ..lamp.clone()
    };
    let listed = catalog::ProductState {
        channels: catalog::Listing::only(["market", "shop"].map(|code| ChannelCode::parse(code).unwrap()).into()),
        ..lamp.clone()
    };
    let deleted = catalog::ProductState { deleted: true, ..bare(catalog::ProductStatus::Retired) };
    let available = catalog::AvailabilityState {
        variant: variant(),
        product: product(),
        sku: sku("AURORA-BLK"),
        availability: catalog::Availability::InStock,
        sellable: 9,
        available: 9,
        on_hand: 14,
        safety_stock: 2,
        backorder: catalog::Backorder::No,
        locations: Vec::new(),
        version: 17,
    };
    let reserved = |serving: &[(&str, i64)]| catalog::Reserved {
        order: order(),
        lines: vec![catalog::ReservedLine {
            sku: sku("AURORA-BLK"),
            quantity: pieces(2),
            serving: serving
                .iter()
                .map(|(code, quantity)| catalog::ServedFrom {
                    location: Slug::parse(code).unwrap(),
                    quantity: pieces(*quantity),
                })
                .collect(),
            oversold: None,
        }],
        expires_at: time("2026-03-01T09:31:30.123456Z"),
    };
    let mut short = reserved(&[]);
    short.lines.iter_mut().for_each(|line| line.oversold = Some(pieces(1)));
    let promised_on = time("2026-04-01T00:00:00Z").date_naive();
    let reasons = vec![
        catalog::Reason::UnknownSku { sku: sku("NOWHERE") },
        catalog::Reason::OutOfStock { sku: sku("AURORA-BLK"), requested: pieces(3), available: 0 },
        catalog::Reason::PriceChanged { sku: sku("AURORA-BLK"), offered: usd("1499"), current: usd("1599.50") },
        catalog::Reason::NotForSale { sku: sku("AURORA-VN") },
        catalog::Reason::OrderCancelled,
    ];
    let placed = order::Placed {
        order: order(),
        lines: vec![order::OrderLine {
            sku: sku("AURORA-BLK"),
            product: product(),
            variant: variant(),
            product_version: 3,
            quantity: pieces(2),
            unit_price: usd("1499"),
            price_given: false,
        }],
        total: usd("2998"),
        placed_at: time("2026-03-01T09:30:00.123456Z"),
        deadline_at: time("2026-03-01T09:30:30.123456Z"),
        shopper_reference: Some("cart-17".to_owned()),
        priced_in: None,
        standing: None,
    };
    let nameless = order::Placed { shopper_reference: None, ..placed.clone() };
    let requested = notifier::ActionRequested {
        action: ActionId::from_uuid(uuid(0x70)),
        order: order(),
        step: notifier::ChatStep::Cancel,
        user: UserId::from_uuid(uuid(0x02)),
        destination: Some(DestinationId::from_uuid(uuid(0x71))),
    };
    let refused = order::StepRefused {
        action: requested.action,
        order: requested.order,
        step: requested.step,
        destination: requested.destination,
        reason: order::StepRefusal::NotPermitted,
        number: None,
        status: None,
    };
    let cancelled = |cause| order::OrderEvent::from(order::Cancelled::new(order(), cause));

    let shop = vec![
        sample("root", organisation, &user, root),
        sample("removed", organisation, &user, child),
        sample("shown", organisation, &user, shown),
        sample("", organisation, &user, lamp.clone()),
        sample("draft", organisation, &user, bare(catalog::ProductStatus::Draft)),
        sample("retired", organisation, &user, bare(catalog::ProductStatus::Retired)),
        sample("complete", organisation, &user, complete),
        sample("priced", organisation, &user, priced),
        sample("listed", organisation, &user, listed),
        sample("deleted", organisation, &user, deleted),
        sample("", organisation, "system:catalog", catalog::ReservationEvent::from(reserved(&[]))),
        sample(
            "served",
            organisation,
            "system:catalog",
            catalog::ReservationEvent::from(reserved(&[("default", 1), ("hanoi", 1)])),
        ),
        sample("oversold", organisation, "system:catalog", catalog::ReservationEvent::from(short)),
        sample(
            "",
            organisation,
            "system:catalog",
            catalog::ReservationEvent::from(catalog::Rejected { order: order(), reasons: reasons.clone() }),
        ),
        sample(
            "not-in-channel",
            organisation,
            "system:catalog",
            catalog::ReservationEvent::from(catalog::Rejected {
                order: order(),
                reasons: vec![catalog::Reason::NotInChannel { sku: sku("AURORA-BLK") }],
            }),
        ),
        sample(
            "",
            organisation,
            "system:catalog",
            catalog::ReservationEvent::from(catalog::Expired { order: order() }),
        ),
        sample(
            "",
            organisation,
            "system:catalog",
            catalog::ReservationEvent::from(catalog::ConfirmRefused { order: order() }),
        ),
        sample(
            "",
            organisation,
            "system:catalog",
            catalog::ReservationEvent::from(catalog::Extended {
                order: order(),
                number: 1,
                lines: reserved(&[("hanoi", 2)]).lines,
            }),
        ),
        sample(
            "",
            organisation,
            "system:catalog",
            catalog::ReservationEvent::from(catalog::ExtensionRefused {
                order: order(),
                number: 2,
                reasons: vec![catalog::Reason::OutOfStock {
                    sku: sku("AURORA-BLK"),
                    requested: pieces(9),
                    available: 4,
                }],
            }),
        ),
        sample(
            "",
            organisation,
            "system:catalog",
            catalog::StockEvent::from(catalog::Low {
                sku: sku("AURORA-BLK"),
                product: product(),
                variant: variant(),
                available: 4,
                threshold: 5,
                depleted: false,
            }),
        ),
        sample(
            "depleted",
            organisation,
            "system:catalog",
            catalog::StockEvent::from(catalog::Low {
                sku: sku("AURORA-BLK"),
                product: product(),
                variant: variant(),
                available: 0,
                threshold: 5,
                depleted: true,
            }),
        ),
        sample(
            "",
            organisation,
            "system:catalog",
            catalog::ImportEvent::from(catalog::Finished {
                import: ImportId::from_uuid(uuid(0x70)),
                rows: 1_200,
                created: 1_000,
                updated: 150,
                unchanged: 43,
                failed: 7,
                ended_early: None,
            }),
        ),
        sample(
            "ended-early",
            organisation,
            "system:catalog",
            catalog::ImportEvent::from(catalog::Finished {
                import: ImportId::from_uuid(uuid(0x71)),
                rows: 1_200,
                created: 1_000,
                updated: 150,
                unchanged: 43,
                failed: 7,
                ended_early: Some("the service is stopping; send the file again".to_owned()),
            }),
        ),
        sample("", organisation, "system:catalog", available.clone()),
        sample(
            "located",
            organisation,
            "system:catalog",
            catalog::AvailabilityState {
                locations: located([("default", 10, 0), ("hanoi", 4, 0)]),
                ..available.clone()
            },
        ),
        sample(
            "promised",
            organisation,
            "system:catalog",
            catalog::AvailabilityState {
                locations: located([("default", 10, 0), ("hanoi", 4, 3)]),
                ..available.clone()
            },
        ),
        sample(
            "backorder",
            organisation,
            "system:catalog",
            catalog::AvailabilityState {
                availability: catalog::Availability::Backorder,
                sellable: 7,
                available: -3,
                backorder: catalog::Backorder::UpTo { pieces: 10, promised_on: Some(promised_on) },
                ..available.clone()
            },
        ),
        sample(
            "unlimited",
            organisation,
            "system:catalog",
            catalog::AvailabilityState {
                sellable: 1_000_000_000,
                backorder: catalog::Backorder::Unlimited { promised_on },
                ..available
            },
        ),
        sample("", organisation, "shopper", order::OrderEvent::from(placed.clone())),
        sample("nameless", organisation, "shopper", order::OrderEvent::from(nameless)),
        sample("", organisation, "system:order", order::OrderEvent::from(order::Confirmed::new(order(), usd("2998")))),
        sample(
            "",
            organisation,
            "system:order",
            order::OrderEvent::from(order::Rejected { order: order(), reasons, standing: None }),
        ),
        sample("shopper", organisation, "shopper", cancelled(order::Cause::Shopper)),
        sample("staff", organisation, &user, cancelled(order::Cause::Staff)),
        sample("deadline", organisation, "system:order", cancelled(order::Cause::Deadline)),
        sample("reservation-expired", organisation, "system:order", cancelled(order::Cause::ReservationExpired)),
        sample("", organisation, "shopper", order::IntakeEvent::from(order::Queued { order: order() })),
        sample("", organisation, &user, notifier::ActionEvent::from(requested.clone())),
        sample(
            "configured",
            organisation,
            &user,
            notifier::ActionEvent::from(notifier::ActionRequested {
                step: notifier::ChatStep::Pack,
                destination: None,
                ..requested.clone()
            }),
        ),
        sample(
            "",
            organisation,
            &user,
            order::OutcomeEvent::from(order::StepDone {
                action: requested.action,
                order: requested.order,
                step: requested.step,
                destination: requested.destination,
                number: Some(1001),
                status: order::Status::Cancelled,
            }),
        ),
        sample(
            "",
            organisation,
            &user,
            order::OutcomeEvent::from(order::StepRefused {
                reason: order::StepRefusal::NotPossible,
                number: Some(1001),
                status: Some(order::Status::Shipped),
                ..refused.clone()
            }),
        ),
        sample("not-permitted", organisation, &user, order::OutcomeEvent::from(refused)),
    ];
    let life = order_life::samples(organisation, &user, &placed);
    auth::samples().into_iter().chain(shop).chain(life).collect()
}
