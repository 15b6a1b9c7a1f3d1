//! The status machine of an order. The rule: [`decide`] has an effect for every pair of status and trigger, and nothing
//! else says what an order becomes.

use contracts::order::Cause;
use kernel::{Malformed, parse_name};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray, VariantNames};

/// Where an order stands.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Status {
    /// Placed; catalog has not answered yet.
    Pending,
    /// Every line is reserved.
    Confirmed,
    /// Catalog rejected it; the reasons are stored.
    Rejected,
    /// Cancelled by somebody, by its deadline or by the loss of its reservation.
    Cancelled,
}

impl Status {
    /// The status as it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Reads a status.
    ///
    /// # Errors
    /// `Malformed` when there is no such status.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        parse_name("order status", text)
    }

    /// Whether placing has come to its end: catalog's answer is known or no longer matters.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Pending)
    }
}

/// Whether the order is paid for. Payment is not connected yet: every order is unpaid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumString, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum PaymentStatus {
    /// Nothing was received.
    Unpaid,
    /// The total was received.
    Paid,
}

impl PaymentStatus {
    /// Reads a payment status.
    ///
    /// # Errors
    /// `Malformed` when there is no such status.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        parse_name("payment status", text)
    }
}

/// Whether the goods have left. Shipping is not connected yet: every order is unfulfilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumString, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum FulfilmentStatus {
    /// Nothing was shipped.
    Unfulfilled,
    /// Every line was shipped.
    Fulfilled,
}

impl FulfilmentStatus {
    /// Reads a fulfilment status.
    ///
    /// # Errors
    /// `Malformed` when there is no such status.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        parse_name("fulfilment status", text)
    }
}

/// What can happen to an order after it was placed. Its name is the cause that the history states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Trigger {
    /// Catalog answered: reserved.
    Reserved,
    /// Catalog answered: rejected.
    #[strum(serialize = "refused")]
    Rejected,
    /// Catalog says that the reservation is gone: it expired, before the confirmation or without one.
    #[strum(serialize = "reservation-expired")]
    ReservationLost,
    /// The sweep found the order past its deadline.
    #[strum(serialize = "deadline")]
    DeadlinePassed,
    /// The holder of the order token cancels.
    #[strum(serialize = "shopper")]
    ShopperCancels,
    /// A member of the organisation cancels.
    #[strum(serialize = "staff")]
    StaffCancels,
}

impl Trigger {
    /// The cause as it stands in the history.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What an effect depends on besides the status and the trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Whether it is paid for.
    pub payment: PaymentStatus,
    /// Whether the goods have left.
    pub fulfilment: FulfilmentStatus,
    /// Whether the deadline has passed, by the database's clock.
    pub overdue: bool,
}

/// What a trigger does. A change of the status and the event that is published about it are one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The order becomes confirmed.
    Confirm,
    /// The order becomes rejected.
    Reject,
    /// The order becomes cancelled, by this cause.
    Cancel(Cause),
    /// The status stays: the trigger came twice or too late. It succeeds without effect.
    Keep,
    /// The status stays, and whoever asked is told that the order cannot be cancelled.
    Refuse,
}

/// What a trigger does to an order with this status and these facts. A trigger that comes twice or too late succeeds
/// without effect; only a person who asks for the impossible is refused.
#[must_use]
pub fn decide(from: Status, on: Trigger, facts: &Facts) -> Effect {
    use Status::{Cancelled, Confirmed, Pending, Rejected};
    let unpaid = facts.payment == PaymentStatus::Unpaid;
    let unshipped = facts.fulfilment == FulfilmentStatus::Unfulfilled;
    match (from, on) {
        (Pending, Trigger::Reserved) => Effect::Confirm,
        (Pending, Trigger::Rejected) => Effect::Reject,
        (Pending, Trigger::ReservationLost) => Effect::Cancel(Cause::ReservationExpired),
        (Pending, Trigger::DeadlinePassed) if facts.overdue => Effect::Cancel(Cause::Deadline),
        (Pending, Trigger::ShopperCancels) => Effect::Cancel(Cause::Shopper),
        (Pending, Trigger::StaffCancels) => Effect::Cancel(Cause::Staff),
        (Confirmed, Trigger::ReservationLost) if unshipped => Effect::Cancel(Cause::ReservationExpired),
        // Money that was received goes back by a person's decision, never by the shopper's click alone.
        (Confirmed, Trigger::ShopperCancels) if unshipped && unpaid => Effect::Cancel(Cause::Shopper),
        (Confirmed, Trigger::StaffCancels) if unshipped => Effect::Cancel(Cause::Staff),
        (Confirmed | Rejected, Trigger::ShopperCancels | Trigger::StaffCancels) => Effect::Refuse,
        (Confirmed | Rejected, Trigger::Reserved | Trigger::Rejected | Trigger::ReservationLost)
        | (Pending | Confirmed | Rejected, Trigger::DeadlinePassed)
        | (Cancelled, _) => Effect::Keep,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPEN: Facts =
        Facts { payment: PaymentStatus::Unpaid, fulfilment: FulfilmentStatus::Unfulfilled, overdue: true };

    fn trigger() -> impl Strategy<Value = Trigger> {
        prop::sample::select(Trigger::VARIANTS.to_vec())
    }

    fn facts() -> impl Strategy<Value = Facts> {
        (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(paid, shipped, overdue)| Facts {
            payment: if paid { PaymentStatus::Paid } else { PaymentStatus::Unpaid },
            fulfilment: if shipped { FulfilmentStatus::Fulfilled } else { FulfilmentStatus::Unfulfilled },
            overdue,
        })
    }

    fn step(status: Status, on: Trigger, facts: &Facts) -> Status {
        match decide(status, on, facts) {
            Effect::Confirm => Status::Confirmed,
            Effect::Reject => Status::Rejected,
            Effect::Cancel(_) => Status::Cancelled,
            Effect::Keep | Effect::Refuse => status,
        }
    }

    #[test]
    fn every_pair_of_status_and_trigger_has_its_effect() {
        use Effect::{Cancel, Confirm, Keep, Refuse, Reject};
        let (lost, deadline) = (Cancel(Cause::ReservationExpired), Cancel(Cause::Deadline));
        let (shopper, staff) = (Cancel(Cause::Shopper), Cancel(Cause::Staff));
        let effects = |from: &Status| Trigger::VARIANTS.iter().map(|on| decide(*from, *on, &OPEN)).collect::<Vec<_>>();
        // A line for each status, a column for each trigger, in the order in which they are declared.
        assert_eq!(
            <Status as VariantArray>::VARIANTS.iter().map(effects).collect::<Vec<_>>(),
            [
                [Confirm, Reject, lost, deadline, shopper, staff],
                [Keep, Keep, lost, Keep, shopper, staff],
                [Keep, Keep, Keep, Keep, Refuse, Refuse],
                [Keep, Keep, Keep, Keep, Keep, Keep],
            ]
        );
    }

    #[test]
    fn what_the_facts_forbid_has_no_effect_and_is_refused_to_people() {
        let shipped = Facts { fulfilment: FulfilmentStatus::Fulfilled, ..OPEN };
        let paid = Facts { payment: PaymentStatus::Paid, ..OPEN };
        let early = Facts { overdue: false, ..OPEN };
        assert_eq!(decide(Status::Pending, Trigger::DeadlinePassed, &early), Effect::Keep);
        assert_eq!(decide(Status::Confirmed, Trigger::ReservationLost, &shipped), Effect::Keep);
        assert_eq!(decide(Status::Confirmed, Trigger::StaffCancels, &shipped), Effect::Refuse);
        assert_eq!(decide(Status::Confirmed, Trigger::ShopperCancels, &paid), Effect::Refuse);
        assert_eq!(decide(Status::Confirmed, Trigger::StaffCancels, &paid), Effect::Cancel(Cause::Staff));
    }

    #[test]
    fn the_stored_names_are_the_ones_that_the_migrations_allow() {
        let names = |triggers: &[Trigger]| triggers.iter().map(|on| on.as_str()).collect::<Vec<_>>();
        assert_eq!(
            names(Trigger::VARIANTS),
            ["reserved", "refused", "reservation-expired", "deadline", "shopper", "staff"]
        );
        assert_eq!(<Status as VariantNames>::VARIANTS, ["pending", "confirmed", "rejected", "cancelled"]);
        assert_eq!(Cause::VARIANTS, ["shopper", "staff", "deadline", "reservation-expired"]);
        assert_eq!(Status::parse(Status::Confirmed.as_str()), Ok(Status::Confirmed));
        assert!(Status::parse("Pending").is_err());
    }

    proptest! {
        /// Any sequence of triggers, duplicated and shuffled as it may be.
        #[test]
        fn no_sequence_leaves_a_final_status_or_moves_more_than_twice(
            sequence in prop::collection::vec((trigger(), facts()), 0..40),
        ) {
            let (mut status, mut moves) = (Status::Pending, 0);
            for (on, facts) in sequence {
                let next = step(status, on, &facts);
                if next != status {
                    moves += 1;
                    prop_assert!(
                        matches!(
                            (status, next),
                            (Status::Pending, _) | (Status::Confirmed, Status::Cancelled)
                        ),
                        "{status:?} became {next:?}"
                    );
                }
                status = next;
            }
            prop_assert!(moves <= 2);
        }

        /// Repeating a trigger right after it changes nothing and refuses nobody whom it served.
        #[test]
        fn a_repeated_trigger_succeeds_without_effect(
            sequence in prop::collection::vec(trigger(), 0..20), last in trigger(), facts in facts(),
        ) {
            let status = sequence.into_iter().fold(Status::Pending, |status, on| step(status, on, &OPEN));
            let once = step(status, last, &facts);
            prop_assert_eq!(step(once, last, &facts), once);
            if once != status {
                prop_assert_eq!(decide(once, last, &facts), Effect::Keep);
            }
        }

        /// What catalog can say about one order, in any order and any number of times, ends in the same status.
        #[test]
        fn shuffled_and_doubled_answers_end_in_one_status(
            history in prop::sample::select(vec![
                vec![Trigger::Reserved],
                vec![Trigger::Rejected],
                vec![Trigger::Reserved, Trigger::ReservationLost],
                vec![Trigger::Reserved, Trigger::ShopperCancels],
                vec![Trigger::Reserved, Trigger::StaffCancels, Trigger::ReservationLost],
            ]),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let straight = history.iter().fold(Status::Pending, |status, on| step(status, *on, &OPEN));
            let mut shuffled: Vec<Trigger> = picks.iter().map(|pick| *pick.get(&history)).collect();
            // Each answer comes at least once; the extra ones stand anywhere before.
            shuffled.extend(history.iter().rev().copied());
            let crooked = shuffled.iter().fold(Status::Pending, |status, on| step(status, *on, &OPEN));
            prop_assert_eq!(crooked, straight);
            prop_assert!(crooked.is_settled());
        }
    }
}
