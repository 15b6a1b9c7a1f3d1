//! Every state that an order can be in, found by walking the real function, and random lives that keep what always holds.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use kernel::{Currency, Money, PaymentId, RefundId};
use proptest::prelude::*;

use super::*;
use crate::domain::{Dispatch, Label, Payment, Provider, Refund, Remark};

const PRICE: LinePrice = LinePrice { unit: 1_000, discount: 0, tax: 0, shipping: 0, cost: None };

/// Any parcel, return or payment: which one is no matter of the order's state.
fn id<K: kernel::Kind>() -> kernel::Id<K> {
    kernel::Id::from_uuid(uuid::Uuid::from_u128(1))
}

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::parse("USD").unwrap()).unwrap()
}

fn ship(pieces: Option<Selection>) -> Trigger {
    Trigger::Ship(pieces, Dispatch { id: id(), carrier: None, tracking_number: None })
}

fn pay(kind: PaymentKind, minor: i64) -> Trigger {
    let method = Label::parse("cash").unwrap();
    let (id, provider, amount): (PaymentId, _, _) = (id(), Provider::Manual, usd(minor));
    let payment = Payment { id, kind, provider, method, reference: None, provider_reference: None, amount };
    Trigger::RecordPayment(payment)
}

fn refund(minor: i64, left: i64) -> Trigger {
    let method = Label::parse("cash").unwrap();
    let (id, payment, amount): (RefundId, PaymentId, _) = (id(), id(), usd(minor));
    let refund = Refund { id, payment, method, reference: None, provider_reference: None, amount };
    Trigger::Refund { refund, left }
}

fn receive(requested: Selection, returned: Selection, written_off: Selection) -> Trigger {
    Trigger::ReceiveReturn(Receipt { id: id(), requested, returned, written_off })
}

/// The first addition: so many more pieces of each line, and new lines of so many.
fn more(more: &[i64], lines: &[i64]) -> Trigger {
    let lines = lines.iter().map(|pieces| (*pieces, PRICE)).collect();
    Trigger::AddPieces(Asked { number: 1, more: more.to_vec(), lines })
}

/// What is asked for where it does not matter what: one more of the first line.
fn one_more(lines: usize) -> Asked {
    let more = (0..lines).map(|line| i64::from(line == 0)).collect();
    Asked { number: 1, more, lines: Vec::new() }
}

fn placed(ordered: &[i64]) -> Life {
    Life::placed(ordered.iter().map(|pieces| (*pieces, PRICE)))
}

/// As [`placed`], of an order that was sold elsewhere.
fn elsewhere(ordered: &[i64]) -> Life {
    Life { sold_elsewhere: true, ..placed(ordered) }
}

/// The life after these triggers, each of which has an effect.
fn after(life: Life, triggers: &[Trigger]) -> Life {
    triggers
        .iter()
        .fold(life, |life, on| decide(&life, on).unwrap().unwrap_or_else(|| panic!("{on:?} changed nothing")).life)
}

/// Every choice of up to so many pieces of each line.
fn selections(most: &[i64]) -> Vec<Selection> {
    most.iter().fold(vec![Vec::new()], |all, most| {
        all.iter().flat_map(|begun| (0..=*most).map(|count| [begun.as_slice(), &[count]].concat())).collect()
    })
}

/// Every trigger that may concern an order with lines of so many pieces, but for money and notes.
fn triggers(ordered: &[i64]) -> Vec<Trigger> {
    let mut all = vec![
        Trigger::Reserved,
        Trigger::SoldElsewhere,
        Trigger::Oversold(Vec::new()),
        Trigger::Rejected(Vec::new()),
        Trigger::ReservationLost,
        Trigger::DeadlinePassed,
        Trigger::UnpaidTooLong,
        Trigger::ShopperCancels,
        Trigger::StaffCancels,
        Trigger::StaffCancelsLines(None),
        Trigger::Pack(None),
        ship(None),
        Trigger::Complete,
        Trigger::ApproveReturn(id()),
        Trigger::AddPieces(one_more(ordered.len())),
        Trigger::AdditionGiven(1),
        Trigger::AdditionRefused(1, Vec::new()),
        Trigger::WithdrawAddition,
    ];
    for side in [Side::Here, Side::Channel] {
        all.push(Trigger::Hold(side));
        all.push(Trigger::Release(side));
        all.push(Trigger::RequestCancellation(side));
        all.push(Trigger::DeclineCancellation(side));
    }
    for selection in selections(ordered) {
        all.push(Trigger::StaffCancelsLines(Some(selection.clone())));
        all.push(Trigger::Edit(selection.clone()));
        all.push(Trigger::Pack(Some(selection.clone())));
        all.push(ship(Some(selection.clone())));
        all.push(Trigger::Deliver(selection.clone(), id()));
        all.push(Trigger::RequestReturn(selection.clone(), id()));
        all.push(Trigger::DeclineReturn(selection.clone(), id()));
        for returned in selections(&selection) {
            for written_off in selections(&returned) {
                all.push(receive(selection.clone(), returned.clone(), written_off));
            }
        }
    }
    all
}

/// Every state that the function leads to with lines of so many pieces; what is added makes another order of it.
fn reachable(ordered: &[i64]) -> HashSet<Life> {
    let triggers = triggers(ordered);
    let (mut seen, mut open) = (HashSet::new(), VecDeque::from([placed(ordered), elsewhere(ordered)]));
    while let Some(life) = open.pop_front() {
        if !seen.insert(life.clone()) {
            continue;
        }
        let next = triggers.iter().filter_map(|on| decide(&life, on).ok().flatten()).map(|change| change.life);
        open.extend(next.filter(|life| life.lines.iter().map(|line| line.pieces.ordered).eq(ordered.iter().copied())));
    }
    seen
}

/// Every state that could be written down for lines of so many pieces, whether an order can be in it or not; with or without what is said
/// only of one that was sold elsewhere.
fn conceivable(ordered: &[i64], elsewhere: bool) -> impl Iterator<Item = Life> {
    let places = |ordered: i64| -> Vec<Pieces> {
        selections(&[ordered; 8])
            .into_iter()
            .map(|at| Pieces {
                ordered,
                reserved: at[0],
                packed: at[1],
                shipped: at[2],
                delivered: at[3],
                cancelled: at[4],
                return_requested: at[5],
                returned: at[6],
                written_off: at[7],
            })
            .collect()
    };
    let mut lives = vec![placed(&[])];
    for ordered in ordered {
        let lines: Vec<LineLife> =
            places(*ordered).into_iter().map(|pieces| LineLife { pieces, price: PRICE }).collect();
        lives = lives
            .iter()
            .flat_map(|life| {
                lines.iter().map(|line| Life { lines: [life.lines.as_slice(), &[*line]].concat(), ..life.clone() })
            })
            .collect();
    }
    let sides = if elsewhere { &[None, Some(Side::Here), Some(Side::Channel)][..] } else { &[None, Some(Side::Here)] };
    let mut marks = Vec::new();
    for (held, cancel_requested) in sides.iter().flat_map(|held| sides.iter().map(|asked| (*held, *asked))) {
        for flags in 0..if elsewhere { 16_u8 } else { 4 } {
            let of = |flag: u8| flags & flag > 0;
            marks.push((held, cancel_requested, of(1), of(2), of(4), of(8)));
        }
    }
    lives.into_iter().flat_map(move |life| {
        let marked = |opening| marks.clone().into_iter().map(move |mark| (opening, mark));
        let openings = [Opening::Awaited, Opening::Given, Opening::Refused].map(marked);
        openings.into_iter().flatten().map(move |(opening, mark)| {
            let (held, cancel_requested, completed, adding, sold_elsewhere, oversold) = mark;
            let addition = adding.then(|| one_more(life.lines.len()));
            Life { opening, held, cancel_requested, completed, addition, sold_elsewhere, oversold, ..life.clone() }
        })
    })
}

#[test]
fn a_state_is_accepted_exactly_if_the_function_leads_to_it() {
    // A line of two pieces, then two lines of one.
    // The facts about orders that were sold elsewhere have nothing to do with how many lines there are.
    for (ordered, elsewhere) in [(&[2][..], true), (&[1, 1], false)] {
        let mut reachable = reachable(ordered);
        reachable.retain(|life| elsewhere || !life.sold_elsewhere);
        let (mut accepted, mut wrong) = (0, Vec::new());
        for life in conceivable(ordered, elsewhere) {
            accepted += usize::from(life.check().is_ok());
            if life.check().is_ok() != reachable.contains(&life) {
                wrong.push(life);
            }
        }
        assert_eq!(accepted, reachable.len());
        assert!(wrong.is_empty(), "{} states, such as {:#?}", wrong.len(), wrong.first());
    }
}

#[test]
fn these_are_the_statuses_with_what_they_say_of_the_goods_and_no_others() {
    use FulfilmentStatus::{Fulfilled, PartlyFulfilled, PartlyReturned, Returned, Unfulfilled};
    let mut found: BTreeMap<Status, BTreeSet<FulfilmentStatus>> = BTreeMap::new();
    for life in reachable(&[2]).into_iter().chain(reachable(&[1, 2])) {
        found.entry(life.status()).or_default().insert(life.fulfilment());
    }
    let expected = [
        (Status::Pending, &[Unfulfilled][..]),
        (Status::Confirmed, &[Unfulfilled, PartlyFulfilled, PartlyReturned]),
        (Status::OnHold, &[Unfulfilled, PartlyFulfilled, PartlyReturned]),
        (Status::Packed, &[Unfulfilled, PartlyFulfilled, PartlyReturned]),
        (Status::Shipped, &[Fulfilled, PartlyReturned]),
        (Status::Delivered, &[Fulfilled, PartlyReturned]),
        (Status::Completed, &[Fulfilled, PartlyReturned]),
        (Status::CancelRequested, &[Unfulfilled, PartlyFulfilled, PartlyReturned]),
        (Status::Cancelled, &[Unfulfilled]),
        (Status::ReturnRequested, &[PartlyFulfilled, Fulfilled, PartlyReturned]),
        (Status::Returned, &[Returned]),
        (Status::Rejected, &[Unfulfilled]),
    ];
    let expected: BTreeMap<_, BTreeSet<_>> =
        expected.into_iter().map(|(status, goods)| (status, goods.iter().copied().collect())).collect();
    assert_eq!(found, expected);
    assert_eq!(found.len(), Status::VARIANTS.len());
}

#[test]
fn the_steps_from_one_status_to_the_next_are_these() {
    let mut steps: BTreeMap<Status, BTreeSet<Status>> = BTreeMap::new();
    let triggers = triggers(&[2]);
    for life in reachable(&[2]) {
        let changes = triggers.iter().filter_map(|on| decide(&life, on).ok().flatten());
        let next = changes.map(|change| change.life.status()).filter(|next| *next != life.status());
        steps.entry(life.status()).or_default().extend(next);
    }
    use Status::{
        CancelRequested, Cancelled, Completed, Confirmed, Delivered, OnHold, Packed, Pending, Rejected,
        ReturnRequested, Returned, Shipped,
    };
    let expected = [
        (Pending, &[Confirmed, Rejected, Cancelled][..]),
        (Confirmed, &[OnHold, Packed, Shipped, Delivered, CancelRequested, Cancelled, ReturnRequested, Returned]),
        (OnHold, &[Confirmed, Packed, Shipped, Delivered, CancelRequested, Cancelled, ReturnRequested, Returned]),
        (Packed, &[OnHold, Shipped, Delivered, CancelRequested, Cancelled, ReturnRequested, Returned]),
        (Shipped, &[Delivered, ReturnRequested]),
        (Delivered, &[Completed, ReturnRequested]),
        (Completed, &[ReturnRequested]),
        (CancelRequested, &[Confirmed, OnHold, Packed, Shipped, Delivered, Cancelled, ReturnRequested, Returned]),
        (Cancelled, &[]),
        (ReturnRequested, &[Confirmed, OnHold, Packed, Shipped, Delivered, Completed, CancelRequested, Returned]),
        (Returned, &[]),
        (Rejected, &[]),
    ];
    let mut wrong = Vec::new();
    for (from, allowed) in expected {
        let allowed: BTreeSet<Status> = allowed.iter().copied().collect();
        let found = steps.remove(&from).unwrap_or_default();
        if found != allowed {
            wrong.push(format!("{from}: {found:?}, expected {allowed:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Whether the trigger itself says which step it is. The others name pieces or things, so their repeats are told apart outside the life:
/// by an idempotency key, or by the parcel, the return or the addition that they name.
fn is_told_apart_by_itself(on: &Trigger) -> bool {
    match on {
        Trigger::Reserved
        | Trigger::Rejected(_)
        | Trigger::SoldElsewhere
        | Trigger::Oversold(_)
        | Trigger::ReservationLost
        | Trigger::DeadlinePassed
        | Trigger::UnpaidTooLong
        | Trigger::ShopperCancels
        | Trigger::StaffCancels
        | Trigger::StaffCancelsLines(None)
        | Trigger::AdditionGiven(_)
        | Trigger::AdditionRefused(..)
        | Trigger::WithdrawAddition
        | Trigger::Hold(_)
        | Trigger::Release(_)
        | Trigger::RequestCancellation(_)
        | Trigger::DeclineCancellation(_)
        | Trigger::Pack(None)
        | Trigger::Ship(None, _)
        | Trigger::Complete => true,
        Trigger::StaffCancelsLines(Some(_))
        | Trigger::Edit(_)
        | Trigger::AddPieces(_)
        | Trigger::Pack(Some(_))
        | Trigger::Ship(Some(_), _)
        | Trigger::Deliver(..)
        | Trigger::RequestReturn(..)
        | Trigger::ApproveReturn(_)
        | Trigger::DeclineReturn(..)
        | Trigger::ReceiveReturn(_)
        | Trigger::RecordPayment(_)
        | Trigger::Refund { .. }
        | Trigger::AddNote(_)
        | Trigger::Claim(_)
        | Trigger::EraseContact => false,
    }
}

#[test]
fn whatever_is_done_twice_in_a_row_succeeds_and_changes_nothing_the_second_time() {
    for ordered in [&[2][..], &[1, 1]] {
        let triggers = triggers(ordered);
        let mut repeated = BTreeSet::new();
        for life in reachable(ordered) {
            for on in triggers.iter().filter(|on| is_told_apart_by_itself(on)) {
                if let Ok(Some(change)) = decide(&life, on) {
                    assert_eq!(decide(&change.life, on), Ok(None), "{on:?} twice, first of {life:?}");
                    repeated.insert(format!("{on:?}"));
                }
            }
        }
        let all = triggers.iter().filter(|on| is_told_apart_by_itself(on)).count();
        assert_eq!(repeated.len(), all, "each of them has an effect somewhere, so the test has seen its repeat");
    }
}

/// The states that the life goes on to from these, themselves included.
fn onwards(begun: Vec<Life>, triggers: &[Trigger]) -> HashSet<Life> {
    let (mut seen, mut open) = (HashSet::new(), VecDeque::from(begun));
    while let Some(life) = open.pop_front() {
        if seen.insert(life.clone()) {
            open.extend(triggers.iter().filter_map(|on| decide(&life, on).ok().flatten()).map(|change| change.life));
        }
    }
    seen
}

#[test]
fn what_was_done_with_the_whole_order_may_be_asked_for_again_however_far_the_order_has_gone_on() {
    for ordered in [&[2][..], &[1, 1]] {
        // An addition makes another order of it.
        let mut triggers = triggers(ordered);
        triggers.retain(|on| !matches!(on, Trigger::AddPieces(_)));
        let known = reachable(ordered);
        for on in [Trigger::Pack(None), ship(None), Trigger::StaffCancelsLines(None), Trigger::Complete] {
            let done = known.iter().filter_map(|life| decide(life, &on).ok().flatten()).map(|change| change.life);
            let later = onwards(done.collect(), &triggers);
            let statuses: BTreeSet<Status> = later.iter().map(Life::status).collect();
            assert!(statuses.contains(&Status::Returned) && statuses.len() > 2, "{on:?}: {statuses:?}");
            for life in later {
                // What was packed and then cancelled is not packed any more.
                let undone = on == Trigger::Pack(None) && life.status() == Status::Cancelled;
                let expected = if undone { Err(Refusal::NotNow { action: Action::Pack }) } else { Ok(None) };
                assert_eq!(decide(&life, &on), expected, "{on:?} again of {life:?}");
            }
        }
    }
}

#[test]
fn whoever_asks_to_cancel_what_is_cancelled_has_it() {
    let asked =
        after(placed(&[2]), &[Trigger::Reserved, Trigger::RequestCancellation(Side::Here), Trigger::StaffCancels]);
    assert_eq!(decide(&asked, &Trigger::RequestCancellation(Side::Here)), Ok(None));
    let sent = after(placed(&[2]), &[Trigger::Reserved, ship(None)]);
    let refused = Err(Refusal::NotNow { action: Action::Cancel });
    assert_eq!(decide(&sent, &Trigger::StaffCancelsLines(None)), refused, "nothing of it was ever cancelled");
}

#[test]
fn the_rest_of_an_order_that_lost_its_reservation_waits_for_somebody_to_look() {
    let sent = after(placed(&[3]), &[Trigger::Reserved, ship(Some(vec![1]))]);
    let change = decide(&sent, &Trigger::ReservationLost).unwrap().unwrap();
    assert_eq!((change.event, change.life.status()), (Event::Held, Status::OnHold));
    assert_eq!(decide(&change.life, &ship(None)), Err(Refusal::NotNow { action: Action::Ship }));
    assert_eq!(decide(&change.life, &Trigger::ReservationLost), Ok(None));
    let whole = after(placed(&[3]), &[Trigger::Reserved, ship(None)]);
    assert_eq!(decide(&whole, &Trigger::ReservationLost), Ok(None), "nothing is left to be sent");
}

#[test]
fn want_of_stock_holds_an_order_that_was_sold_elsewhere_and_never_ends_it() {
    assert_eq!(decide(&elsewhere(&[2]), &Trigger::Rejected(Vec::new())), Ok(None), "it stands before catalog answers");
    let stands = after(elsewhere(&[2]), &[Trigger::SoldElsewhere]);
    assert_eq!(stands.status(), Status::Confirmed);
    for on in [Trigger::Rejected(Vec::new()), Trigger::ReservationLost] {
        let change = decide(&stands, &on).unwrap().unwrap();
        assert_eq!((change.event, change.life.status()), (Event::Held, Status::OnHold));
        assert_eq!(decide(&change.life, &on), Ok(None), "once");
    }
    let sent = after(stands.clone(), &[ship(None)]);
    assert_eq!(decide(&sent, &Trigger::Rejected(Vec::new())), Ok(None), "it has left");
    let oversold = after(stands, &[Trigger::Oversold(Vec::new())]);
    assert!(oversold.oversold && oversold.status() == Status::Confirmed);
    assert_eq!(decide(&oversold, &Trigger::Oversold(Vec::new())), Ok(None));
    let ours = after(placed(&[2]), &[Trigger::Reserved]);
    assert_eq!(decide(&ours, &Trigger::Oversold(Vec::new())), Ok(None), "of our own orders nothing is");
}

#[test]
fn a_channel_takes_back_what_it_said_itself_and_nothing_that_was_said_here() {
    use Side::{Channel, Here};
    let sold = after(elsewhere(&[2]), &[Trigger::SoldElsewhere]);
    let held = after(sold.clone(), &[Trigger::Hold(Channel)]);
    assert_eq!(after(held.clone(), &[Trigger::Release(Channel)]).status(), Status::Confirmed);
    assert_eq!(after(held.clone(), &[Trigger::Release(Here)]).status(), Status::Confirmed, "staff decides");
    // What is held back here as well stays held back: somebody wants it so, or it cannot be had.
    for on in [Trigger::Hold(Here), Trigger::Rejected(Vec::new()), Trigger::ReservationLost] {
        let both = after(held.clone(), std::slice::from_ref(&on));
        assert_eq!((both.status(), decide(&both, &Trigger::Release(Channel))), (Status::OnHold, Ok(None)), "{on:?}");
        assert_eq!(decide(&both, &on), Ok(None), "once");
        assert_eq!(decide(&after(sold.clone(), &[on]), &Trigger::Hold(Channel)), Ok(None));
    }
    let asked = after(sold.clone(), &[Trigger::RequestCancellation(Channel)]);
    assert_eq!(after(asked.clone(), &[Trigger::DeclineCancellation(Channel)]).status(), Status::Confirmed);
    assert_eq!(after(asked, &[Trigger::StaffCancelsLines(None)]).status(), Status::Cancelled);
    let here = after(sold, &[Trigger::RequestCancellation(Here)]);
    assert_eq!(decide(&here, &Trigger::DeclineCancellation(Channel)), Ok(None));
    let ours = after(placed(&[2]), &[Trigger::Reserved]);
    for on in [Trigger::Hold(Channel), Trigger::RequestCancellation(Channel)] {
        assert_eq!(decide(&ours, &on), Ok(None), "no channel speaks of what was sold here");
    }
}

#[test]
fn whoever_asks_for_the_impossible_is_told_what_is_possible() {
    let shipped = after(placed(&[2]), &[Trigger::Reserved, ship(None)]);
    let refused = decide(&shipped, &Trigger::StaffCancels);
    assert_eq!(refused, Err(Refusal::NotNow { action: Action::Cancel }));
    assert_eq!(shipped.possible(), [Action::Deliver, Action::RecordPayment]);
    let confirmed = after(placed(&[2]), &[Trigger::Reserved]);
    let refused = decide(&confirmed, &ship(Some(vec![3])));
    assert_eq!(refused, Err(Refusal::TooMany { action: Action::Ship, line: 0, asked: 3, most: 2 }));
    assert_eq!(decide(&confirmed, &Trigger::Pack(Some(vec![0]))), Err(Refusal::Nothing { action: Action::Pack }));
    let held = after(confirmed.clone(), &[Trigger::Hold(Side::Here)]);
    assert_eq!(decide(&held, &ship(None)), Err(Refusal::NotNow { action: Action::Ship }));
    assert_eq!(confirmed.possible_for_shopper(), [Action::Cancel, Action::RequestCancellation]);
    let paid = after(confirmed, &[pay(PaymentKind::Received, 1)]);
    assert_eq!(decide(&paid, &Trigger::ShopperCancels), Err(Refusal::NotNow { action: Action::Cancel }));
    assert_eq!(paid.possible_for_shopper(), [Action::RequestCancellation]);
}

#[test]
fn pieces_are_taken_off_until_the_first_is_packed_and_never_all() {
    let confirmed = after(placed(&[3, 1]), &[Trigger::Reserved]);
    let change = decide(&confirmed, &Trigger::Edit(vec![1, 1])).unwrap().unwrap();
    assert_eq!((change.event, change.life.status(), change.life.due()), (Event::Edited, Status::Confirmed, 2_000));
    let refused = Err(Refusal::NotNow { action: Action::Edit });
    let last = Err(Refusal::LastPiece { action: Action::Edit });
    assert_eq!(decide(&confirmed, &Trigger::Edit(vec![3, 1])), last, "that is a cancellation");
    assert_eq!(decide(&placed(&[3, 1]), &Trigger::Edit(vec![1, 0])), refused, "catalog answers for a whole order");
    let packed = after(confirmed.clone(), &[Trigger::Pack(Some(vec![1, 0]))]);
    assert_eq!(decide(&packed, &Trigger::Edit(vec![1, 0])), refused);
    let held = after(confirmed, &[Trigger::Hold(Side::Here)]);
    assert!(decide(&held, &Trigger::Edit(vec![1, 0])).unwrap().is_some(), "what is held back is the one to be edited");
}

#[test]
fn what_is_added_makes_an_order_that_could_have_been_placed_so() {
    let (larger, with_a_line) = (reachable(&[2]), reachable(&[1, 1]));
    let mut added = 0;
    for life in reachable(&[1]) {
        for (on, could_be) in [(more(&[1], &[]), &larger), (more(&[0], &[1]), &with_a_line)] {
            let Ok(Some(asked)) = decide(&life, &on) else { continue };
            assert_eq!(asked.life.status(), life.status(), "nothing has changed yet");
            let given = after(asked.life.clone(), &[Trigger::AdditionGiven(1)]);
            assert!(could_be.contains(&given), "{given:?}");
            let refused = after(asked.life, &[Trigger::AdditionRefused(1, Vec::new())]);
            assert_eq!(refused, life, "it is as it was");
            added += 1;
        }
    }
    assert!(added >= 8, "{added}");
}

#[test]
fn an_order_that_waits_for_what_is_added_is_not_packed_edited_or_cancelled_in_part() {
    let waits = after(placed(&[3, 1]), &[Trigger::Reserved, more(&[1, 0], &[2])]);
    for (on, action) in [
        (more(&[1, 0], &[]), Action::Edit),
        (Trigger::Edit(vec![1, 0]), Action::Edit),
        (Trigger::Pack(None), Action::Pack),
        (ship(None), Action::Ship),
        (Trigger::StaffCancelsLines(Some(vec![1, 0])), Action::Cancel),
    ] {
        assert_eq!(decide(&waits, &on), Err(Refusal::NotNow { action }), "{on:?}");
    }
    for on in [Trigger::Hold(Side::Here), Trigger::RequestCancellation(Side::Here), pay(PaymentKind::Received, 1)] {
        assert_eq!(after(waits.clone(), &[on]).addition, waits.addition);
    }
    let withdrawn = decide(&waits, &Trigger::WithdrawAddition).unwrap().unwrap();
    assert_eq!(withdrawn.event, Event::AdditionWithdrawn(1));
    assert_eq!(withdrawn.life, Life { addition: None, ..waits.clone() });
    for late in [Trigger::WithdrawAddition, Trigger::AdditionGiven(1), Trigger::AdditionRefused(1, Vec::new())] {
        assert_eq!(decide(&withdrawn.life, &late), Ok(None), "{late:?}");
    }
    assert_eq!(decide(&waits, &Trigger::AdditionGiven(2)), Ok(None), "that is another one's answer");
    let given = decide(&waits, &Trigger::AdditionGiven(1)).unwrap().unwrap();
    assert_eq!(
        given.moved,
        [Range { before: 3, count: 1 }, Range { before: 1, count: 0 }, Range { before: 0, count: 2 }]
    );
    assert_eq!((given.life.due(), given.life.lines.len()), (7_000, 3));
    for late in [Trigger::AdditionGiven(1), Trigger::AdditionRefused(1, Vec::new())] {
        assert_eq!(decide(&given.life, &late), Ok(None));
    }
    for on in [
        Trigger::StaffCancels,
        Trigger::ShopperCancels,
        Trigger::StaffCancelsLines(None),
        Trigger::StaffCancelsLines(Some(vec![3, 1])),
        Trigger::ReservationLost,
    ] {
        let ended = after(waits.clone(), &[on]);
        assert_eq!((ended.status(), &ended.addition), (Status::Cancelled, &None));
        assert_eq!(decide(&ended, &Trigger::AdditionGiven(1)), Ok(None), "catalog frees it with the rest");
    }
}

#[test]
fn an_order_that_nobody_pays_for_or_works_on_is_cancelled_in_the_end() {
    let confirmed = after(placed(&[2, 1]), &[Trigger::Reserved]);
    let ended = decide(&confirmed, &Trigger::UnpaidTooLong).unwrap().unwrap();
    assert_eq!((ended.event, ended.life.status()), (Event::Cancelled(Cause::Deadline), Status::Cancelled));
    let fewer = after(confirmed.clone(), &[Trigger::Edit(vec![1, 0])]);
    assert_eq!(after(fewer, &[Trigger::UnpaidTooLong]).status(), Status::Cancelled);
    let sold = after(elsewhere(&[2]), &[Trigger::SoldElsewhere]);
    let free = after(Life::placed([(2, LinePrice { unit: 0, ..PRICE })]), &[Trigger::Reserved]);
    let worked_on = [
        pay(PaymentKind::Received, 1),
        pay(PaymentKind::Authorised, 1),
        Trigger::Pack(Some(vec![1, 0])),
        ship(Some(vec![0, 1])),
        Trigger::Hold(Side::Here),
        Trigger::RequestCancellation(Side::Here),
        more(&[1, 0], &[]),
    ];
    let worked_on = worked_on.map(|on| after(confirmed.clone(), &[on]));
    for life in worked_on.into_iter().chain([placed(&[2]), sold, free]) {
        assert_eq!(decide(&life, &Trigger::UnpaidTooLong), Ok(None), "{life:?}");
    }
    // Money that comes too late is recorded all the same, so that it can be given back.
    let late = after(ended.life, &[pay(PaymentKind::Received, 500)]);
    assert_eq!((late.status(), late.possible()), (Status::Cancelled, vec![Action::RecordPayment, Action::Refund]));
}

#[test]
fn pieces_are_added_where_that_leaves_what_was_told_true() {
    let confirmed = after(placed(&[3]), &[Trigger::Reserved]);
    let not_now = Err(Refusal::NotNow { action: Action::Edit });
    assert_eq!(decide(&placed(&[3]), &more(&[1], &[])), not_now, "catalog answers for a whole order");
    assert_eq!(decide(&after(confirmed.clone(), &[Trigger::Pack(Some(vec![1]))]), &more(&[1], &[])), not_now);
    assert_eq!(decide(&after(confirmed.clone(), &[Trigger::StaffCancels]), &more(&[1], &[])), not_now);
    assert_eq!(decide(&confirmed, &more(&[0], &[])), Err(Refusal::Nothing { action: Action::Edit }));
    let most = Quantity::MOST - 3;
    let too_many = Refusal::TooMany { action: Action::Edit, line: 0, asked: most + 1, most };
    assert_eq!(decide(&confirmed, &more(&[most + 1], &[])), Err(too_many));
    let sold = after(elsewhere(&[3]), &[Trigger::SoldElsewhere]);
    assert_eq!(decide(&sold, &more(&[1], &[])), Err(Refusal::SoldElsewhere { action: Action::Edit }));
    // The line's discount is spread over the pieces that it has then; what was told of a cancelled piece would be another part.
    let price = LinePrice { discount: 100, ..PRICE };
    let begun = after(Life::placed([(3, price), (1, PRICE)]), &[Trigger::Reserved]);
    let fewer = after(begun.clone(), &[Trigger::Edit(vec![1, 0])]);
    assert_eq!(decide(&fewer, &more(&[1, 0], &[])), Err(Refusal::SharedOut { action: Action::Edit, line: 0 }));
    assert!(decide(&fewer, &more(&[0, 1], &[2])).unwrap().is_some(), "other lines and new ones are not concerned");
    let larger = after(begun, &[more(&[1, 0], &[]), Trigger::AdditionGiven(1)]);
    let half = decide(&larger, &Trigger::StaffCancelsLines(Some(vec![2, 0]))).unwrap().unwrap();
    assert_eq!((larger.due(), half.life.due()), (4_900, 2_950));
    let plain = after(confirmed, &[Trigger::Edit(vec![2]), more(&[2], &[]), Trigger::AdditionGiven(1)]);
    assert_eq!((plain.lines[0].pieces.ordered, plain.lines[0].pieces.reserved, plain.due()), (5, 3, 3_000));
}

#[test]
fn a_partial_shipment_and_a_partial_cancellation_end_in_a_shipped_order() {
    let life = after(
        placed(&[3, 1]),
        &[Trigger::Reserved, ship(Some(vec![2, 0])), Trigger::StaffCancelsLines(Some(vec![0, 1]))],
    );
    assert_eq!((life.status(), life.fulfilment()), (Status::Confirmed, FulfilmentStatus::PartlyFulfilled));
    let change = decide(&life, &Trigger::StaffCancelsLines(None)).unwrap().unwrap();
    assert_eq!(change.event, Event::LinesCancelled(Cause::Staff));
    assert_eq!((change.life.status(), change.life.fulfilment()), (Status::Shipped, FulfilmentStatus::Fulfilled));
    assert_eq!(change.life.due(), 2_000);
}

#[test]
fn what_was_asked_for_here_is_not_the_channels_to_take_back() {
    let ask = Trigger::RequestCancellation;
    let sold = after(elsewhere(&[2]), &[Trigger::SoldElsewhere, ask(Side::Channel), ask(Side::Here)]);
    for word in [ask(Side::Channel), Trigger::DeclineCancellation(Side::Channel)] {
        assert_eq!(decide(&sold, &word), Ok(None), "{word:?}");
    }
    assert_eq!(after(sold, &[Trigger::DeclineCancellation(Side::Here)]).status(), Status::Confirmed);
}

#[test]
fn payments_and_refunds_say_where_the_money_is() {
    use PaymentStatus::{Authorised, Paid, PartlyPaid, PartlyRefunded, Refunded, Unpaid};
    let mut life = after(placed(&[2]), &[Trigger::Reserved]);
    assert_eq!(life.payment(), Unpaid);
    for (on, status) in [
        (pay(PaymentKind::Authorised, 2_000), Authorised),
        (pay(PaymentKind::Received, 500), PartlyPaid),
        (pay(PaymentKind::Received, 1_500), Paid),
        (refund(100, 500), PartlyRefunded),
        (refund(1_900, 1_900), Refunded),
    ] {
        life = after(life, std::slice::from_ref(&on));
        assert_eq!(life.payment(), status, "{on:?}");
    }
    assert!(!life.possible().contains(&Action::Refund));
    let cheaper = after(
        placed(&[2]),
        &[Trigger::Reserved, pay(PaymentKind::Received, 1_000), Trigger::StaffCancelsLines(Some(vec![1]))],
    );
    assert_eq!((cheaper.due(), cheaper.payment()), (1_000, Paid));
    // Pieces that are added later are due, whatever went back before.
    let (paid, back) = (pay(PaymentKind::Received, 2_000), refund(500, 2_000));
    let mut more = after(placed(&[2]), &[Trigger::Reserved, paid.clone(), back]);
    assert_eq!(more.payment(), PartlyRefunded);
    more.lines[0].pieces.ordered = 4;
    assert_eq!((more.due(), more.payment()), (4_000, PartlyPaid));
    // What was paid beyond the price goes back, and what went back by mistake is paid again.
    let beyond = after(placed(&[2]), &[Trigger::Reserved, pay(PaymentKind::Received, 2_400), refund(400, 2_400)]);
    assert_eq!(beyond.payment(), Paid);
    let again = after(placed(&[2]), &[Trigger::Reserved, paid.clone(), refund(2_000, 2_000), paid]);
    assert_eq!(again.payment(), Paid);
    let other = refund(600, 500);
    assert_eq!(decide(&cheaper, &other), Err(Refusal::TooMuch { action: Action::Refund, most: 500 }));
    assert!(decide(&cheaper, &pay(PaymentKind::Received, i64::MAX)).is_err());
}

#[test]
fn of_three_pieces_one_is_cancelled_and_the_others_sent_and_their_amounts_are_those_of_the_line() {
    let price = LinePrice { unit: 1_000, discount: 100, tax: 0, shipping: 0, cost: None };
    let net = |life: &Life, on: &Trigger| {
        let change = decide(life, on).unwrap().unwrap();
        (price.net(3, change.moved[0]), change.life)
    };
    let begun = after(Life::placed([(3, price)]), &[Trigger::Reserved]);
    let (cancelled, life) = net(&begun, &Trigger::StaffCancelsLines(Some(vec![1])));
    let (sent, life) = net(&life, &ship(None));
    assert_eq!((cancelled, sent, life.due()), (966, 1_934, 1_934));
    let (first, life) = net(&begun, &ship(Some(vec![2])));
    let (rest, _) = net(&life, &Trigger::StaffCancelsLines(None));
    assert_eq!((first, rest), (sent, cancelled), "in whatever order");
}

#[test]
fn what_costs_nothing_is_paid_for() {
    let nothing = LinePrice { unit: 0, ..PRICE };
    let off = LinePrice { discount: 2_000, ..PRICE };
    for free in [Life::placed([(2, nothing)]), Life::placed([(2, off)])] {
        assert_eq!(free.payment(), PaymentStatus::Paid);
        assert_eq!(after(free, &[Trigger::StaffCancels]).payment(), PaymentStatus::Paid);
    }
    // Nothing is due for what was cancelled, but nobody has paid for it either.
    assert_eq!(after(placed(&[2]), &[Trigger::StaffCancels]).payment(), PaymentStatus::Unpaid);
    let mixed = Life::placed([(1, nothing), (1, PRICE)]);
    let rest = after(mixed, &[Trigger::Reserved, Trigger::StaffCancelsLines(Some(vec![0, 1]))]);
    assert_eq!((rest.due(), rest.payment()), (0, PaymentStatus::Paid));
}

/// Anything that can be asked of an order, sensible or not.
fn any_trigger() -> impl Strategy<Value = Trigger> {
    let selection = || prop::collection::vec(0..4_i64, 3);
    let amount = || 0..3_000_i64;
    prop_oneof![
        2 => prop::sample::select(vec![Trigger::Reserved, Trigger::SoldElsewhere, Trigger::Oversold(Vec::new())]),
        1 => prop::sample::select(vec![Trigger::Rejected(Vec::new()), Trigger::ReservationLost, Trigger::DeadlinePassed, Trigger::UnpaidTooLong]),
        1 => prop::sample::select(vec![Trigger::ShopperCancels, Trigger::StaffCancels, Trigger::Complete]),
        2 => (0..3_u8, any::<bool>()).prop_map(|(what, is_channel)| {
            let side = Side::of(is_channel);
            [Trigger::Hold(side), Trigger::Release(side), Trigger::RequestCancellation(side)][usize::from(what)].clone()
        }),
        1 => prop::sample::select(vec![Trigger::DeclineCancellation(Side::Here), Trigger::DeclineCancellation(Side::Channel), Trigger::ApproveReturn(id()), Trigger::AddNote(Remark::parse("Note").unwrap()), Trigger::Claim(id()), Trigger::EraseContact]),
        1 => prop::option::of(selection()).prop_map(Trigger::StaffCancelsLines),
        1 => selection().prop_map(Trigger::Edit),
        3 => (1..3_i64, selection(), prop::collection::vec(1..4_i64, 0..2)).prop_map(|(number, more, lines)| {
            let price = LinePrice { unit: 250, cost: Some(90), ..PRICE };
            Trigger::AddPieces(Asked { number, more, lines: lines.into_iter().map(|pieces| (pieces, price)).collect() })
        }),
        3 => (1..3_i64).prop_map(Trigger::AdditionGiven),
        1 => (1..3_i64).prop_map(|number| Trigger::AdditionRefused(number, Vec::new())),
        1 => Just(Trigger::WithdrawAddition),
        3 => prop::option::of(selection()).prop_map(Trigger::Pack),
        4 => prop::option::of(selection()).prop_map(ship),
        4 => selection().prop_map(|pieces| Trigger::Deliver(pieces, id())),
        3 => selection().prop_map(|pieces| Trigger::RequestReturn(pieces, id())),
        1 => selection().prop_map(|pieces| Trigger::DeclineReturn(pieces, id())),
        3 => (selection(), selection(), selection())
            .prop_map(|(requested, returned, written_off)| receive(requested, returned, written_off)),
        1 => amount().prop_map(|minor| pay(PaymentKind::Authorised, minor)),
        2 => amount().prop_map(|minor| pay(PaymentKind::Received, minor)),
        2 => (amount(), amount()).prop_map(|(minor, left)| refund(minor, left)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    /// Whatever comes, in any order and any number of times: the state is one that an order can be in, nothing that happened is
    /// undone, what is refused and what is late changes nothing, and the amounts of all steps add up.
    #[test]
    fn any_life_keeps_what_always_holds(sold_elsewhere: bool, ordered in prop::collection::vec(1..4_i64, 1..4), sequence in prop::collection::vec(any_trigger(), 0..60)) {
        let price = LinePrice { unit: 333, discount: 100, tax: 31, shipping: 7, cost: Some(200) };
        let mut life = Life { sold_elsewhere, ..Life::placed(ordered.iter().map(|pieces| (*pieces, price))) };
        let mut whole = life.due();
        let mut back = 0;
        let (mut sent, mut arrived, mut cancelled, mut returned) = (0, 0, 0, 0);
        for on in sequence {
            let Ok(Some(change)) = decide(&life, &on) else { continue };
            prop_assert!(change.life.check().is_ok(), "{:?} after {on:?}", change.life);
            prop_assert!(change.life != life || matches!(on, Trigger::ApproveReturn(_) | Trigger::AddNote(_) | Trigger::Claim(_) | Trigger::EraseContact));
            // Pieces that are added bring nothing of what is taken off or added to their line.
            let is_more = matches!(change.event, Event::AdditionGiven(_));
            let price = |line: &LineLife| if is_more { line.price.plain() } else { line.price };
            let lines = change.moved.iter().zip(&change.life.lines);
            let net: i64 = lines.map(|(range, line)| price(line).net(line.pieces.ordered, *range)).sum();
            match change.event {
                Event::AdditionGiven(_) => whole += net,
                Event::Shipped(_) => sent += net,
                Event::Delivered(_) => arrived += net,
                Event::Cancelled(_) | Event::LinesCancelled(_) | Event::Edited => cancelled += net,
                Event::Returned { .. } => returned += net,
                _ => {}
            }
            if matches!(change.event, Event::Cancelled(_) | Event::LinesCancelled(_) | Event::Edited | Event::Returned { .. }) {
                back += net;
            }
            // No piece's share is told twice, whatever was cancelled before or after something was sent.
            let all = |first: fn(&Pieces) -> i64, second: fn(&Pieces) -> i64| {
                change.life.lines.iter().all(|line| first(&line.pieces) == second(&line.pieces))
            };
            prop_assert_eq!(whole - cancelled, change.life.due());
            prop_assert!(sent + cancelled <= whole && arrived <= sent && returned <= arrived);
            if all(|it| it.shipped + it.cancelled, |it| it.ordered) {
                prop_assert_eq!(sent + cancelled, whole);
            }
            if all(|it| it.delivered, |it| it.shipped) {
                prop_assert_eq!(arrived, sent);
            }
            if all(|it| it.returned, |it| it.delivered) {
                prop_assert_eq!(returned, arrived);
            }
            for (before, after) in life.lines.iter().zip(&change.life.lines) {
                let rising = |of: fn(&Pieces) -> i64| of(&after.pieces) >= of(&before.pieces);
                prop_assert!(rising(|it| it.ordered) && before.price == after.price);
                prop_assert!(rising(|it| it.shipped) && rising(|it| it.delivered) && rising(|it| it.cancelled));
                prop_assert!(rising(|it| it.returned) && rising(|it| it.written_off));
            }
            let ended = |life: &Life| matches!(life.status(), Status::Cancelled | Status::Rejected);
            prop_assert!(!ended(&life) || change.life.status() == life.status(), "an end is final");
            // The last pieces of every line went back, by whatever steps: then all that was due has.
            if change.life.lines.iter().all(|line| line.pieces.cancelled + line.pieces.returned == line.pieces.ordered) {
                prop_assert_eq!(back, whole);
            }
            life = change.life;
        }
    }

    /// What catalog can say about one order, in any order and any number of times, ends in the same status.
    #[test]
    fn shuffled_and_doubled_answers_end_in_one_status(
        history in prop::sample::select(vec![
            vec![Trigger::Reserved],
            vec![Trigger::Rejected(Vec::new())],
            vec![Trigger::Reserved, Trigger::ReservationLost],
            vec![Trigger::Reserved, Trigger::ShopperCancels],
            vec![Trigger::Reserved, Trigger::StaffCancels, Trigger::ReservationLost],
        ]),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let step = |life: Life, on: &Trigger| decide(&life, on).ok().flatten().map_or(life, |change| change.life);
        let straight = history.iter().fold(placed(&[2]), step).status();
        let mut shuffled: Vec<Trigger> = picks.iter().map(|pick| pick.get(&history).clone()).collect();
        // Each answer comes at least once; the extra ones stand anywhere before.
        shuffled.extend(history.iter().rev().cloned());
        let crooked = shuffled.iter().fold(placed(&[2]), step).status();
        prop_assert_eq!(crooked, straight);
        prop_assert!(crooked != Status::Pending);
    }
}
