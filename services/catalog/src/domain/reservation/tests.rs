//! The decision over a batch: examples of every rule, then random batches.

use contracts::catalog::Backorder;
use proptest::prelude::*;

use super::*;
use crate::domain::availability::Terms;
use crate::domain::stock::{Level, MovementKind};

const MARGIN: chrono::Duration = chrono::Duration::seconds(60);

fn sku(text: &str) -> Sku {
    Sku::parse(text).unwrap()
}

fn dollars(minor: i64) -> Money {
    Money::from_minor(minor, kernel::Currency::parse("USD").unwrap()).unwrap()
}

fn deadline() -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000, 0).unwrap()
}

fn shelf(on_hand: i64) -> Shelf {
    Shelf {
        variant: VariantId::new(),
        product: ProductId::new(),
        base_price: dollars(500),
        windows: Vec::new(),
        priced_at: deadline(),
        for_sale: true,
        listing: Listing::default(),
        stock: Stock {
            level: Level::restore(on_hand, 0, 0),
            terms: Terms { low_threshold: 2, ..Terms::default() },
            located: 0,
            version: 1,
        },
    }
}

fn shelves(items: &[(&str, i64)]) -> BTreeMap<Sku, Shelf> {
    items.iter().map(|(name, on_hand)| (sku(name), shelf(*on_hand))).collect()
}

fn placed(lines: &[(&str, i64, i64)]) -> OrderFact {
    let lines = lines
        .iter()
        .map(|(name, pieces, price)| OrderLine {
            sku: sku(name),
            product: ProductId::new(),
            variant: VariantId::new(),
            product_version: 1,
            quantity: Quantity::new(*pieces).unwrap(),
            unit_price: dollars(*price),
            price_given: false,
        })
        .collect();
    OrderFact::Placed { lines, channel: None, deadline_at: deadline(), claim: Claim::Wanted }
}

/// As [`placed`], at the prices of this channel.
fn placed_in(channel: &ChannelCode, lines: &[(&str, i64, i64)]) -> OrderFact {
    let OrderFact::Placed { lines, deadline_at, claim, .. } = placed(lines) else { panic!("it is placed") };
    OrderFact::Placed { lines, channel: Some(channel.clone()), deadline_at, claim }
}

/// As [`placed`], of an order that was sold elsewhere and gets its lines.
fn sold(lines: &[(&str, i64, i64)]) -> OrderFact {
    claimed(lines, Claim::Promised)
}

fn claimed(lines: &[(&str, i64, i64)], claim: Claim) -> OrderFact {
    let OrderFact::Placed { lines, channel, deadline_at, .. } = placed(lines) else { panic!("it is placed") };
    OrderFact::Placed { lines, channel, deadline_at, claim }
}

fn run(shelves: BTreeMap<Sku, Shelf>, facts: &[(OrderId, OrderFact)]) -> Outcome {
    let mut book = Book::open(shelves, Vec::new());
    for (cause, (order, fact)) in facts.iter().enumerate() {
        book.follow(cause, *order, fact, MARGIN).unwrap();
    }
    book.close()
}

fn level_of(outcome: &Outcome, name: &str) -> Level {
    outcome.shelves.iter().find(|changed| changed.sku.as_str() == name).unwrap().shelf.stock.level
}

#[test]
fn lines_of_one_sku_are_summed_before_they_are_checked() {
    let order = OrderId::new();
    let outcome = run(shelves(&[("A", 5)]), &[(order, placed(&[("A", 3, 500), ("A", 3, 500)]))]);
    assert_eq!(
        outcome.notices[0].notice,
        Notice::Rejected(vec![Reason::OutOfStock { sku: sku("A"), requested: quantity(6), available: 5 }])
    );
    assert!(outcome.movements.is_empty() && outcome.shelves.is_empty());
}

#[test]
fn an_order_that_cannot_have_everything_gets_nothing_and_every_reason() {
    let mut shelves = shelves(&[("A", 9), ("B", 1), ("C", 9)]);
    shelves.get_mut("C").unwrap().for_sale = false;
    let fact = placed(&[("A", 1, 400), ("B", 2, 500), ("C", 1, 500), ("D", 1, 500)]);
    let outcome = run(shelves, &[(OrderId::new(), fact)]);
    assert_eq!(
        outcome.notices[0].notice,
        Notice::Rejected(vec![
            Reason::PriceChanged { sku: sku("A"), offered: dollars(400), current: dollars(500) },
            Reason::OutOfStock { sku: sku("B"), requested: quantity(2), available: 1 },
            Reason::NotForSale { sku: sku("C") },
            Reason::UnknownSku { sku: sku("D") },
        ])
    );
    assert!(outcome.movements.is_empty());
    assert_eq!(outcome.created[0].state, State::Rejected);
}

#[test]
fn an_order_that_is_sold_already_gets_every_piece_and_is_told_how_many_are_missing() {
    let order = OrderId::new();
    let mut shelves = shelves(&[("A", 5), ("B", 9)]);
    shelves.get_mut("B").unwrap().for_sale = false;
    let ended = OrderFact::Cancelled;
    let taken = [(order, sold(&[("A", 7, 400), ("B", 1, 500)])), (OrderId::new(), placed(&[("A", 1, 500)]))];
    let outcome = run(shelves.clone(), &taken);
    let Notice::Reserved { lines, .. } = &outcome.notices[0].notice else { panic!("{:?}", outcome.notices) };
    assert_eq!(lines.iter().map(|line| (line.pieces, line.oversold)).collect::<Vec<_>>(), [(7, 2), (1, 0)]);
    assert_eq!((level_of(&outcome, "A").reserved(), level_of(&outcome, "A").free()), (7, -2));
    assert!(matches!(outcome.notices[1].notice, Notice::Rejected(_)), "nobody else gets more than there is");
    let outcome = run(shelves.clone(), &[taken[0].clone(), (order, OrderFact::Confirmed), (order, ended)]);
    assert_eq!(level_of(&outcome, "A"), Level::restore(5, 0, 0));
    let outcome = run(shelves, &[(order, sold(&[("A", 1, 500), ("C", 1, 500)]))]);
    assert_eq!(outcome.notices[0].notice, Notice::Rejected(vec![Reason::UnknownSku { sku: sku("C") }]));
}

#[test]
fn an_order_that_was_sold_elsewhere_gets_what_is_there_whatever_is_for_sale_here() {
    let mut shelves = shelves(&[("A", 5), ("B", 9)]);
    shelves.get_mut("B").unwrap().for_sale = false;
    let outcome = run(shelves.clone(), &[(OrderId::new(), claimed(&[("B", 9, 1)], Claim::Sold))]);
    assert!(matches!(outcome.notices[0].notice, Notice::Reserved { .. }), "{:?}", outcome.notices);
    let outcome = run(shelves, &[(OrderId::new(), claimed(&[("B", 10, 500)], Claim::Sold))]);
    let short = Reason::OutOfStock { sku: sku("B"), requested: Quantity::new(10).unwrap(), available: 9 };
    assert_eq!(outcome.notices[0].notice, Notice::Rejected(vec![short]));
}

#[test]
fn a_price_that_the_seller_gave_is_not_compared() {
    let mut fact = placed(&[("A", 1, 400)]);
    let OrderFact::Placed { lines, .. } = &mut fact else { panic!("it is placed") };
    lines[0].price_given = true;
    let outcome = run(shelves(&[("A", 5)]), &[(OrderId::new(), fact)]);
    assert!(matches!(outcome.notices[0].notice, Notice::Reserved { .. }), "{:?}", outcome.notices);
}

/// A price of a channel, or of every one, that has begun.
fn window(channel: Option<&ChannelCode>, price: i64) -> PriceWindow {
    let from = deadline() - chrono::Duration::days(1);
    PriceWindow { id: kernel::PriceId::new(), channel: channel.cloned(), amount: dollars(price), from, until: None }
}

#[test]
fn a_line_costs_what_it_costs_in_the_channel_of_the_order_and_the_rest_is_refused_with_both_prices() {
    let [market, outlet] = ["market", "outlet"].map(|code| ChannelCode::parse(code).unwrap());
    let shop = ChannelCode::shop();
    let mut shelves = shelves(&[("A", 9), ("B", 9)]);
    let planned = PriceWindow { from: deadline() + chrono::Duration::seconds(1), ..window(Some(&market), 1) };
    shelves.get_mut("A").unwrap().windows = vec![window(Some(&market), 400), window(Some(&shop), 600), planned];
    let answer = |fact: OrderFact| run(shelves.clone(), &[(OrderId::new(), fact)]).notices.remove(0).notice;
    let refused = |offered, current| {
        let (offered, current) = (dollars(offered), dollars(current));
        Notice::Rejected(vec![Reason::PriceChanged { sku: sku("A"), offered, current }])
    };
    for (channel, price) in [(&market, 400), (&outlet, 500), (&shop, 600)] {
        let given = answer(placed_in(channel, &[("A", 1, price), ("B", 1, 500)]));
        assert!(matches!(given, Notice::Reserved { .. }), "{channel}: {given:?}");
        assert_eq!(answer(placed_in(channel, &[("A", 1, price + 1)])), refused(price + 1, price), "{channel}");
    }
    // An order of the release before has the shop's price in every channel, and says none.
    assert!(matches!(answer(placed(&[("A", 1, 600)])), Notice::Reserved { .. }));
    assert_eq!(answer(placed(&[("A", 1, 400)])), refused(400, 600));

    let order = OrderId::new();
    let begun = [(order, placed_in(&market, &[("B", 1, 500)])), (order, OrderFact::Confirmed)];
    let OrderFact::Placed { lines, channel, .. } = placed_in(&market, &[("A", 1, 600)]) else { panic!("it is placed") };
    let more = OrderFact::AdditionRequested { number: 1, lines, channel };
    let outcome = run(shelves.clone(), &[&begun[..], &[(order, more)]].concat());
    let changed = Reason::PriceChanged { sku: sku("A"), offered: dollars(600), current: dollars(400) };
    assert_eq!(outcome.notices[1].notice, Notice::ExtensionRefused { number: 1, reasons: vec![changed] });
}

#[test]
fn what_is_not_listed_in_the_channel_of_the_order_is_refused_there_unless_it_was_sold_already() {
    let market = ChannelCode::parse("market").unwrap();
    let mut shelves = shelves(&[("A", 9), ("OLD", 9)]);
    for (name, for_sale) in [("A", true), ("OLD", false)] {
        let shelf = shelves.get_mut(name).unwrap();
        (shelf.for_sale, shelf.listing) = (for_sale, Listing::only([ChannelCode::shop()].into()));
    }
    let answer = |fact: OrderFact| run(shelves.clone(), &[(OrderId::new(), fact)]).notices.remove(0).notice;
    let in_market = placed_in(&market, &[("A", 1, 500), ("OLD", 1, 500)]);
    let reasons = vec![Reason::NotInChannel { sku: sku("A") }, Reason::NotForSale { sku: sku("OLD") }];
    assert_eq!(answer(in_market), Notice::Rejected(reasons));
    for taken in [placed_in(&ChannelCode::shop(), &[("A", 1, 500)]), placed(&[("A", 1, 500)]), sold(&[("A", 1, 500)])] {
        assert!(matches!(answer(taken), Notice::Reserved { .. }));
    }
}

#[test]
fn a_batch_sells_the_last_pieces_to_whoever_comes_first() {
    let orders: Vec<_> = (0..4).map(|_| (OrderId::new(), placed(&[("A", 2, 500)]))).collect();
    let outcome = run(shelves(&[("A", 5)]), &orders);
    let reserved: Vec<_> = outcome.notices.iter().map(|one| matches!(one.notice, Notice::Reserved { .. })).collect();
    assert_eq!(reserved, [true, true, false, false]);
    assert_eq!(level_of(&outcome, "A"), Level::restore(5, 4, 0));
    assert!(outcome.shelves[0].shelf.stock.got_low(&outcome.shelves[0].before));
    assert_eq!(outcome.shelves[0].cause, 1, "the event that changed it last");
    assert_eq!(outcome.shelves[0].shelf.stock.version, 2, "one version per batch");
}

#[test]
fn an_order_gets_what_the_terms_allow() {
    let sold = |terms: Terms| {
        let mut shelves = shelves(&[("A", 5)]);
        shelves.get_mut("A").unwrap().stock.terms = terms;
        let orders: Vec<_> = (0..9).map(|_| (OrderId::new(), placed(&[("A", 1, 500)]))).collect();
        level_of(&run(shelves, &orders), "A").reserved()
    };
    let backorder = Backorder::UpTo { pieces: 2, promised_on: None };
    assert_eq!(sold(Terms { safety_stock: 2, ..Terms::default() }), 3);
    assert_eq!(sold(Terms { backorder, ..Terms::default() }), 7);
    assert_eq!(sold(Terms { safety_stock: 2, backorder, ..Terms::default() }), 5);
    let promised_on = kernel::Day::from_ymd_opt(2027, 1, 31).unwrap();
    assert_eq!(sold(Terms { backorder: Backorder::Unlimited { promised_on }, ..Terms::default() }), 9);
}

#[test]
fn a_confirmed_order_keeps_its_pieces_without_expiry() {
    let order = OrderId::new();
    let outcome = run(shelves(&[("A", 5)]), &[(order, placed(&[("A", 2, 500)])), (order, OrderFact::Confirmed)]);
    assert_eq!(level_of(&outcome, "A"), Level::restore(5, 0, 2));
    assert_eq!(
        (outcome.created[0].state, outcome.created[0].expires_at, outcome.created[0].version),
        (State::Held, None, 2)
    );
    assert_eq!(outcome.notices.len(), 1, "order is told nothing of a hold");
}

#[test]
fn a_cancelled_order_gives_back_what_it_reserved_or_held() {
    for confirm in [false, true] {
        let order = OrderId::new();
        let mut facts = vec![(order, placed(&[("A", 2, 500)]))];
        if confirm {
            facts.push((order, OrderFact::Confirmed));
        }
        facts.push((order, OrderFact::Cancelled));
        let outcome = run(shelves(&[("A", 5)]), &facts);
        assert_eq!(level_of(&outcome, "A"), Level::restore(5, 0, 0));
        assert_eq!(outcome.created[0].state, State::Released);
    }
}

#[test]
fn an_order_cancelled_before_its_placing_arrived_cannot_reserve_any_more() {
    let order = OrderId::new();
    let outcome = run(shelves(&[("A", 5)]), &[(order, OrderFact::Cancelled), (order, placed(&[("A", 2, 500)]))]);
    assert!(outcome.shelves.is_empty());
    assert_eq!(outcome.notices.len(), 1);
    assert_eq!(outcome.notices[0].notice, Notice::Rejected(vec![Reason::OrderCancelled]));
    assert_eq!(outcome.created[0].state, State::Rejected);
}

#[test]
fn a_reservation_runs_out_and_a_later_confirmation_is_refused_once() {
    let order = OrderId::new();
    let mut book = Book::open(shelves(&[("A", 5)]), Vec::new());
    book.follow(0, order, &placed(&[("A", 2, 500)]), MARGIN).unwrap();
    assert_eq!(book.reservations[&order].reservation.expires_at, Some(deadline() + MARGIN));
    for _ in 0..2 {
        book.expire(1, order).unwrap();
    }
    for cause in 2..4 {
        book.follow(cause, order, &OrderFact::Confirmed, MARGIN).unwrap();
    }
    let outcome = book.close();
    assert_eq!(level_of(&outcome, "A"), Level::restore(5, 0, 0));
    let notices: Vec<_> = outcome.notices.iter().skip(1).map(|one| &one.notice).collect();
    assert_eq!(notices, [&Notice::Expired, &Notice::ConfirmRefused]);
    let versions: Vec<_> = outcome.notices.iter().map(|one| one.version).collect();
    assert_eq!(versions, [1, 2, 3]);
}

#[test]
fn stock_that_contradicts_a_reservation_is_an_error_and_not_a_guess() {
    let order = OrderId::new();
    let reservation = Reservation {
        order,
        state: State::Reserved,
        lines: vec![Line { variant: VariantId::new(), sku: sku("A"), pieces: 3, moved: Moved::default(), oversold: 0 }],
        expires_at: Some(deadline()),
        confirm_refused: false,
        addition: 0,
        version: 1,
    };
    let mut book = Book::open(shelves(&[("A", 5)]), vec![reservation]);
    let error = book.follow(0, order, &OrderFact::Confirmed, MARGIN).unwrap_err();
    assert_eq!(error.fault, StockFault::NotTaken { asked: 3, taken: 0 });
}

/// More for an order that is confirmed.
fn added(number: i64, lines: &[(&str, i64, i64)]) -> OrderFact {
    let OrderFact::Placed { lines, .. } = placed(lines) else { panic!("it is placed") };
    OrderFact::AdditionRequested { number, lines, channel: None }
}

#[test]
fn a_confirmed_order_gets_all_of_what_is_added_once_or_nothing_of_it() {
    let order = OrderId::new();
    let begun = [(order, placed(&[("A", 2, 500)])), (order, OrderFact::Confirmed)];
    let more = (order, added(1, &[("A", 1, 500), ("B", 2, 500)]));
    let facts = [&begun[..], &[more.clone(), more]].concat();
    let outcome = run(shelves(&[("A", 5), ("B", 2)]), &facts);
    assert_eq!((level_of(&outcome, "A"), level_of(&outcome, "B")), (Level::restore(5, 0, 3), Level::restore(2, 0, 2)));
    let [_, told] = &outcome.notices[..] else { panic!("it is answered once: {:?}", outcome.notices) };
    let Notice::Extended { number: 1, lines } = &told.notice else { panic!("{told:?}") };
    assert_eq!(lines.iter().map(|line| (line.sku.as_str(), line.pieces)).collect::<Vec<_>>(), [("A", 1), ("B", 2)]);
    let held: Vec<_> = outcome.created[0].lines.iter().map(|line| (line.sku.as_str(), line.pieces)).collect();
    assert_eq!((held, outcome.created[0].addition), (vec![("A", 3), ("B", 2)], 1));

    let facts = [&begun[..], &[(order, added(1, &[("A", 1, 500), ("B", 3, 400)]))]].concat();
    let outcome = run(shelves(&[("A", 5), ("B", 2)]), &facts);
    assert_eq!(level_of(&outcome, "A"), Level::restore(5, 0, 2), "what it had stays");
    let changed = Reason::PriceChanged { sku: sku("B"), offered: dollars(400), current: dollars(500) };
    let missing = Reason::OutOfStock { sku: sku("B"), requested: quantity(3), available: 2 };
    let refused = Notice::ExtensionRefused { number: 1, reasons: vec![changed, missing] };
    assert_eq!((&outcome.notices[1].notice, outcome.created[0].state), (&refused, State::Held));

    // A refusal is an answer: what is asked for next is another addition.
    let again = [&facts[..], &[(order, added(1, &[("B", 1, 500)])), (order, added(2, &[("B", 1, 500)]))]].concat();
    let outcome = run(shelves(&[("A", 5), ("B", 2)]), &again);
    assert_eq!((level_of(&outcome, "B"), outcome.notices.len()), (Level::restore(2, 0, 1), 3));
}

#[test]
fn what_is_added_goes_and_comes_back_with_the_rest() {
    let order = OrderId::new();
    let mut facts = vec![
        (order, placed(&[("A", 2, 500)])),
        (order, OrderFact::Confirmed),
        (order, added(1, &[("A", 1, 500), ("B", 1, 500)])),
    ];
    let all = |shipped, cancelled, restocked| {
        let moved = Moved { shipped, cancelled, restocked };
        let of_b = Moved { shipped: shipped.min(1), cancelled: 0, restocked: restocked.min(1) };
        OrderFact::Moved(vec![(sku("A"), moved), (sku("B"), of_b)])
    };
    facts.extend([(order, all(0, 1, 0)), (order, all(2, 1, 0)), (order, all(2, 1, 2))]);
    let outcome = run(shelves(&[("A", 5), ("B", 1)]), &facts);
    assert_eq!((level_of(&outcome, "A"), level_of(&outcome, "B")), (Level::restore(5, 0, 0), Level::restore(1, 0, 0)));
    assert!(outcome.created[0].lines.iter().all(|line| line.pieces == 0));
    let cancelled = [&facts[..3], &[(order, OrderFact::Cancelled)]].concat();
    let outcome = run(shelves(&[("A", 5), ("B", 1)]), &cancelled);
    assert_eq!((level_of(&outcome, "A"), level_of(&outcome, "B")), (Level::restore(5, 0, 0), Level::restore(1, 0, 0)));
    assert_eq!(outcome.created[0].state, State::Released);
}

/// An addition that staff does not want any more, of an order that keeps so many pieces.
fn withdrawn(number: i64, kept: &[(&str, i64)]) -> OrderFact {
    OrderFact::AdditionWithdrawn { number, kept: kept.iter().map(|(name, pieces)| (sku(name), *pieces)).collect() }
}

#[test]
fn what_was_held_for_an_addition_that_is_withdrawn_is_free_again_once() {
    let order = OrderId::new();
    let begun = [(order, placed(&[("A", 2, 500)])), (order, OrderFact::Confirmed)];
    let asked = (order, added(1, &[("A", 1, 500), ("B", 2, 500)]));
    let back = (order, withdrawn(1, &[("A", 2)]));
    let levels = |outcome: &Outcome| (level_of(outcome, "A"), level_of(outcome, "B"));
    // The question, the withdrawal and the question again, each as often as it comes.
    let facts = [&begun[..], &[asked.clone(), back.clone(), back.clone(), asked.clone()]].concat();
    let outcome = run(shelves(&[("A", 5), ("B", 2)]), &facts);
    assert_eq!(levels(&outcome), (Level::restore(5, 0, 2), Level::restore(2, 0, 0)));
    assert_eq!((outcome.notices.len(), outcome.created[0].addition), (2, 1));

    // The next addition is not taken back by a withdrawal that comes again.
    let next =
        [&facts[..], &[(order, added(2, &[("B", 1, 500)])), back.clone(), (order, moved("A", 1, 0, 0)), back.clone()]];
    let outcome = run(shelves(&[("A", 5), ("B", 2)]), &next.concat());
    assert_eq!(levels(&outcome), (Level::restore(4, 0, 1), Level::restore(2, 0, 1)));

    // What left since is not brought back by one that comes again, and a question that comes late is not answered.
    let left = [&facts[..], &[(order, moved("A", 1, 0, 0)), back.clone()]].concat();
    assert_eq!(level_of(&run(shelves(&[("A", 5), ("B", 2)]), &left), "A"), Level::restore(4, 0, 1));
    let lost = [&begun[..], &[back.clone(), asked.clone()]].concat();
    let outcome = run(shelves(&[("A", 5), ("B", 2)]), &lost);
    assert_eq!((level_of(&outcome, "A"), outcome.notices.len()), (Level::restore(5, 0, 2), 1));
    let refused = [&begun[..], &[(order, added(1, &[("B", 9, 500)])), back.clone()]].concat();
    assert_eq!(level_of(&run(shelves(&[("A", 5), ("B", 2)]), &refused), "A"), Level::restore(5, 0, 2));
    let ended = [&begun[..], &[asked, (order, OrderFact::Cancelled), back]].concat();
    let outcome = run(shelves(&[("A", 5), ("B", 2)]), &ended);
    assert_eq!(levels(&outcome), (Level::restore(5, 0, 0), Level::restore(2, 0, 0)));
}

#[test]
fn nothing_is_added_to_an_order_that_has_no_stock_held() {
    let order = OrderId::new();
    let cases: [(&[OrderFact], State); 4] = [
        (&[placed(&[("A", 2, 500)]), OrderFact::Confirmed, OrderFact::Cancelled], State::Released),
        (&[placed(&[("A", 9, 500)])], State::Rejected),
        (&[OrderFact::Cancelled], State::Void),
        (&[], State::Void),
    ];
    for (facts, state) in cases {
        let mut facts: Vec<_> = facts.iter().map(|fact| (order, fact.clone())).collect();
        facts.extend([(order, added(1, &[("A", 1, 500)])), (order, added(1, &[("A", 1, 500)]))]);
        let outcome = run(shelves(&[("A", 5)]), &facts);
        let refused = Notice::ExtensionRefused { number: 1, reasons: vec![Reason::OrderCancelled] };
        let refusals = outcome.notices.iter().filter(|told| told.notice == refused).count();
        assert_eq!((refusals, outcome.created[0].state), (1, state));
        assert!(outcome.shelves.iter().all(|changed| changed.shelf.stock.level == Level::restore(5, 0, 0)));
    }
    // Order adds to what is confirmed only, so its confirmation counts also where it has not been heard of.
    let outcome = run(shelves(&[("A", 5)]), &[(order, placed(&[("A", 2, 500)])), (order, added(1, &[("A", 1, 500)]))]);
    assert_eq!((level_of(&outcome, "A"), outcome.created[0].state), (Level::restore(5, 0, 3), State::Held));
    let mut book = Book::open(shelves(&[("A", 5)]), Vec::new());
    book.follow(0, order, &placed(&[("A", 2, 500)]), MARGIN).unwrap();
    book.expire(1, order).unwrap();
    book.follow(2, order, &added(1, &[("A", 1, 500)]), MARGIN).unwrap();
    let outcome = book.close();
    assert_eq!((level_of(&outcome, "A"), outcome.created[0].state), (Level::restore(5, 0, 0), State::Expired));
}

/// So many pieces of one SKU have left, were cancelled and came back to be sold again.
fn moved(name: &str, shipped: i64, cancelled: i64, restocked: i64) -> OrderFact {
    OrderFact::Moved(vec![(sku(name), Moved { shipped, cancelled, restocked })])
}

#[test]
fn parcels_take_pieces_with_them_and_returns_bring_them_back() {
    let order = OrderId::new();
    let mut facts = vec![(order, placed(&[("A", 4, 500)])), (order, OrderFact::Confirmed)];
    for (fact, level) in [
        (moved("A", 1, 0, 0), Level::restore(8, 0, 3)),
        (moved("A", 1, 1, 0), Level::restore(8, 0, 2)),
        (moved("A", 3, 1, 0), Level::restore(6, 0, 0)),
        (moved("A", 3, 1, 2), Level::restore(8, 0, 0)),
    ] {
        facts.push((order, fact));
        let outcome = run(shelves(&[("A", 9)]), &facts);
        assert_eq!(level_of(&outcome, "A"), level, "{:?}", facts.last());
        assert_eq!(outcome.created[0].state, State::Held);
    }
    // The whole again: nothing of it is new.
    let again = [facts.clone(), facts].concat();
    let outcome = run(shelves(&[("A", 9)]), &again);
    assert_eq!(level_of(&outcome, "A"), Level::restore(8, 0, 0));
    assert_eq!(outcome.movements.len(), 6);
}

#[test]
fn whatever_became_of_an_order_is_followed_in_whatever_order_it_is_told() {
    let told =
        [moved("A", 1, 0, 0), moved("A", 1, 2, 0), moved("A", 2, 2, 0), moved("A", 2, 2, 1), OrderFact::Confirmed];
    for first in 0..told.len() {
        for second in 0..told.len() {
            let order = OrderId::new();
            let mut facts = vec![(order, placed(&[("A", 5, 500)]))];
            // Two of them early, then all of them backwards, and all of them as they were told.
            facts.extend([first, second].map(|early| (order, told[early].clone())));
            facts.extend(told.iter().rev().chain(&told).map(|fact| (order, fact.clone())));
            let outcome = run(shelves(&[("A", 9)]), &facts);
            assert_eq!(level_of(&outcome, "A"), Level::restore(8, 0, 1), "{first} and {second} first");
        }
    }
}

#[test]
fn pieces_that_moved_before_the_placing_was_heard_of_are_counted_once() {
    let order = OrderId::new();
    let facts = [(order, moved("A", 1, 1, 0)), (order, placed(&[("A", 4, 500)])), (order, moved("A", 1, 1, 0))];
    let outcome = run(shelves(&[("A", 9)]), &facts);
    assert_eq!(level_of(&outcome, "A"), Level::restore(8, 0, 2));
    assert_eq!(outcome.created[0].state, State::Held);
    let cancelled = [(order, moved("A", 1, 1, 0)), (order, OrderFact::Cancelled), (order, placed(&[("A", 4, 500)]))];
    let outcome = run(shelves(&[("A", 9)]), &cancelled);
    assert_eq!((level_of(&outcome, "A"), outcome.created[0].state), (Level::restore(8, 0, 0), State::Rejected));
}

#[test]
fn what_left_although_its_reservation_had_run_out_is_taken_from_what_is_free() {
    let order = OrderId::new();
    let mut book = Book::open(shelves(&[("A", 5)]), Vec::new());
    book.follow(0, order, &placed(&[("A", 2, 500)]), MARGIN).unwrap();
    book.expire(1, order).unwrap();
    for cause in 2..4 {
        book.follow(cause, order, &moved("A", 2, 0, 0), MARGIN).unwrap();
    }
    let outcome = book.close();
    assert_eq!(level_of(&outcome, "A"), Level::restore(3, 0, 0));
    assert_eq!(outcome.created[0].state, State::Expired);
}

#[derive(Debug, Clone)]
enum Step {
    Move(Vec<(usize, i64, i64, i64)>),
    Place(Vec<(usize, i64, bool)>),
    Add(i64, Vec<(usize, i64, bool)>),
    Withdraw(i64, Vec<(usize, i64)>),
    Confirm,
    Cancel,
    Reject,
    Expire,
}

fn step() -> impl Strategy<Value = Step> {
    let lines = || prop::collection::vec((0..4_usize, 1..5_i64, prop::bool::weighted(0.9)), 1..5);
    prop_oneof![
        4 => lines().prop_map(Step::Place),
        3 => (1..4_i64, lines()).prop_map(|(number, lines)| Step::Add(number, lines)),
        2 => (1..4_i64, prop::collection::vec((0..3_usize, 0..5_i64), 0..3))
            .prop_map(|(number, kept)| Step::Withdraw(number, kept)),
        3 => prop::collection::vec((0..3_usize, 0..4_i64, 0..3_i64, 0..3_i64), 1..3).prop_map(Step::Move),
        3 => Just(Step::Confirm),
        2 => Just(Step::Cancel),
        1 => Just(Step::Reject),
        1 => Just(Step::Expire),
    ]
}

proptest! {
    /// Any facts about orders, in any sequence and any number of times, over several batches.
    #[test]
    fn nothing_is_sold_twice_and_the_ledger_is_the_level(
        stock in prop::collection::vec(0..12_i64, 3),
        batches in prop::collection::vec(prop::collection::vec((0..6_usize, step(), 1..3_usize), 1..12), 1..5),
    ) {
        const NAMES: [&str; 4] = ["A", "B", "C", "unknown"];
        let orders: Vec<OrderId> = (0..6).map(|_| OrderId::new()).collect();
        let mut stored: BTreeMap<Sku, Shelf> =
            NAMES.iter().zip(&stock).map(|(name, on_hand)| (sku(name), shelf(*on_hand))).collect();
        let mut reservations: BTreeMap<OrderId, Reservation> = BTreeMap::new();
        let mut ledger: BTreeMap<Sku, (i64, i64, i64)> = BTreeMap::new();
        let mut entries = std::collections::BTreeSet::new();
        let mut announced = std::collections::BTreeSet::new();
        for batch in batches {
            let mut book = Book::open(stored.clone(), reservations.values().cloned().collect());
            for (index, (who, step, times)) in batch.into_iter().enumerate() {
                let order = orders[who];
                for _ in 0..times {
                    let named = |lines: &[(usize, i64, bool)]| -> Vec<(&str, i64, i64)> {
                        let line = |(which, pieces, right): &(usize, i64, bool)| {
                            (NAMES[*which], *pieces, if *right { 500 } else { 499 })
                        };
                        lines.iter().map(line).collect()
                    };
                    match &step {
                        Step::Place(lines) => {
                            book.follow(index, order, &placed(&named(lines)), MARGIN).unwrap();
                        }
                        Step::Add(number, lines) => {
                            book.follow(index, order, &added(*number, &named(lines)), MARGIN).unwrap();
                        }
                        Step::Withdraw(number, kept) => {
                            let kept: Vec<_> = kept.iter().map(|(which, pieces)| (NAMES[*which], *pieces)).collect();
                            book.follow(index, order, &withdrawn(*number, &kept), MARGIN).unwrap();
                        }
                        Step::Move(lines) => {
                            let lines = lines.iter().map(|(which, shipped, cancelled, restocked)| {
                                let (shipped, cancelled, restocked) = (*shipped, *cancelled, *restocked);
                                (sku(NAMES[*which]), Moved { shipped, cancelled, restocked })
                            });
                            book.follow(index, order, &OrderFact::Moved(lines.collect()), MARGIN).unwrap();
                        }
                        Step::Confirm => book.follow(index, order, &OrderFact::Confirmed, MARGIN).unwrap(),
                        Step::Cancel => book.follow(index, order, &OrderFact::Cancelled, MARGIN).unwrap(),
                        Step::Reject => book.follow(index, order, &OrderFact::Rejected, MARGIN).unwrap(),
                        Step::Expire => book.expire(index, order).unwrap(),
                    }
                }
            }
            let outcome = book.close();
            for changed in outcome.shelves {
                prop_assert_eq!(changed.shelf.stock.version, stored[&changed.sku].stock.version + 1);
                stored.insert(changed.sku, changed.shelf);
            }
            for reservation in outcome.created {
                prop_assert!(reservations.insert(reservation.order, reservation).is_none());
            }
            for reservation in outcome.changed {
                let before = reservations.insert(reservation.order, reservation.clone()).unwrap();
                prop_assert!(before.version < reservation.version);
            }
            for entry in outcome.movements {
                let sums = ledger.entry(entry.sku.clone()).or_default();
                sums.0 += entry.movement.on_hand;
                sums.1 += entry.movement.reserved;
                sums.2 += entry.movement.held;
                let is_once = matches!(
                    entry.movement.kind,
                    MovementKind::Reserve | MovementKind::Hold | MovementKind::Expire
                );
                prop_assert!(
                    entries.insert((entry.order, entry.sku, entry.movement.kind)) || !is_once,
                    "an order is promised a SKU once"
                );
            }
            for notice in outcome.notices {
                prop_assert!(announced.insert((notice.order, notice.version)), "each version has one notice");
            }
        }
        for (sku, shelf) in &stored {
            let level = shelf.stock.level;
            prop_assert!(level.reserved() >= 0 && level.held() >= 0 && level.free() >= 0);
            let sums = ledger.get(sku).copied().unwrap_or_default();
            prop_assert_eq!((sums.1, sums.2), (level.reserved(), level.held()), "the ledger is the level");
            let begun = NAMES.iter().zip(&stock).find(|(name, _)| **name == sku.as_str()).map_or(0, |(_, pieces)| *pieces);
            prop_assert_eq!(sums.0 + begun, level.on_hand());
            let promised = |state: State| -> i64 {
                reservations
                    .values()
                    .filter(|reservation| reservation.state == state)
                    .flat_map(|reservation| &reservation.lines)
                    .filter(|line| line.sku == *sku)
                    .map(|line| line.pieces)
                    .sum()
            };
            prop_assert_eq!(promised(State::Reserved), level.reserved());
            prop_assert_eq!(promised(State::Held), level.held());
        }
    }
}

#[test]
fn a_deadline_at_the_end_of_time_is_one_like_any_other() {
    let order = OrderId::new();
    let mut fact = placed(&[("LAMP", 1, 500)]);
    let OrderFact::Placed { deadline_at, .. } = &mut fact else { panic!("not placed") };
    *deadline_at = Timestamp::MAX_UTC;
    let outcome = run(shelves(&[("LAMP", 5)]), &[(order, fact)]);
    assert_eq!(outcome.created[0].expires_at, Some(Timestamp::MAX_UTC));
}
