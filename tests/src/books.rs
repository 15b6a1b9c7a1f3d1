//! The money of every order, kept a second time: from the signed lines of its events alone, and from its rows alone (I12).
//! The rule it keeps: amounts are integers in minor units, and the two sides share no code with the service or with each other.

use std::collections::{BTreeMap, BTreeSet};

use contracts::order::{Amounts, MovedLine, OrderEvent, PaymentKind, Standing};
use kernel::{Money, SignedMoney};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::must;

/// What an order comes to and what moved, in minor units of one currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Every currency that any amount is in.
    currencies: BTreeSet<String>,
    /// What was placed, with what was added since.
    total: i64,
    /// What is left of that once what was taken off and cancelled is gone.
    stands: i64,
    /// What the pieces came to that came back; not positive.
    returned: i64,
    promised: i64,
    received: i64,
    /// Not positive.
    given_back: i64,
}

/// The sums of one order, entered event by event.
#[derive(Debug, Default)]
pub(crate) struct Book {
    sums: Sums,
}

impl Book {
    /// Enters an event that was not entered before; what contradicts itself or what was entered so far, in words.
    pub(crate) fn enter(&mut self, event: &OrderEvent) -> Vec<String> {
        let mut wrong = Vec::new();
        match event {
            OrderEvent::Placed(it) => {
                let lines = it.standing.iter().flat_map(|standing| &standing.lines);
                let placed: i64 = lines.map(|line| line.amounts.net.minor()).sum();
                self.note(it.total.into());
                self.sums.total += placed;
                self.sums.stands += placed;
                if placed != it.total.minor() {
                    wrong.push(format!("was placed for {}, its lines for {placed}", it.total));
                }
            }
            OrderEvent::Edited(it) => {
                let changed = self.moved(&it.lines, &mut wrong);
                self.sums.stands += changed;
                if it.addition.is_some() {
                    self.sums.total += changed;
                }
                if (changed < 0) == it.addition.is_some() && changed != 0 {
                    wrong.push(format!("was edited by {changed}, the addition being {:?}", it.addition));
                }
            }
            OrderEvent::Cancelled(it) => self.sums.stands += self.moved_back(&it.lines, &mut wrong),
            OrderEvent::LinesCancelled(it) => self.sums.stands += self.moved_back(&it.lines, &mut wrong),
            OrderEvent::Returned(it) => self.sums.returned += self.moved_back(&it.lines, &mut wrong),
            OrderEvent::PaymentRecorded(it) => {
                self.note(it.amount.into());
                match it.kind {
                    PaymentKind::Authorised => self.sums.promised += it.amount.minor(),
                    PaymentKind::Received => self.sums.received += it.amount.minor(),
                }
            }
            OrderEvent::Refunded(it) => {
                self.note(it.amount);
                self.sums.given_back += it.amount.minor();
                if it.amount.minor() > 0 {
                    wrong.push(format!("was given back {}, which is no step back", it.amount));
                }
            }
            _ => {}
        }
        if let Some(standing) = event.standing() {
            self.stands_as_told(standing, &mut wrong);
        }
        wrong
    }

    /// What the order's events say of its money.
    pub(crate) fn close(self) -> Sums {
        self.sums
    }

    fn note(&mut self, amount: SignedMoney) {
        self.sums.currencies.insert(amount.currency().code().to_owned());
    }

    fn adds_up(&mut self, amounts: &Amounts, wrong: &mut Vec<String>) -> i64 {
        let Amounts { gross, discount, tax, shipping, net } = amounts;
        for amount in [gross, discount, tax, shipping, net] {
            self.note(*amount);
        }
        let sum = gross.minor() - discount.minor() + tax.minor() + shipping.minor();
        if sum != net.minor() {
            wrong.push(format!("has a line of {net} whose parts come to {sum}"));
        }
        net.minor()
    }

    fn moved(&mut self, lines: &[MovedLine], wrong: &mut Vec<String>) -> i64 {
        lines.iter().map(|line| self.adds_up(&line.amounts, wrong)).sum()
    }

    fn moved_back(&mut self, lines: &[MovedLine], wrong: &mut Vec<String>) -> i64 {
        let sum = self.moved(lines, wrong);
        if sum > 0 {
            wrong.push(format!("went back by {sum}, which is no step back"));
        }
        sum
    }

    /// What an event says of where the order stands is what was entered so far.
    fn stands_as_told(&mut self, standing: &Standing, wrong: &mut Vec<String>) {
        let lines: i64 = standing.lines.iter().map(|line| self.adds_up(&line.amounts, wrong)).sum();
        let mut told = |what: &str, told: Money, entered: i64| {
            if told.minor() != entered {
                wrong.push(format!("is said to have {what} {told} where its events have {entered}"));
            }
        };
        let Sums { total, promised, received, given_back, .. } = self.sums;
        told("come to", standing.total, total);
        told("come to", standing.total, lines);
        told("promised", standing.authorised, promised);
        told("paid", standing.paid, received);
        told("given back", standing.refunded, -given_back);
    }
}

/// What the rows of every order say of its money. Of an amount of a whole line, the first pieces have their part rounded down.
pub(crate) async fn of_rows(client: &Client) -> BTreeMap<Uuid, Sums> {
    let part = |pieces: &str| {
        let cut = |amount: &str| format!("l.{amount} * ({pieces}) / l.quantity");
        let (discount, tax, shipping) = (cut("discount_minor"), cut("tax_minor"), cut("shipping_minor"));
        format!("(l.unit_price_minor * ({pieces}) - {discount} + {tax} + {shipping})")
    };
    let statement = format!(
        "select o.id::text, o.currency, o.total_minor, l.stands, -l.returned, o.authorised_minor, o.paid_minor, -o.refunded_minor
           from \"order\".orders o
           join (select l.org_id, l.order_id, sum({})::bigint as stands, sum({})::bigint as returned
                   from \"order\".order_lines l group by l.org_id, l.order_id) l on l.org_id = o.org_id and l.order_id = o.id",
        part("l.quantity - l.cancelled"),
        part("l.returned"),
    );
    let rows = must(client.query(&statement, &[]).await, "read the money of the orders");
    let sums = |row: &tokio_postgres::Row| Sums {
        currencies: BTreeSet::from([row.get(1)]),
        total: row.get(2),
        stands: row.get(3),
        returned: row.get(4),
        promised: row.get(5),
        received: row.get(6),
        given_back: row.get(7),
    };
    rows.iter().map(|row| (must(row.get::<_, &str>(0).parse(), "read an id"), sums(row))).collect()
}
