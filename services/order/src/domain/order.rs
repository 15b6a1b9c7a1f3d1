//! The order as transitions see it. The rules: the version rises by one with every transition, and each transition is one event and
//! one entry of the history.

use contracts::catalog::Reason;
use contracts::order::{
    FulfilmentStatus, LineStanding, MovedLine, PaymentStatus, RestockedLine, Source, Standing, Status, StockPolicy,
};
use kernel::{
    BuyerId, ChannelCode, CustomerId, Malformed, Money, OrderId, OrganisationId, ProductId, Quantity, Sku, Timestamp,
    VariantId,
};
use serde::{Deserialize, Serialize};

use super::{
    addition::{AddedLine, Addition, AdditionEnd, Edit, EditedLine},
    amounts::{Direction, Range},
    draft::{DraftError, Fault, LINE_LIMIT, LineTerms, RequestedLine},
    life::{Action, Change, Event, Life, LineLife, Refusal, Requester, Selection, Trigger, decide},
    parcel::SkuPieces,
    timeline::Details,
    view::OrderView,
    wording::Remark,
};
use crate::error::Error;

/// What a line is a line of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goods {
    /// The SKU.
    pub sku: Sku,
    /// Its product.
    pub product: ProductId,
    /// Its variant.
    pub variant: VariantId,
    /// The product's version that its price is of.
    pub product_version: i64,
}

/// One transition: an entry of the history and an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Whose order it is.
    pub organisation: OrganisationId,
    /// The order.
    pub order: OrderId,
    /// When, by the database's clock.
    pub at: Timestamp,
    /// The order's version after the transition.
    pub version: i64,
    /// The status before.
    pub from: Status,
    /// What triggered the transition, as the history states it.
    pub cause: &'static str,
    /// Why, in somebody's words.
    pub reason: Option<Remark>,
    /// What other services hear of.
    pub event: Event,
    /// The pieces that it happened to.
    pub moved: Vec<MovedLine>,
    /// Those of them that can be sold again.
    pub restocked: Vec<RestockedLine>,
    /// The addition that was asked for or ended.
    pub addition: Option<Addition>,
    /// Where the order stands now.
    pub standing: Standing,
}

impl Step {
    /// What the history keeps besides the statuses.
    #[must_use]
    pub fn details(&self) -> Details {
        Details::of(self)
    }

    /// How an addition ended by it, if one did. What ends the order ends its addition.
    #[must_use]
    pub fn ended_addition(&self) -> Option<(&Addition, AdditionEnd)> {
        let end = match &self.event {
            Event::AdditionRequested(_) => return None,
            Event::AdditionGiven(_) => AdditionEnd::Given,
            Event::AdditionRefused(_, reasons) => AdditionEnd::Refused(reasons.clone()),
            Event::AdditionWithdrawn(_) => AdditionEnd::Refused(Vec::new()),
            _ => AdditionEnd::Refused(vec![Reason::OrderCancelled]),
        };
        self.addition.as_ref().map(|addition| (addition, end))
    }
}

/// The aggregate: what transitions read and change. [`OrderView`] is what clients see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub(crate) organisation: OrganisationId,
    pub(crate) id: OrderId,
    /// The time of the transaction that has locked it.
    pub(crate) now: Timestamp,
    pub(crate) version: i64,
    /// Its deadline has passed, by the database's clock.
    pub(crate) overdue: bool,
    /// Its number in the organisation; none where a replica of the release before placed it.
    pub(crate) number: Option<i64>,
    pub(crate) source: Source,
    pub(crate) stock: StockPolicy,
    pub(crate) channel: ChannelCode,
    pub(crate) customer: Option<CustomerId>,
    pub(crate) buyer: Option<BuyerId>,
    pub(crate) total: Money,
    /// What each line of `life` is of.
    pub(crate) goods: Vec<Goods>,
    /// What `life` waits for, in full.
    pub(crate) addition: Option<Addition>,
    pub(crate) life: Life,
}

impl Order {
    /// An order that was just placed.
    #[must_use]
    pub fn placed(
        organisation: OrganisationId,
        (customer, buyer): (Option<CustomerId>, Option<BuyerId>),
        view: &OrderView,
    ) -> Self {
        let goods = |line: &super::Line| Goods {
            sku: line.sku.clone(),
            product: line.product,
            variant: line.variant,
            product_version: line.product_version,
        };
        Self {
            organisation,
            id: view.id,
            now: view.updated_at,
            version: view.version,
            overdue: false,
            number: view.number,
            source: view.source,
            stock: view.sold_elsewhere.as_ref().map(|sold| sold.stock).unwrap_or_default(),
            channel: view.channel.clone(),
            customer,
            buyer,
            total: view.total,
            goods: view.lines.iter().map(goods).collect(),
            addition: None,
            life: Life::of(view.source, &view.lines),
        }
    }

    /// Whose order it is, and which.
    #[must_use]
    pub fn key(&self) -> (OrganisationId, OrderId) {
        (self.organisation, self.id)
    }

    /// The order's status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.life.status()
    }

    /// Whether pieces of it are still to leave.
    #[must_use]
    pub fn has_unsent(&self) -> bool {
        self.life.has_unsent()
    }

    /// Whether the goods have left.
    #[must_use]
    pub fn fulfilment(&self) -> FulfilmentStatus {
        self.life.fulfilment()
    }

    /// Whether it is paid for.
    #[must_use]
    pub fn payment(&self) -> PaymentStatus {
        self.life.payment()
    }

    /// Cancels the order because its deadline has passed. `None` when it was settled in time or the deadline is still to come.
    ///
    /// # Errors
    /// `Corrupt` when what is stored of it cannot be told.
    pub fn expire(&mut self) -> Result<Option<Step>, Error> {
        if self.overdue { self.take(Trigger::DeadlinePassed, None) } else { Ok(None) }
    }

    /// Cancels the order because nobody has paid for it. `None` when somebody has meanwhile, or works on it, or when it was not placed in the
    /// shop. The caller has found that its time is over, which no change of the order takes back.
    ///
    /// # Errors
    /// `Corrupt` when what is stored of it cannot be told.
    pub fn expire_unpaid(&mut self) -> Result<Option<Step>, Error> {
        if self.source == Source::Shop { self.take(Trigger::UnpaidTooLong, None) } else { Ok(None) }
    }

    /// Makes a guest's order the customer's own. `None` when it is theirs already.
    ///
    /// # Errors
    /// `NotFound` when it is somebody else's, to whom it does not exist; `Corrupt` when what is stored of it cannot be told.
    pub fn claim(&mut self, customer: CustomerId) -> Result<Option<Step>, Error> {
        match self.customer {
            Some(owner) if owner == customer => Ok(None),
            Some(_) => Err(Error::NotFound { order: self.id }),
            None => {
                self.customer = Some(customer);
                self.take_from(Requester::Shopper, Trigger::Claim(customer), None)
            }
        }
    }

    /// Lets something happen to the order by catalog, the clock or staff. `None` when it came twice or too late, and changes nothing.
    ///
    /// # Errors
    /// `Impossible` when somebody asks for what cannot be done; `Corrupt` when what is stored of it cannot be told.
    pub fn take(&mut self, on: Trigger, reason: Option<Remark>) -> Result<Option<Step>, Error> {
        self.take_from(Requester::Staff, on, reason)
    }

    /// As [`Self::take`], for somebody who is told what they can do when this cannot be done.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn take_from(
        &mut self,
        requester: Requester,
        on: Trigger,
        reason: Option<Remark>,
    ) -> Result<Option<Step>, Error> {
        let from = self.status();
        let cause = on.as_str();
        let reason = reason.or_else(|| self.why_held(&on)).or_else(|| self.why_added(&on));
        let Some(Change { life, event, moved }) =
            decide(&self.life, &on).map_err(|refusal| self.impossible(requester, &refusal))?
        else {
            return Ok(None);
        };
        self.life = life;
        self.version += 1;
        let addition = self.end_addition(&event)?;
        let told = self.told(&event, &moved).map_err(|malformed| Error::corrupt(self.id, malformed))?;
        let (moved, restocked, standing) = told;
        Ok(Some(Step {
            organisation: self.organisation,
            order: self.id,
            at: self.now,
            version: self.version,
            from,
            cause,
            reason,
            event,
            moved,
            restocked,
            addition,
            standing,
        }))
    }

    /// Asks catalog for what is to be added. `None` is never the answer: an order has one addition open at a time.
    ///
    /// # Errors
    /// `Draft` when the order would have too many lines or cost more than can be counted, otherwise as [`Self::take`].
    pub fn add(&mut self, addition: Addition, reason: Option<Remark>) -> Result<Option<Step>, Error> {
        let asked = addition.asked(self.goods.iter().map(|goods| &goods.sku));
        let lines = self.goods.len() + asked.lines.len();
        if lines > LINE_LIMIT {
            return Err(DraftError::LineCount { lines }.into());
        }
        self.total_with(&addition)?;
        let step = self.take(Trigger::AddPieces(asked), reason)?;
        self.addition = Some(addition.clone());
        Ok(step.map(|step| Step { addition: Some(addition), ..step }))
    }

    /// What the order comes to with what is added.
    fn total_with(&self, addition: &Addition) -> Result<Money, Error> {
        let sum = addition.amount().and_then(|amount| self.total.minor().checked_add(amount));
        let total = sum.and_then(|sum| Money::from_minor(sum, self.total.currency()).ok());
        total.ok_or_else(|| DraftError::TotalTooLarge.into())
    }

    /// The addition that nothing waits for any more, if there is one. What was given is the order's now.
    fn end_addition(&mut self, event: &Event) -> Result<Option<Addition>, Error> {
        if self.life.addition.is_some() {
            return Ok(None);
        }
        let Some(addition) = self.addition.take() else { return Ok(None) };
        if let Event::AdditionGiven(_) = event {
            self.total = self.total_with(&addition)?;
            let is_known = |goods: &Goods| self.goods.iter().any(|known| known.sku == goods.sku);
            let new = addition.lines.iter().map(|line| &line.goods).filter(|goods| !is_known(goods));
            let new: Vec<Goods> = new.cloned().collect();
            self.goods.extend(new);
        }
        Ok(Some(addition))
    }

    /// Why catalog's answer holds an order back that was sold elsewhere.
    fn why_held(&self, on: &Trigger) -> Option<Remark> {
        let Trigger::Rejected(reasons) = on else { return None };
        if !self.life.sold_elsewhere {
            return None;
        }
        let why = reasons.iter().map(why_not).collect::<Vec<_>>().join("; ");
        let text: String = format!("catalog did not reserve it: {why}").chars().take(Remark::LIMIT).collect();
        Remark::parse(&text).ok()
    }

    /// Why staff wanted what catalog has given.
    fn why_added(&self, on: &Trigger) -> Option<Remark> {
        let Trigger::AdditionGiven(_) = on else { return None };
        self.addition.as_ref()?.reason.clone()
    }

    fn told(
        &self,
        event: &Event,
        moved: &[Range],
    ) -> Result<(Vec<MovedLine>, Vec<RestockedLine>, Standing), Malformed> {
        let restocked = match event {
            Event::Returned { restocked, .. } => self.pieces(restocked)?,
            _ => Vec::new(),
        };
        let restocked = restocked.into_iter().map(|SkuPieces { sku, quantity }| RestockedLine { sku, quantity });
        Ok((self.moved(event, moved)?, restocked.collect(), self.standing()?))
    }

    fn moved(&self, event: &Event, moved: &[Range]) -> Result<Vec<MovedLine>, Malformed> {
        let (currency, direction) = (self.total.currency(), event.direction());
        // What is taken off or added to a line stays what it is in sum, so pieces that are added bring nothing of it.
        let price = |line: &LineLife| match event {
            Event::AdditionGiven(_) => line.price.plain(),
            _ => line.price,
        };
        let lines = self.goods.iter().zip(&self.life.lines).zip(moved).filter(|(_, range)| range.count > 0);
        lines
            .map(|((goods, line), range)| {
                Ok(MovedLine {
                    sku: goods.sku.clone(),
                    quantity: Quantity::new(range.count)?,
                    amounts: price(line).amounts(line.pieces.ordered, *range, direction, currency)?,
                    cost: line.price.cost(*range, direction, currency)?,
                })
            })
            .collect()
    }

    /// Where the order stands, as other services hear it.
    ///
    /// # Errors
    /// When a stored amount cannot be told.
    pub fn standing(&self) -> Result<Standing, Malformed> {
        let currency = self.total.currency();
        let money = |minor| Money::from_minor(minor, currency);
        let line = |(goods, line): (&Goods, &LineLife)| {
            let all = Range { before: 0, count: line.pieces.ordered };
            Ok(LineStanding {
                sku: goods.sku.clone(),
                product: goods.product,
                variant: goods.variant,
                unit_price: money(line.price.unit)?,
                unit_cost: line.price.cost.map(money).transpose()?,
                amounts: line.price.amounts(line.pieces.ordered, all, Direction::Forth, currency)?,
                pieces: line.pieces,
            })
        };
        Ok(Standing {
            number: self.number,
            source: self.source,
            stock: self.stock,
            oversold: self.life.oversold,
            status: self.status(),
            payment: self.payment(),
            fulfilment: self.fulfilment(),
            channel: self.channel.clone(),
            customer: self.customer,
            buyer: self.buyer,
            total: self.total,
            authorised: money(self.life.funds.authorised)?,
            paid: money(self.life.funds.received)?,
            refunded: money(self.life.funds.refunded)?,
            lines: self.goods.iter().zip(&self.life.lines).map(line).collect::<Result<_, Malformed>>()?,
        })
    }

    /// What somebody names by SKU, line by line.
    ///
    /// # Errors
    /// `NotOfOrder` when the order has no line of a SKU.
    pub fn selection(&self, wanted: &[SkuPieces]) -> Result<Selection, Error> {
        let mut selection = vec![0_i64; self.goods.len()];
        for SkuPieces { sku, quantity } in wanted {
            let line = self.goods.iter().position(|goods| goods.sku == *sku);
            let place = line.and_then(|line| selection.get_mut(line));
            let place = place.ok_or_else(|| Error::NotOfOrder { order: self.id, sku: sku.clone() })?;
            *place = place.saturating_add(quantity.get());
        }
        Ok(selection)
    }

    /// What is to be taken off and added, so that the lines of these SKUs have so many pieces that are not cancelled; the others keep
    /// theirs.
    ///
    /// # Errors
    /// `NotOfOrder` when a line is to be removed that the order does not have, `PriceOfLine` when another price is stated for one that it
    /// has, `Impossible` when a SKU stands twice or nothing can be added.
    pub fn edit(&self, wanted: &[EditedLine]) -> Result<Edit, Error> {
        let nothing = || vec![0_i64; self.goods.len()];
        let mut edit = Edit { less: nothing(), more: nothing(), new: Vec::new() };
        for (place, EditedLine { sku, quantity, unit_price }) in wanted.iter().enumerate() {
            if wanted.iter().take(place).any(|before| before.sku == *sku) {
                let reason = format!("{sku} stands twice in the edit; say once how many pieces it is to have");
                return Err(self.refused(Requester::Staff, Action::Edit, reason));
            }
            let mut lines = self.goods.iter().zip(&self.life.lines).enumerate();
            let Some((known, (_, LineLife { pieces, price }))) = lines.find(|(_, (goods, _))| goods.sku == *sku) else {
                let not_of_order = |_| Error::NotOfOrder { order: self.id, sku: sku.clone() };
                let quantity = Quantity::new(*quantity).map_err(not_of_order)?;
                let terms = LineTerms { unit_price: *unit_price, ..LineTerms::default() };
                edit.new.push((place, RequestedLine { sku: sku.clone(), quantity, shown: None, terms }));
                continue;
            };
            let its = Money::from_minor(price.unit, self.total.currency()).ok();
            if unit_price.is_some() && *unit_price != its {
                return Err(Error::PriceOfLine { order: self.id, line: place, sku: sku.clone() });
            }
            let more = quantity - (pieces.ordered - pieces.cancelled);
            for (selection, count) in [(&mut edit.less, -more), (&mut edit.more, more)] {
                if let Some(pieces) = selection.get_mut(known) {
                    *pieces = count.max(0);
                }
            }
        }
        if edit.adds() {
            self.life.can_be_added_to().map_err(|refusal| self.impossible(Requester::Staff, &refusal))?;
        }
        Ok(edit)
    }

    /// More pieces of its lines, at the prices that they have.
    ///
    /// # Errors
    /// When a line would get more pieces than can be said, or its price cannot be, which no stored line leads to.
    pub fn more(&self, more: &Selection) -> Result<Vec<AddedLine>, Malformed> {
        let money = |minor| Money::from_minor(minor, self.total.currency());
        let lines = self.goods.iter().zip(&self.life.lines).zip(more).filter(|(_, count)| **count > 0);
        lines
            .map(|((goods, line), count)| {
                Ok(AddedLine {
                    goods: goods.clone(),
                    quantity: Quantity::new(*count)?,
                    unit_price: money(line.price.unit)?,
                    cost: line.price.cost.map(money).transpose()?,
                    begins: None,
                })
            })
            .collect()
    }

    /// A selection by SKU; lines with no piece in it are left out.
    ///
    /// # Errors
    /// When a line has more pieces than can be said.
    pub fn pieces(&self, selection: &Selection) -> Result<Vec<SkuPieces>, Malformed> {
        let lines = self.goods.iter().zip(selection).filter(|(_, count)| **count > 0);
        lines.map(|(goods, count)| Ok(SkuPieces { sku: goods.sku.clone(), quantity: Quantity::new(*count)? })).collect()
    }

    fn impossible(&self, requester: Requester, refusal: &Refusal) -> Error {
        let sku = |line: usize| self.goods.get(line).map_or_else(String::new, |goods| goods.sku.to_string());
        let (action, reason) = match refusal {
            Refusal::NotNow { action } => (*action, self.why_not_now(*action)),
            Refusal::LastPiece { action } => (
                *action,
                "no piece would be left until more is added; add first and take off then, or cancel the order"
                    .to_owned(),
            ),
            Refusal::SoldElsewhere { action } => (
                *action,
                "it was sold elsewhere, so pieces are added to it there; place another order for more".to_owned(),
            ),
            Refusal::SharedOut { action, line } => {
                let reason = format!(
                    "pieces of {} were cancelled with their share of its discount, tax or shipping; place another order for more",
                    sku(*line)
                );
                (*action, reason)
            }
            Refusal::TooMany { action, line, asked, most } => {
                (*action, format!("it can be done with {most} pieces of {} and not with {asked}", sku(*line)))
            }
            Refusal::Nothing { action } => (*action, "there is no piece to do it with".to_owned()),
            Refusal::TooMuch { action, most } => {
                let most = Money::from_minor(*most, self.total.currency())
                    .map_or_else(|_| "nothing".to_owned(), |it| it.to_string());
                (*action, format!("the amount must be more than nothing and at most {most}"))
            }
        };
        self.refused(requester, action, reason)
    }

    fn why_not_now(&self, action: Action) -> String {
        let without = Life { addition: None, ..self.life.clone() };
        match &self.life.addition {
            Some(asked) if without.permits(action) => {
                format!(
                    "its addition {} waits for catalog's answer, which takes a moment; try again then, or withdraw it",
                    asked.number
                )
            }
            _ => "that cannot be done with it now".to_owned(),
        }
    }

    /// A refusal that says what is possible.
    #[must_use]
    pub fn refused(&self, requester: Requester, action: Action, reason: String) -> Error {
        let possible = match requester {
            Requester::Staff => self.life.possible(),
            Requester::Shopper => self.life.possible_for_shopper(),
        };
        Error::Impossible(Impossible { order: self.id, status: self.status(), action, reason, possible })
    }
}

/// Somebody asked for what cannot be done with an order as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("order {order} is {status}; {action}: {reason}. Possible now: {}", list(.possible))]
pub struct Impossible {
    /// The order.
    pub order: OrderId,
    /// Its status.
    pub status: Status,
    /// What was asked for.
    pub action: Action,
    /// Why it cannot be done.
    pub reason: String,
    /// What can be done.
    pub possible: Vec<Action>,
}

/// Why catalog does not reserve something, in words.
fn why_not(reason: &Reason) -> String {
    match reason {
        Reason::UnknownSku { sku } => Fault::Unknown.reason(sku),
        Reason::OutOfStock { sku, requested, available } => {
            format!("{} of {sku} are wanted and {available} are left", requested.get())
        }
        Reason::PriceChanged { sku, offered, current } => format!("{sku} was sold for {offered} and costs {current}"),
        Reason::NotForSale { sku } => Fault::NotForSale.reason(sku),
        Reason::NotInChannel { sku } => Fault::NotInChannel.reason(sku),
        Reason::OrderCancelled => "the order had been cancelled".to_owned(),
    }
}

fn list(actions: &[Action]) -> String {
    if actions.is_empty() {
        return "nothing".to_owned();
    }
    actions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use contracts::order::Cause;
    use kernel::Currency;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::LinePrice;

    fn pending() -> Order {
        let currency = Currency::parse("USD").unwrap();
        let price = LinePrice { unit: 2_100, discount: 0, tax: 0, shipping: 0, cost: Some(900) };
        Order {
            organisation: OrganisationId::new(),
            id: OrderId::new(),
            now: kernel::Clock::now(),
            version: 1,
            overdue: true,
            number: Some(1_001),
            source: Source::Shop,
            stock: StockPolicy::default(),
            channel: ChannelCode::shop(),
            customer: None,
            buyer: None,
            total: Money::from_minor(4_200, currency).unwrap(),
            goods: vec![Goods {
                sku: Sku::parse("MUG").unwrap(),
                product: ProductId::new(),
                variant: VariantId::new(),
                product_version: 1,
            }],
            addition: None,
            life: Life::placed([(2, price)]),
        }
    }

    #[test]
    fn a_late_answer_to_a_cancelled_order_changes_nothing() {
        let mut order = pending();
        let step = order.expire().unwrap().unwrap();
        assert_eq!((step.event, step.cause, step.version), (Event::Cancelled(Cause::Deadline), "deadline", 2));
        assert_eq!((step.moved[0].quantity.get(), step.moved[0].amounts.net.minor()), (2, -4_200));
        assert_eq!(step.moved[0].cost.unwrap().minor(), -1_800);
        let before = order.clone();
        let rejected = Trigger::Rejected(vec![Reason::OrderCancelled]);
        for late in [Trigger::Reserved, rejected, Trigger::ReservationLost] {
            assert_eq!(order.take(late, None).unwrap(), None);
        }
        assert_eq!(order, before);
    }

    #[test]
    fn a_refusal_names_the_sku_and_what_is_possible() {
        let mut order = pending();
        let refused = order.take(Trigger::Pack(None), None).unwrap_err();
        let Error::Impossible(refused) = refused else { panic!("{refused}") };
        assert_eq!(refused.possible, [Action::Cancel, Action::RecordPayment]);
        order.take(Trigger::Reserved, None).unwrap();
        let refused = order.take(Trigger::Pack(Some(vec![9])), None).unwrap_err().to_string();
        assert!(refused.contains("2 pieces of MUG and not with 9"), "{refused}");
        let wanted = [SkuPieces { sku: Sku::parse("TEA").unwrap(), quantity: Quantity::new(1).unwrap() }];
        assert!(matches!(order.selection(&wanted), Err(Error::NotOfOrder { .. })));
    }

    #[test]
    fn an_order_whose_deadline_has_not_come_is_not_expired() {
        let mut order = Order { overdue: false, ..pending() };
        assert_eq!(order.expire().unwrap(), None);
        assert_eq!(order.status(), Status::Pending);
    }

    proptest! {
        /// Any sequence of answers, requests and sweeps: versions rise by one per event, and each event says where the order stands.
        #[test]
        fn versions_rise_by_one_with_every_event(happenings in prop::collection::vec(0..9_u8, 0..30)) {
            let (mut order, mut versions) = (pending(), vec![1]);
            for happening in happenings {
                let on = match happening {
                    0 => Trigger::Reserved,
                    1 => Trigger::Rejected(vec![Reason::OrderCancelled]),
                    2 => Trigger::ReservationLost,
                    3 => Trigger::DeadlinePassed,
                    8 => Trigger::UnpaidTooLong,
                    4 => Trigger::ShopperCancels,
                    5 => Trigger::StaffCancels,
                    6 => Trigger::Hold,
                    _ => Trigger::Pack(None),
                };
                if let Ok(Some(step)) = order.take(on, None) {
                    versions.push(step.version);
                    prop_assert_eq!(&step.standing, &order.standing().unwrap());
                }
            }
            prop_assert_eq!(&versions, &(1..=order.version).collect::<Vec<_>>());
        }
    }
}
