//! The price of a variant against a naive evaluation, and what a price must be.

use chrono::{DateTime, Duration};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::parse("USD").unwrap()).unwrap()
}

fn at(second: i64) -> Timestamp {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

fn channel(number: u8) -> Option<ChannelCode> {
    (number > 0).then(|| ChannelCode::parse(&format!("channel-{number}")).unwrap())
}

/// `channel` 0 is every channel; `length` 0 is without end.
fn window(id: u128, of: u8, from: i64, length: i64) -> PriceWindow {
    PriceWindow {
        id: PriceId::from_uuid(Uuid::from_u128(id)),
        channel: channel(of),
        amount: usd(i64::try_from(id).unwrap()),
        from: at(from),
        until: (length > 0).then(|| at(from + length)),
    }
}

fn base_change(id: u128, second: i64, former: i64) -> BaseChange {
    BaseChange { id: PriceId::from_uuid(Uuid::from_u128(id)), at: at(second), former: usd(former) }
}

#[test]
fn of_two_changes_at_one_moment_the_first_says_what_was_before() {
    let (first, second) = (base_change(1, 10, 100), base_change(2, 10, 200));
    for changes in [[first, second], [second, first]] {
        assert_eq!(price(usd(300), &changes, [], None, at(9)).amount, usd(100), "{changes:?}");
        assert_eq!(price(usd(300), &changes, [], None, at(10)).amount, usd(300), "{changes:?}");
    }
}

/// Plays the seconds one by one. Whoever begins is put on top of its channel's pile, and whoever ends is taken out of it: the
/// price is what lies on top of the channel's own pile, else of the pile for all, else the base price at that second.
fn naive(base: &[i64], windows: &[PriceWindow], of: Option<&ChannelCode>, second: i64) -> Money {
    let (mut own, mut all): (Vec<&PriceWindow>, Vec<&PriceWindow>) = (Vec::new(), Vec::new());
    let mut in_order: Vec<&PriceWindow> = windows.iter().collect();
    in_order.sort_by_key(|window| window.id);
    for now in 0..=second {
        for pile in [&mut own, &mut all] {
            pile.retain(|window| window.until != Some(at(now)));
        }
        for window in in_order.iter().filter(|window| window.from == at(now)) {
            match &window.channel {
                None => all.push(window),
                named if named.as_ref() == of => own.push(window),
                Some(_) => {}
            }
        }
    }
    let current = usd(base[usize::try_from(second).unwrap()]);
    own.last().or(all.last()).map_or(current, |window| window.amount)
}

proptest! {
    #[test]
    fn the_price_is_that_of_a_naive_evaluation(
        rows in prop::collection::vec((0_u8..3, 0_i64..30, 0_i64..20), 0..12),
        base in prop::collection::vec(0_i64..3, 40..=40),
        of in 0_u8..4,
        second in 0_i64..40,
        shuffle: u64,
    ) {
        let mut windows: Vec<PriceWindow> =
            (10_u128..).zip(rows).map(|(id, (of, from, length))| window(id, of, from, length)).collect();
        let expected = naive(&base, &windows, channel(of).as_ref(), second);
        let changes: Vec<BaseChange> = (0_i64..)
            .zip(base.windows(2))
            .filter(|(_, pair)| pair[0] != pair[1])
            .map(|(before, pair)| base_change(1, before + 1, pair[0]))
            .collect();
        windows.sort_by_key(|window| window.id.uuid().as_u128().wrapping_mul(u128::from(shuffle | 1)) % 101);
        let applied = price(usd(base[39]), &changes, &windows, channel(of).as_ref(), at(second));
        prop_assert_eq!(applied.amount, expected);
    }

    #[test]
    fn between_two_boundaries_no_price_changes(
        rows in prop::collection::vec((0_u8..3, 0_i64..30, 0_i64..20), 0..12),
        of in 0_u8..4,
        second in 0_i64..40,
    ) {
        let windows: Vec<PriceWindow> =
            (10_u128..).zip(rows).map(|(id, (of, from, length))| window(id, of, from, length)).collect();
        let of = channel(of);
        let next = windows.iter().filter_map(|window| window.next_boundary(at(second))).min();
        let cost = |time| price(usd(1), &[], &windows, of.as_ref(), time);
        let last = next.unwrap_or(at(100)) - Duration::microseconds(1);
        prop_assert!(last >= at(second));
        prop_assert_eq!(cost(at(second)), cost(last));
    }
}

#[test]
fn a_price_counts_from_its_first_moment_to_just_before_its_last() {
    let windows = [window(10, 0, 5, 5)];
    let cost = |time| price(usd(1), &[], &windows, None, time).amount;
    let instant = Duration::microseconds(1);
    assert_eq!([cost(at(5) - instant), cost(at(5)), cost(at(10) - instant), cost(at(10))], [1, 10, 10, 1].map(usd));
}

#[test]
fn a_channels_own_price_goes_before_one_for_every_channel_that_began_later() {
    let windows = [window(10, 1, 0, 0), window(20, 0, 5, 0)];
    let cost = |of: u8| price(usd(1), &[], &windows, channel(of).as_ref(), at(9)).amount;
    assert_eq!([cost(1), cost(2), cost(0)], [10, 20, 20].map(usd));
}

#[test]
fn of_two_prices_the_one_that_began_last_counts_and_then_the_other_one_again() {
    let windows = [window(10, 0, 0, 100), window(20, 0, 10, 10)];
    let cost = |second| price(usd(1), &[], &windows, None, at(second)).amount;
    assert_eq!([cost(9), cost(10), cost(19), cost(20), cost(100)], [10, 20, 20, 10, 1].map(usd));
}

#[test]
fn the_base_price_of_the_past_is_what_it_was() {
    let changes = [base_change(2, 20, 2), base_change(1, 10, 1)];
    let cost = |second| price(usd(3), &changes, &[], None, at(second)).amount;
    assert_eq!([cost(0), cost(9), cost(10), cost(19), cost(20)], [1, 1, 2, 2, 3].map(usd));
}

#[test]
fn what_cannot_be_a_price_is_refused_with_every_fault() {
    let (now, dollars) = (at(0), Currency::parse("USD").unwrap());
    let new = |from: Option<i64>, until: Option<i64>| NewPrice {
        channel: None,
        amount: usd(1),
        from: from.map(|seconds| now + Duration::seconds(seconds)),
        until: until.map(|seconds| now + Duration::seconds(seconds)),
    };
    let window = new(None, Some(1)).window(dollars, now).unwrap();
    assert_eq!((window.from, window.next_boundary(now)), (now, window.until));
    let fields = |new: NewPrice| -> Vec<&'static str> {
        new.window(dollars, now).unwrap_err().iter().map(PriceFault::field).collect()
    };
    assert_eq!(fields(new(Some(-1), None)), ["valid_from"]);
    assert_eq!(fields(new(Some(5), Some(5))), ["valid_until"]);
    assert_eq!(fields(new(None, Some(0))), ["valid_until"]);
    let far = FURTHEST.num_seconds() + 1;
    assert_eq!(fields(new(Some(far), Some(far + 1))), ["valid_from", "valid_until"]);
    let dong = Money::from_minor(5, Currency::parse("VND").unwrap()).unwrap();
    assert_eq!(fields(NewPrice { amount: dong, ..new(Some(-1), Some(-2)) }), ["price", "valid_from", "valid_until"]);
}
