//! What staff does with an order, step by step. The rule: a step that can be told apart from its repeat only by its key takes one;
//! every other step may be repeated, and changes nothing then. Each may be made to depend on the version that was read (`If-Match`).

use contracts::order::PaymentKind;
use kernel::{Cursor, Malformed, Page, PageSize, ParcelId, PaymentId, Quantity, ReturnId, Sku};
use rest::{
    Accepted, App, Body, IdempotencyKey, IfMatch, OptionalIfMatch, Path, PriceBody, Problem, Query, Recorded, Staff,
    State, Tagged, parses,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::orders::OrderPath;
use crate::{
    commands::{
        AddNote, ApproveReturn, CancelLines, CompleteOrder, DeclineCancellation, DeclineReturn, DeliverParcel,
        EditLines, HoldOrder, OnVersion, OrderChange, PackOrder, ReceiveReturn, RecordPayment, RecordRefund,
        ReleaseOrder, RequestCancellation, RequestReturn, ShipOrder, WithdrawAddition,
    },
    domain::{Dispatch, EditedLine, Label, Payments, Remark, SkuPieces, TimelineEntry},
    queries::ListTimeline,
};

/// The most lines that a body names: an order has no more.
const LINES: usize = 100;

/// A parcel in a path.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ParcelPath {
    order: kernel::OrderId,
    parcel: ParcelId,
}

/// A return in a path.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ReturnPath {
    order: kernel::OrderId,
    #[serde(rename = "return")]
    id: ReturnId,
}

/// Why something is done.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ReasonBody {
    /// Why, 1 to 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Remark::parse))))]
    #[schemars(with = "Option<Remark>")]
    reason: Option<String>,
}

/// Pieces of one SKU.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct PiecesBody {
    /// The SKU of a line.
    #[garde(custom(parses(Sku::parse)))]
    #[schemars(with = "Sku")]
    sku: String,
    /// How many pieces, 1 to 1,000,000.
    #[garde(range(min = 1, max = 1_000_000))]
    quantity: i64,
}

/// What is packed.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct PackBody {
    /// The pieces; everything that is not packed when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive, length(min = 1, max = LINES))]
    #[schemars(extend("minItems" = 1, "maxItems" = 100))]
    lines: Option<Vec<PiecesBody>>,
}

/// What is sent, and with whom.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ShipBody {
    /// The pieces; everything that was not sent when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive, length(min = 1, max = LINES))]
    #[schemars(extend("minItems" = 1, "maxItems" = 100))]
    lines: Option<Vec<PiecesBody>>,
    /// Who carries it, 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Label::parse))))]
    #[schemars(with = "Option<Label>")]
    carrier: Option<String>,
    /// The carrier's number of the parcel, 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Label::parse))))]
    #[schemars(with = "Option<Label>")]
    tracking_number: Option<String>,
}

/// What is cancelled.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct CancelLinesBody {
    /// The pieces; everything that was not sent when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive, length(min = 1, max = LINES))]
    #[schemars(extend("minItems" = 1, "maxItems" = 100))]
    lines: Option<Vec<PiecesBody>>,
    /// Why, 1 to 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Remark::parse))))]
    #[schemars(with = "Option<Remark>")]
    reason: Option<String>,
}

/// How many pieces a line is to have.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct EditedLineBody {
    /// The SKU of a line, or of a new one.
    #[garde(custom(parses(Sku::parse)))]
    #[schemars(with = "Sku")]
    sku: String,
    /// How many pieces, 0 to 1,000,000; 0 removes the line.
    #[garde(range(min = 0, max = 1_000_000))]
    quantity: i64,
    /// What one piece of a new line costs, whatever the catalog says; the price there when left out. A line that the order has keeps its
    /// price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    unit_price: Option<PriceBody>,
}

/// What lines are to be.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct EditLinesBody {
    /// The lines to change; the others stay as they are.
    #[garde(dive, length(min = 1, max = LINES))]
    #[schemars(extend("minItems" = 1, "maxItems" = 100))]
    lines: Vec<EditedLineBody>,
    /// Why, 1 to 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Remark::parse))))]
    #[schemars(with = "Option<Remark>")]
    reason: Option<String>,
}

/// What is to come back.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestReturnBody {
    /// The pieces, which have arrived.
    #[garde(dive, length(min = 1, max = LINES))]
    #[schemars(extend("minItems" = 1, "maxItems" = 100))]
    lines: Vec<PiecesBody>,
    /// Why, 1 to 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Remark::parse))))]
    #[schemars(with = "Option<Remark>")]
    reason: Option<String>,
}

/// What came back.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ReceiveReturnBody {
    /// Pieces that can be sold again: they go back into stock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[garde(dive, length(max = LINES))]
    #[schemars(extend("maxItems" = 100))]
    restocked: Vec<PiecesBody>,
    /// Pieces that cannot be sold again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[garde(dive, length(max = LINES))]
    #[schemars(extend("maxItems" = 100))]
    written_off: Vec<PiecesBody>,
}

/// Money that was received or promised.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct PaymentBody {
    /// Whether the money is there, or promised only.
    #[garde(skip)]
    kind: PaymentKind,
    /// How it was paid, 1 to 100 characters: `cash`, `bank transfer`.
    #[garde(custom(parses(Label::parse)))]
    #[schemars(with = "Label")]
    method: String,
    /// The payer's or the bank's reference, 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Label::parse))))]
    #[schemars(with = "Option<Label>")]
    reference: Option<String>,
    /// How much, in the order's currency.
    #[garde(dive)]
    amount: PriceBody,
}

/// Money that was given back.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct RefundBody {
    /// The payment that it is of.
    #[garde(skip)]
    payment: PaymentId,
    /// How it was given back, 1 to 100 characters.
    #[garde(custom(parses(Label::parse)))]
    #[schemars(with = "Label")]
    method: String,
    /// The payee's or the bank's reference, 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Label::parse))))]
    #[schemars(with = "Option<Label>")]
    reference: Option<String>,
    /// How much, in the order's currency.
    #[garde(dive)]
    amount: PriceBody,
    /// Why, 1 to 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Remark::parse))))]
    #[schemars(with = "Option<Remark>")]
    reason: Option<String>,
}

/// A note.
#[derive(Debug, Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct NoteBody {
    /// What is written down, 1 to 1,000 characters.
    #[garde(custom(parses(Remark::parse)))]
    #[schemars(with = "Remark")]
    text: String,
}

/// Which page of the timeline.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TimelineFilter {
    /// The `next_cursor` of the page before.
    cursor: Option<Cursor>,
    /// How many entries at most, 1 to 100; 20 when left out.
    #[serde(default)]
    limit: PageSize,
}

/// A step that may be repeated: where the order stands after it.
type Stepped = Result<Tagged<rest::Ok<OrderChange>>, Problem>;
/// A step that is done once: the same reply to every request with its key.
type Created = Result<Recorded<OrderChange>, Problem>;

pub(super) async fn hold(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
    seen: OptionalIfMatch,
    Body(body): Body<ReasonBody>,
) -> Stepped {
    tagged(app.send(&by, on(seen, at.order, HoldOrder { order: at.order, reason: body.reason()? })).await?)
}

pub(super) async fn release(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
    seen: OptionalIfMatch,
    Body(body): Body<ReasonBody>,
) -> Stepped {
    tagged(app.send(&by, on(seen, at.order, ReleaseOrder { order: at.order, reason: body.reason()? })).await?)
}

pub(super) async fn withdraw_addition(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
    seen: OptionalIfMatch,
    Body(body): Body<ReasonBody>,
) -> Stepped {
    tagged(app.send(&by, on(seen, at.order, WithdrawAddition { order: at.order, reason: body.reason()? })).await?)
}

pub(super) async fn request_cancellation(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
    seen: OptionalIfMatch,
    Body(body): Body<ReasonBody>,
) -> Stepped {
    tagged(app.send(&by, on(seen, at.order, RequestCancellation { order: at.order, reason: body.reason()? })).await?)
}

pub(super) async fn decline_cancellation(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
    seen: OptionalIfMatch,
    Body(body): Body<ReasonBody>,
) -> Stepped {
    tagged(app.send(&by, on(seen, at.order, DeclineCancellation { order: at.order, reason: body.reason()? })).await?)
}

pub(super) async fn complete(app: App, by: Staff, Path(at): Path<OrderPath>, seen: OptionalIfMatch) -> Stepped {
    tagged(app.send(&by, on(seen, at.order, CompleteOrder { order: at.order })).await?)
}

pub(super) async fn deliver(app: App, by: Staff, Path(at): Path<ParcelPath>, seen: OptionalIfMatch) -> Stepped {
    tagged(app.send(&by, on(seen, at.order, DeliverParcel { order: at.order, parcel: at.parcel })).await?)
}

pub(super) async fn approve_return(app: App, by: Staff, Path(at): Path<ReturnPath>, seen: OptionalIfMatch) -> Stepped {
    tagged(app.send(&by, on(seen, at.order, ApproveReturn { order: at.order, id: at.id })).await?)
}

pub(super) async fn decline_return(
    app: App,
    by: Staff,
    Path(at): Path<ReturnPath>,
    seen: OptionalIfMatch,
    Body(body): Body<ReasonBody>,
) -> Stepped {
    tagged(
        app.send(&by, on(seen, at.order, DeclineReturn { order: at.order, id: at.id, reason: body.reason()? })).await?,
    )
}

pub(super) async fn receive_return(
    app: App,
    by: Staff,
    Path(at): Path<ReturnPath>,
    seen: OptionalIfMatch,
    Body(body): Body<ReceiveReturnBody>,
) -> Stepped {
    let (restocked, written_off) = (pieces(&body.restocked)?, pieces(&body.written_off)?);
    tagged(
        app.send(&by, on(seen, at.order, ReceiveReturn { order: at.order, id: at.id, restocked, written_off })).await?,
    )
}

pub(super) async fn pack(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
    seen: OptionalIfMatch,
    key: IdempotencyKey,
    Body(body): Body<PackBody>,
) -> Created {
    let command = PackOrder { order: at.order, lines: body.lines.as_deref().map(pieces).transpose()? };
    app.create(&by, &key, &body, on(seen, at.order, command), timeline_of).await
}

pub(super) async fn ship(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
    seen: OptionalIfMatch,
    key: IdempotencyKey,
    Body(body): Body<ShipBody>,
) -> Created {
    let lines = body.lines.as_deref().map(pieces).transpose()?;
    let command = ShipOrder { order: at.order, lines, dispatch: body.dispatch()? };
    app.create(&by, &key, &body, on(seen, at.order, command), timeline_of).await
}

pub(super) async fn cancel_lines(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
    seen: OptionalIfMatch,
    key: IdempotencyKey,
    Body(body): Body<CancelLinesBody>,
) -> Created {
    let lines = body.lines.as_deref().map(pieces).transpose()?;
    let command = CancelLines { order: at.order, lines, reason: remark(body.reason.as_deref())? };
    app.create(&by, &key, &body, on(seen, at.order, command), timeline_of).await
}

pub(super) async fn edit_lines(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
    seen: IfMatch,
    key: IdempotencyKey,
    Body(body): Body<EditLinesBody>,
) -> Result<Accepted<OrderChange>, Problem> {
    let step = body.command(&at)?;
    let command = OnVersion { order: at.order, expected: seen.versions(), step };
    let recorded = app.create(&by, &key, &body, command, timeline_of).await?;
    Ok(Accepted::of(recorded, |change| change.addition.is_some()))
}

pub(super) async fn request_return(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
    seen: OptionalIfMatch,
    key: IdempotencyKey,
    Body(body): Body<RequestReturnBody>,
) -> Created {
    let (lines, reason) = (pieces(&body.lines)?, remark(body.reason.as_deref())?);
    let command = RequestReturn { order: at.order, id: ReturnId::new(), lines, reason };
    app.create(&by, &key, &body, on(seen, at.order, command), timeline_of).await
}

pub(super) async fn record_payment(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
    seen: OptionalIfMatch,
    key: IdempotencyKey,
    State(payments): State<Payments>,
    Body(body): Body<PaymentBody>,
) -> Created {
    app.create(&by, &key, &body, on(seen, at.order, body.command(&at, &key, payments)?), timeline_of).await
}

pub(super) async fn record_refund(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
    seen: OptionalIfMatch,
    key: IdempotencyKey,
    State(payments): State<Payments>,
    Body(body): Body<RefundBody>,
) -> Created {
    app.create(&by, &key, &body, on(seen, at.order, body.command(&at, &key, payments)?), timeline_of).await
}

pub(super) async fn add_note(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
    seen: OptionalIfMatch,
    key: IdempotencyKey,
    Body(body): Body<NoteBody>,
) -> Created {
    let command = AddNote { order: at.order, text: Remark::parse(&body.text)? };
    app.create(&by, &key, &body, on(seen, at.order, command), timeline_of).await
}

pub(super) async fn timeline(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
    Query(filter): Query<TimelineFilter>,
) -> Result<rest::Ok<Page<TimelineEntry>>, Problem> {
    let TimelineFilter { cursor, limit } = filter;
    Ok(rest::Ok(app.ask(&by, ListTimeline { order: at.order, cursor, limit }).await?))
}

/// The step, on condition that the order has a version that its caller has seen.
pub(super) fn on<C>(seen: OptionalIfMatch, order: kernel::OrderId, step: C) -> OnVersion<C> {
    OnVersion { order, expected: seen.versions(), step }
}

fn tagged(change: OrderChange) -> Stepped {
    Ok(Tagged::version(change.version, rest::Ok(change)))
}

/// What such a step creates is an entry of the timeline.
fn timeline_of(change: &OrderChange) -> String {
    format!("/admin/v1/orders/{}/timeline", change.order)
}

fn pieces(bodies: &[PiecesBody]) -> Result<Vec<SkuPieces>, Malformed> {
    let pieces =
        |body: &PiecesBody| Ok(SkuPieces { sku: Sku::parse(&body.sku)?, quantity: Quantity::new(body.quantity)? });
    bodies.iter().map(pieces).collect()
}

fn remark(text: Option<&str>) -> Result<Option<Remark>, Malformed> {
    text.map(Remark::parse).transpose()
}

pub(super) fn label(text: Option<&str>) -> Result<Option<Label>, Malformed> {
    text.map(Label::parse).transpose()
}

impl ReasonBody {
    pub(super) fn reason(&self) -> Result<Option<Remark>, Malformed> {
        remark(self.reason.as_deref())
    }
}

impl EditLinesBody {
    fn command(&self, at: &OrderPath) -> Result<EditLines, Malformed> {
        let lines = self.lines.iter().map(|line| {
            let unit_price = line.unit_price.as_ref().map(PriceBody::money).transpose()?;
            Ok(EditedLine { sku: Sku::parse(&line.sku)?, quantity: line.quantity, unit_price })
        });
        let lines = lines.collect::<Result<_, Malformed>>()?;
        Ok(EditLines { order: at.order, lines, reason: remark(self.reason.as_deref())? })
    }
}

impl ShipBody {
    fn dispatch(&self) -> Result<Dispatch, Malformed> {
        let (carrier, tracking_number) = (label(self.carrier.as_deref())?, label(self.tracking_number.as_deref())?);
        Ok(Dispatch { id: ParcelId::new(), carrier, tracking_number })
    }
}

impl PaymentBody {
    fn command(&self, at: &OrderPath, key: &IdempotencyKey, payments: Payments) -> Result<RecordPayment, Malformed> {
        Ok(RecordPayment {
            order: at.order,
            kind: self.kind,
            method: Label::parse(&self.method)?,
            reference: label(self.reference.as_deref())?,
            amount: self.amount.money()?,
            key: key.key().clone(),
            payments,
        })
    }
}

impl RefundBody {
    fn command(&self, at: &OrderPath, key: &IdempotencyKey, payments: Payments) -> Result<RecordRefund, Malformed> {
        Ok(RecordRefund {
            order: at.order,
            payment: self.payment,
            method: Label::parse(&self.method)?,
            reference: label(self.reference.as_deref())?,
            amount: self.amount.money()?,
            reason: remark(self.reason.as_deref())?,
            key: key.key().clone(),
            payments,
        })
    }
}
