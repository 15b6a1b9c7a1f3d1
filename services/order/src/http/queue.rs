//! Orders that are taken in now and placed in their turn. The rules: what is wrong with a request itself is refused at once, as when it
//! is placed at once; what depends on the catalog and on other orders is said where the order is asked for.

use kernel::{OrderId, Timestamp};
use rest::{App, Body, Buyer, Credential, IdempotencyKey, Located, Path, Problem, Recorded, Staff, State, ToldProblem};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    entry::EnterOrderBody,
    orders::OrderPath,
    shop::{self, PlaceOrderBody, Shop, TokenHeader},
    steps::ReasonBody,
};
use crate::{
    commands::{CancelOwnQueuedOrder, CancelQueuedOrder, QueueEnteredOrder, QueueOrder, QueueReceipt},
    domain::{CancelledTurn, Intake, IntakeStatus, Remark},
    error::Error,
    queries::{FindOwnQueuedOrder, FindQueuedOrder},
};

/// An order that was taken in.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct QueuedOrder {
    /// The identity that the order has once it is placed.
    id: OrderId,
    /// Where it stands.
    status: IntakeStatus,
    /// Where the order is, once it is placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<String>,
    /// Why it was refused: what placing it at once would have been answered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ToldProblem>,
    /// When it was taken in.
    queued_at: Timestamp,
    /// When it was placed, refused or cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<Timestamp>,
    /// Who cancelled it: a member's, an API key's or a customer's id, `shopper` for a guest. Staff alone is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_by: Option<String>,
    /// Why, in the words of staff, who alone is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Remark>,
}

pub(super) async fn place(
    app: App,
    by: Buyer,
    from: rest::Origin,
    key: IdempotencyKey,
    State(shop): State<Shop>,
    Body(body): Body<PlaceOrderBody>,
) -> Result<Recorded<QueueReceipt, 202>, Problem> {
    shop::unguessable(&key)?;
    by.may_order()?;
    let command = QueueOrder(body.command(&shop, &by, &from)?);
    let at = |receipt: &QueueReceipt| format!("/store/v1/{}/orders/queue/{}", by.slug(), receipt.id);
    app.create_grouped(&by, &key, &body, command, at).await
}

pub(super) async fn enter(
    app: App,
    by: Staff,
    key: IdempotencyKey,
    State(shop): State<Shop>,
    Body(body): Body<EnterOrderBody>,
) -> Result<Recorded<QueueReceipt, 202>, Problem> {
    let at = |receipt: &QueueReceipt| format!("/admin/v1/orders/queue/{}", receipt.id);
    app.create_grouped(&by, &key, &body, QueueEnteredOrder(body.command(&shop)?), at).await
}

pub(super) async fn find_own(
    app: App,
    by: Buyer,
    Path(at): Path<OrderPath>,
    token: Option<Credential<TokenHeader>>,
) -> Result<Located<rest::Ok<QueuedOrder>>, Problem> {
    let proof = shop::proof(&at, &by, token.as_ref())?;
    let intake = app.ask(&by, FindOwnQueuedOrder { order: at.order, proof }).await?;
    Ok(told(intake, &format!("/store/v1/{}/orders", by.slug())))
}

pub(super) async fn find(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
) -> Result<Located<rest::Ok<QueuedOrder>>, Problem> {
    let intake = app.ask(&by, FindQueuedOrder { order: at.order }).await?;
    Ok(told(intake, "/admin/v1/orders"))
}

pub(super) async fn cancel_own(
    app: App,
    by: Buyer,
    Path(at): Path<OrderPath>,
    token: Option<Credential<TokenHeader>>,
) -> Result<Located<rest::Ok<QueuedOrder>>, Problem> {
    let proof = shop::proof(&at, &by, token.as_ref())?;
    app.send(&by, CancelOwnQueuedOrder { order: at.order, proof: proof.clone() }).await?;
    let intake = app.ask(&by, FindOwnQueuedOrder { order: at.order, proof }).await?;
    Ok(told(intake, &format!("/store/v1/{}/orders", by.slug())))
}

pub(super) async fn cancel(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
    Body(body): Body<ReasonBody>,
) -> Result<Located<rest::Ok<QueuedOrder>>, Problem> {
    app.send(&by, CancelQueuedOrder { order: at.order, reason: body.reason()? }).await?;
    let intake = app.ask(&by, FindQueuedOrder { order: at.order }).await?;
    Ok(told(intake, "/admin/v1/orders"))
}

/// What became of an order, whose own address is below `orders`.
fn told(intake: Intake, orders: &str) -> Located<rest::Ok<QueuedOrder>> {
    let Intake { order: id, status, refusal, queued_at, decided_at, cancelled } = intake;
    let (cancelled_by, reason) = cancelled.map(|CancelledTurn { by, reason }| (by, reason)).unzip();
    let reason = reason.flatten();
    let order = (status == IntakeStatus::Placed).then(|| format!("{orders}/{id}"));
    let problem = refusal.map(|refusal| Problem::from(Error::from(refusal)).into());
    let told = QueuedOrder { id, status, order: order.clone(), problem, queued_at, decided_at, cancelled_by, reason };
    Located::new(order, rest::Ok(told))
}
