//! The life of an order after placing, one fact of each kind, with where the order stands.

use contracts::catalog;
use contracts::order::{
    AdditionRefused, AdditionRequested, Amounts, CancellationDeclined, CancellationRequested, Cancelled, Cause,
    Claimed, Completed, Confirmed, ContactErased, Delivered, Edited, FulfilmentStatus, Held, LineStanding,
    LinesCancelled, MovedLine, NoteAdded, OrderEvent, Oversold, OversoldLine, Packed, PaymentKind, PaymentRecorded,
    PaymentStatus, Pieces, Placed, Refunded, Rejected, Released, RestockedLine, ReturnApproved, ReturnDeclined,
    ReturnRequested, Returned, Shipped, Source, Standing, Status, StockPolicy,
};
use kernel::{
    BuyerId, ChannelCode, Currency, CustomerId, OrganisationId, ParcelId, PaymentId, RefundId, ReturnId, SignedMoney,
};

use super::{Sample, order, pieces, product, sample, sku, usd, uuid, variant};

fn signed(minor: i64) -> SignedMoney {
    SignedMoney::from_minor(minor, Currency::parse("USD").unwrap()).unwrap()
}

/// The amounts of so many lamps of 1,499 dollars.
fn amounts(lamps: i64) -> Amounts {
    let (gross, nothing) = (signed(149_900 * lamps), signed(0));
    Amounts { gross, discount: nothing, tax: nothing, shipping: nothing, net: gross }
}

fn moved(count: i64, sign: i64) -> Vec<MovedLine> {
    let (amounts, cost) = (amounts(count * sign), Some(signed(80_000 * count * sign)));
    vec![MovedLine { sku: sku("AURORA-BLK"), quantity: pieces(count), amounts, cost }]
}

fn standing(status: Status, counted: Pieces) -> Standing {
    let fulfilment = match (counted.shipped, counted.returned) {
        (0, _) => FulfilmentStatus::Unfulfilled,
        (_, 1..) => FulfilmentStatus::PartlyReturned,
        _ => FulfilmentStatus::PartlyFulfilled,
    };
    Standing {
        number: None,
        source: Source::Shop,
        stock: StockPolicy::Update,
        oversold: false,
        status,
        payment: PaymentStatus::Unpaid,
        fulfilment,
        channel: ChannelCode::shop(),
        customer: Some(CustomerId::from_uuid(uuid(0x70))),
        buyer: None,
        total: usd("2998"),
        authorised: usd("0"),
        paid: usd("0"),
        refunded: usd("0"),
        lines: vec![LineStanding {
            sku: sku("AURORA-BLK"),
            product: product(),
            variant: variant(),
            unit_price: usd("1499"),
            unit_cost: Some(usd("800")),
            amounts: amounts(2),
            pieces: counted,
        }],
    }
}

/// Every sample.
pub(super) fn samples(organisation: Option<OrganisationId>, user: &str, placed: &Placed) -> Vec<Sample> {
    let order = order();
    let ordered = Pieces { ordered: 2, ..Pieces::default() };
    let held = Pieces { reserved: 2, ..ordered };
    let sent = Pieces { reserved: 1, packed: 2, shipped: 1, ..ordered };
    let there = Pieces { delivered: 1, ..sent };
    let at = |status, counted| Box::new(standing(status, counted));
    let guest = Standing { customer: None, ..standing(Status::Pending, ordered) };
    let market = || ChannelCode::parse("market").unwrap();
    let (parcel, return_id) = (ParcelId::from_uuid(uuid(0x71)), ReturnId::from_uuid(uuid(0x72)));
    let (payment, refund) = (PaymentId::from_uuid(uuid(0x73)), RefundId::from_uuid(uuid(0x74)));
    let reason = || Some("The customer called.".to_owned());
    let paid = Standing { payment: PaymentStatus::Paid, paid: usd("2998"), ..standing(Status::Confirmed, held) };
    let back = Standing { payment: PaymentStatus::PartlyRefunded, refunded: usd("1499"), ..paid.clone() };
    let cancelled = Pieces { cancelled: 2, ..ordered };
    // Sold elsewhere at another price, whatever is in stock.
    let elsewhere = |status, counted| Standing {
        number: Some(1_017),
        source: Source::Import,
        stock: StockPolicy::Force,
        channel: ChannelCode::parse("bazaar").unwrap(),
        customer: None,
        ..standing(status, counted)
    };
    let mut given = placed.clone();
    given.lines.iter_mut().for_each(|line| line.price_given = true);
    let events: Vec<(&str, OrderEvent)> = vec![
        ("standing", Placed { standing: Some(Box::new(guest)), ..placed.clone() }.into()),
        (
            "priced",
            Placed {
                priced_in: Some(market()),
                standing: Some(Box::new(Standing { channel: market(), ..standing(Status::Pending, ordered) })),
                ..placed.clone()
            }
            .into(),
        ),
        ("standing", Confirmed { order, total: usd("2998"), standing: Some(at(Status::Confirmed, held)) }.into()),
        ("standing", Rejected { order, reasons: Vec::new(), standing: Some(at(Status::Rejected, ordered)) }.into()),
        (
            "standing",
            Cancelled {
                order,
                cause: Cause::Staff,
                reason: reason(),
                lines: moved(2, -1),
                standing: Some(at(Status::Cancelled, cancelled)),
            }
            .into(),
        ),
        (
            "",
            Edited {
                order,
                reason: reason(),
                addition: None,
                lines: moved(1, -1),
                standing: at(Status::Confirmed, held),
            }
            .into(),
        ),
        (
            "added",
            Edited {
                order,
                reason: None,
                addition: Some(1),
                lines: moved(1, 1),
                standing: at(Status::Confirmed, Pieces { ordered: 3, reserved: 3, ..held }),
            }
            .into(),
        ),
        (
            "",
            AdditionRequested {
                order,
                number: 1,
                reason: reason(),
                lines: given.lines.clone(),
                priced_in: None,
                standing: at(Status::Confirmed, held),
            }
            .into(),
        ),
        (
            "priced",
            AdditionRequested {
                order,
                number: 2,
                reason: None,
                lines: placed.lines.clone(),
                priced_in: Some(market()),
                standing: Box::new(Standing { channel: market(), ..standing(Status::Confirmed, held) }),
            }
            .into(),
        ),
        (
            "",
            AdditionRefused {
                order,
                number: 1,
                reasons: vec![catalog::Reason::OrderCancelled],
                withdrawn: false,
                reason: None,
                standing: at(Status::Confirmed, held),
            }
            .into(),
        ),
        (
            "withdrawn",
            AdditionRefused {
                order,
                number: 1,
                reasons: vec![],
                withdrawn: true,
                reason: reason(),
                standing: at(Status::Confirmed, held),
            }
            .into(),
        ),
        (
            "",
            LinesCancelled {
                order,
                cause: Cause::Staff,
                reason: reason(),
                lines: moved(1, -1),
                standing: at(Status::Confirmed, Pieces { reserved: 1, cancelled: 1, ..ordered }),
            }
            .into(),
        ),
        ("", Held { order, reason: reason(), standing: at(Status::OnHold, held) }.into()),
        ("", Released { order, reason: None, standing: at(Status::Confirmed, held) }.into()),
        ("", CancellationRequested { order, reason: reason(), standing: at(Status::CancelRequested, held) }.into()),
        ("", CancellationDeclined { order, reason: reason(), standing: at(Status::Confirmed, held) }.into()),
        ("", Packed { order, lines: moved(2, 1), standing: at(Status::Packed, Pieces { packed: 2, ..held }) }.into()),
        (
            "",
            Shipped {
                order,
                parcel,
                carrier: Some("Post".to_owned()),
                tracking_number: Some("RR123456785VN".to_owned()),
                lines: moved(1, 1),
                standing: at(Status::Packed, sent),
            }
            .into(),
        ),
        ("", Delivered { order, parcel, lines: moved(1, 1), standing: at(Status::Packed, there) }.into()),
        (
            "",
            Completed {
                order,
                standing: at(Status::Completed, Pieces { packed: 2, shipped: 2, delivered: 2, ..ordered }),
            }
            .into(),
        ),
        (
            "",
            ReturnRequested {
                order,
                return_id,
                reason: reason(),
                lines: moved(1, -1),
                standing: at(Status::ReturnRequested, Pieces { return_requested: 1, ..there }),
            }
            .into(),
        ),
        (
            "",
            ReturnApproved {
                order,
                return_id,
                standing: at(Status::ReturnRequested, Pieces { return_requested: 1, ..there }),
            }
            .into(),
        ),
        ("", ReturnDeclined { order, return_id, reason: reason(), standing: at(Status::Packed, there) }.into()),
        (
            "",
            Returned {
                order,
                return_id,
                lines: moved(1, -1),
                restocked: vec![RestockedLine { sku: sku("AURORA-BLK"), quantity: pieces(1) }],
                standing: at(Status::Packed, Pieces { returned: 1, ..there }),
            }
            .into(),
        ),
        (
            "",
            PaymentRecorded {
                order,
                payment,
                kind: PaymentKind::Received,
                method: "bank transfer".to_owned(),
                reference: Some("FT-2026-17".to_owned()),
                amount: usd("2998"),
                standing: Box::new(paid),
            }
            .into(),
        ),
        (
            "",
            Refunded {
                order,
                refund,
                payment,
                method: "bank transfer".to_owned(),
                reference: None,
                reason: reason(),
                amount: signed(-149_900),
                standing: Box::new(back),
            }
            .into(),
        ),
        (
            "",
            NoteAdded { order, text: "Call before delivery.".to_owned(), standing: at(Status::Confirmed, held) }.into(),
        ),
        (
            "",
            Claimed {
                order,
                customer: CustomerId::from_uuid(uuid(0x72)),
                standing: Box::new(Standing {
                    customer: Some(CustomerId::from_uuid(uuid(0x72))),
                    ..standing(Status::Confirmed, held)
                }),
            }
            .into(),
        ),
        (
            "",
            ContactErased {
                order,
                standing: Box::new(Standing {
                    buyer: Some(BuyerId::from_uuid(uuid(0x71))),
                    ..standing(Status::Confirmed, held)
                }),
            }
            .into(),
        ),
        ("sold-elsewhere", Placed { standing: Some(Box::new(elsewhere(Status::Pending, ordered))), ..given }.into()),
        (
            "",
            Oversold {
                order,
                lines: vec![OversoldLine { sku: sku("AURORA-BLK"), quantity: pieces(1) }],
                standing: Box::new(Standing { oversold: true, ..elsewhere(Status::Confirmed, held) }),
            }
            .into(),
        ),
    ];
    events.into_iter().map(|(shape, event)| sample(shape, organisation, user, event)).collect()
}
