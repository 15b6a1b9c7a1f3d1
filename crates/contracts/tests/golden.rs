//! Every event has a golden file with its headers and its body. What stands in the files was published somewhere once:
//! today's code must write the same and must read it as it stands.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may stop at the first surprise, as tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use contracts::{Channel, Envelope, auth, catalog, catalogue, category, order};
use kernel::{
    CategoryId, Currency, EventId, KeyId, Money, OrderId, OrganisationId, ProductId, Quantity, Sku, Slug, Timestamp,
    UserId, VariantId,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// One event of each shape that its type can have.
struct Sample {
    /// The type, and the shape where a type has more than one.
    file: String,
    document: Value,
    reads: fn(&str, &[u8]) -> Result<Value, contracts::Undecodable>,
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

fn samples() -> Vec<Sample> {
    let organisation = Some(OrganisationId::from_uuid(uuid(0x01)));
    let user = UserId::from_uuid(uuid(0x02)).to_string();
    let key = auth::SigningKeyState {
        kid: KeyId::from_uuid(uuid(0x03)),
        algorithm: "EdDSA".to_owned(),
        public_key: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned(),
        not_before: time("2026-03-01T00:00:00Z"),
        retired_at: None,
    };
    let retired = auth::SigningKeyState { retired_at: Some(time("2026-04-01T00:00:00Z")), ..key.clone() };
    let root = category::CategoryState {
        category: category(0),
        parent: None,
        name: "Lighting".to_owned(),
        slug: Slug::parse("lighting").unwrap(),
        path: vec![category(0)],
        position: 0,
        removed: false,
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
        version: 7,
    };
    let lamp = catalog::ProductState {
        product: product(),
        title: "Desk lamp \"Aurora\"".to_owned(),
        slug: Slug::parse("desk-lamp-aurora").unwrap(),
        category: Some(category(1)),
        status: catalog::ProductStatus::Active,
        variants: vec![
            catalog::VariantState {
                variant: variant(),
                sku: sku("AURORA-BLK"),
                title: "Black".to_owned(),
                price: usd("1499"),
                active: true,
            },
            catalog::VariantState {
                variant: VariantId::from_uuid(uuid(0x51)),
                sku: sku("AURORA-VN"),
                title: "Trắng".to_owned(),
                price: Money::parse("350000", Currency::parse("VND").unwrap()).unwrap(),
                active: false,
            },
        ],
        version: 3,
    };
    let bare = |status| catalog::ProductState { category: None, variants: vec![], status, ..lamp.clone() };
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
        }],
        total: usd("2998"),
        placed_at: time("2026-03-01T09:30:00.123456Z"),
        deadline_at: time("2026-03-01T09:30:30.123456Z"),
        shopper_reference: Some("cart-17".to_owned()),
    };
    let nameless = order::Placed { shopper_reference: None, ..placed.clone() };
    let cancelled = |cause| order::OrderEvent::from(order::Cancelled { order: order(), cause });

    vec![
        sample("", None, "system:auth", key),
        sample("retired", None, "system:auth", retired),
        sample(
            "",
            organisation,
            "visitor",
            auth::OrganisationState {
                organisation: OrganisationId::from_uuid(uuid(0x01)),
                slug: Slug::parse("bright-lamps").unwrap(),
                name: "Bright Lamps Ltd".to_owned(),
                currency: Currency::parse("USD").unwrap(),
                active: true,
                version: 1,
            },
        ),
        sample("root", organisation, &user, root),
        sample("removed", organisation, &user, child),
        sample("", organisation, &user, lamp.clone()),
        sample("draft", organisation, &user, bare(catalog::ProductStatus::Draft)),
        sample("retired", organisation, &user, bare(catalog::ProductStatus::Retired)),
        sample(
            "",
            organisation,
            "system:catalog",
            catalog::ReservationEvent::from(catalog::Reserved {
                order: order(),
                lines: vec![catalog::ReservedLine { sku: sku("AURORA-BLK"), quantity: pieces(2) }],
                expires_at: time("2026-03-01T09:31:30.123456Z"),
            }),
        ),
        sample(
            "",
            organisation,
            "system:catalog",
            catalog::ReservationEvent::from(catalog::Rejected { order: order(), reasons: reasons.clone() }),
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
            catalog::StockEvent::from(catalog::Low {
                sku: sku("AURORA-BLK"),
                product: product(),
                variant: variant(),
                available: 4,
                threshold: 5,
            }),
        ),
        sample("", organisation, "shopper", order::OrderEvent::from(placed)),
        sample("nameless", organisation, "shopper", order::OrderEvent::from(nameless)),
        sample(
            "",
            organisation,
            "system:order",
            order::OrderEvent::from(order::Confirmed { order: order(), total: usd("2998") }),
        ),
        sample("", organisation, "system:order", order::OrderEvent::from(order::Rejected { order: order(), reasons })),
        sample("shopper", organisation, "shopper", cancelled(order::Cause::Shopper)),
        sample("staff", organisation, &user, cancelled(order::Cause::Staff)),
        sample("deadline", organisation, "system:order", cancelled(order::Cause::Deadline)),
        sample("reservation-expired", organisation, "system:order", cancelled(order::Cause::ReservationExpired)),
    ]
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// Every golden file: its name without `.json`, and what it says.
fn files() -> Vec<(String, Value)> {
    fs::read_dir(folder())
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
        })
        .collect()
}

fn read(file: &Value, body: &Value, reads: fn(&str, &[u8]) -> Result<Value, contracts::Undecodable>) -> Value {
    let headers = file["headers"].as_object().unwrap();
    let envelope =
        Envelope::from_headers(headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap().as_bytes())))
            .unwrap();
    assert_eq!(file["key"], envelope.subject.to_string());
    let written: Map<String, Value> =
        envelope.to_headers().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    assert_eq!(&written, headers);
    reads(&envelope.event_type, body.to_string().as_bytes()).unwrap()
}

/// The file of the sample's type and shape, or of one that only the past had: then by its type.
fn reader(name: &str, file: &Value) -> fn(&str, &[u8]) -> Result<Value, contracts::Undecodable> {
    let event_type = file["headers"]["ce_type"].as_str().unwrap();
    assert!(name == event_type || name.starts_with(&format!("{event_type}.")), "{name} holds a {event_type}");
    samples()
        .into_iter()
        .find(|sample| sample.document["headers"]["ce_type"] == event_type)
        .unwrap_or_else(|| panic!("{name}: nothing reads {event_type} any more, though it was published"))
        .reads
}

#[test]
fn what_is_written_today_equals_the_golden_files() {
    let write = std::env::var_os("CONTRACTS_WRITE_GOLDEN").is_some();
    for sample in samples() {
        let path = folder().join(format!("{}.json", sample.file));
        if write && !path.exists() {
            fs::write(&path, serde_json::to_string_pretty(&sample.document).unwrap() + "\n").unwrap();
        }
        let golden = fs::read(&path).unwrap_or_else(|cause| {
            panic!("{}: {cause}; a new event writes its file with CONTRACTS_WRITE_GOLDEN=1", path.display())
        });
        let golden: Value = serde_json::from_slice(&golden).unwrap();
        assert_eq!(sample.document, golden, "{} changed; that needs a new version of the type", sample.file);
    }
}

#[test]
fn what_was_published_once_is_still_read() {
    let files = files();
    assert!(!files.is_empty());
    for (name, file) in files {
        let again = read(&file, &file["body"], reader(&name, &file));
        assert_eq!(again, file["body"], "{name}");
    }
}

/// Adds a field to every object in a body, except to amounts of money: those are closed.
fn with_added_fields(body: &Value) -> Value {
    match body {
        Value::Array(elements) => elements.iter().map(with_added_fields).collect(),
        Value::Object(fields) if fields.keys().eq(["amount", "currency"]) => body.clone(),
        Value::Object(fields) => {
            let known = fields.iter().map(|(name, value)| (name.clone(), with_added_fields(value)));
            known.chain([("added_later".to_owned(), json!({"anything": [1, 2, 3]}))]).collect()
        }
        other => other.clone(),
    }
}

#[test]
fn a_field_that_a_newer_publisher_adds_is_ignored_at_every_depth() {
    for (name, file) in files() {
        let newer = with_added_fields(&file["body"]);
        assert_eq!(read(&file, &newer, reader(&name, &file)), file["body"], "{name}");
    }
}

#[test]
fn every_event_has_a_golden_file() {
    let held: BTreeSet<String> =
        files().iter().map(|(_, file)| file["headers"]["ce_type"].as_str().unwrap().to_owned()).collect();
    let listed: BTreeSet<String> = catalogue::entries().iter().map(|entry| entry.event_type.to_owned()).collect();
    assert_eq!(held, listed);
}

#[test]
fn a_schema_requires_nothing_that_a_golden_body_lacks() {
    for entry in catalogue::entries() {
        let required: Vec<String> = entry
            .schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().map(|name| name.as_str().unwrap().to_owned()).collect())
            .unwrap_or_default();
        assert!(!required.is_empty(), "{}", entry.event_type);
        for (name, file) in files().iter().filter(|(_, file)| file["headers"]["ce_type"] == entry.event_type) {
            for field in &required {
                assert!(file["body"].get(field).is_some(), "{name} lacks {field}");
            }
        }
    }
}
