//! Packing, sending and delivering an order, and holding it back. The rule: sending a parcel whose number the carrier has given before
//! is the same sending.

use access::Permission;
use kernel::{OrderId, ParcelId};
use mediator::{Command, Tenant};
use persistence::Tx;

use super::{OrderChange, change, finish, lock};
use crate::{
    domain::{Action, Dispatch, Remark, Requester, Side, SkuPieces, Trigger},
    error::Error,
    store::parcels::{self, SentParcel},
};

/// Holds an order back.
#[derive(Debug, Clone)]
pub struct HoldOrder {
    /// The order.
    pub order: OrderId,
    /// Why.
    pub reason: Option<Remark>,
}

impl Command for HoldOrder {
    const NAME: &'static str = "order.hold-order";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        change(tx, self.order, Requester::Staff, Trigger::Hold(Side::Here), self.reason.clone()).await
    }
}

/// Lets an order be fulfilled again.
#[derive(Debug, Clone)]
pub struct ReleaseOrder {
    /// The order.
    pub order: OrderId,
    /// Why.
    pub reason: Option<Remark>,
}

impl Command for ReleaseOrder {
    const NAME: &'static str = "order.release-order";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        change(tx, self.order, Requester::Staff, Trigger::Release(Side::Here), self.reason.clone()).await
    }
}

/// Packs pieces.
#[derive(Debug, Clone)]
pub struct PackOrder {
    /// The order.
    pub order: OrderId,
    /// The pieces; `None` for all that are not packed.
    pub lines: Option<Vec<SkuPieces>>,
}

impl Command for PackOrder {
    const NAME: &'static str = "order.pack-order";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        let mut order = lock(tx, self.order).await?;
        let selection = self.lines.as_deref().map(|lines| order.selection(lines)).transpose()?;
        let step = order.take(Trigger::Pack(selection), None)?;
        finish(tx, order, step).await
    }
}

/// Sends a parcel.
#[derive(Debug, Clone)]
pub struct ShipOrder {
    /// The order.
    pub order: OrderId,
    /// What is in it; `None` for all that was not sent.
    pub lines: Option<Vec<SkuPieces>>,
    /// The parcel, and who carries it.
    pub dispatch: Dispatch,
}

impl Command for ShipOrder {
    const NAME: &'static str = "order.ship-order";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        let mut order = lock(tx, self.order).await?;
        let selection = self.lines.as_deref().map(|lines| order.selection(lines)).transpose()?;
        if let Some(sent) = parcels::find_tracked(tx, self.order, &self.dispatch).await? {
            let is_same = match &selection {
                // The rest, of which there is none any more.
                None => !order.has_unsent(),
                Some(selection) => *selection == order.selection(&sent.lines)?,
            };
            if !is_same {
                let reason = format!("parcel {} with other pieces has this tracking number", sent.id);
                return Err(order.refused(Requester::Staff, Action::Ship, reason));
            }
            return Ok(OrderChange { parcel: Some(sent.id), ..finish(tx, order, None).await? });
        }
        let Some(step) = order.take(Trigger::Ship(selection, self.dispatch.clone()), None)? else {
            if self.dispatch.tracking_number.is_some() {
                let reason = "everything was sent in parcels with other tracking numbers".to_owned();
                return Err(order.refused(Requester::Staff, Action::Ship, reason));
            }
            return finish(tx, order, None).await;
        };
        parcels::insert(tx, self.order, &self.dispatch, &step.details().lines, step.at).await?;
        let change = finish(tx, order, Some(step)).await?;
        Ok(OrderChange { parcel: Some(self.dispatch.id), ..change })
    }
}

/// Says that a parcel arrived.
#[derive(Debug, Clone, Copy)]
pub struct DeliverParcel {
    /// The order.
    pub order: OrderId,
    /// The parcel.
    pub parcel: ParcelId,
}

impl Command for DeliverParcel {
    const NAME: &'static str = "order.deliver-parcel";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        let mut order = lock(tx, self.order).await?;
        let missing = Error::ParcelNotFound { order: self.order, parcel: self.parcel };
        let SentParcel { id, lines, delivered } = parcels::find(tx, self.order, self.parcel).await?.ok_or(missing)?;
        if delivered {
            return finish(tx, order, None).await;
        }
        let step = order.take(Trigger::Deliver(order.selection(&lines)?, id), None)?;
        parcels::deliver(tx, self.order, id, order.now).await?;
        finish(tx, order, step).await
    }
}

/// Says that nothing more is expected of an order.
#[derive(Debug, Clone, Copy)]
pub struct CompleteOrder {
    /// The order.
    pub order: OrderId,
}

impl Command for CompleteOrder {
    const NAME: &'static str = "order.complete-order";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = OrderChange;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<OrderChange, Error> {
        change(tx, self.order, Requester::Staff, Trigger::Complete, None).await
    }
}
