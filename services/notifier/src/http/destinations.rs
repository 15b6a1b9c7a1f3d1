//! Destinations for staff. Requests become commands and queries; nothing else happens here.

use kernel::{ChannelCode, Cursor, DestinationId, Malformed, Page, PageSize};
use rest::{
    App, Body, IdempotencyKey, IfMatch, Path, PriceBody, Problem, Query, Recorded, Staff, State, Tagged, parses,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::commands::{ChangeDestination, CreateDestination, DeleteDestination, ResendFailed, TestDestination};
use crate::domain::{Destination, DestinationChange, DestinationName, FactKind, Language, LinkCodes, Rules};
use crate::queries::{DeliveryView, FindDestination, ListDeliveries, ListDestinations};

/// The destination that the path names.
#[derive(Deserialize, JsonSchema)]
pub(super) struct DestinationPath {
    destination: DestinationId,
}

/// A page of a log.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogPage {
    /// `next_cursor` of the page before.
    cursor: Option<Cursor>,
    /// 1 to 100; 20 by default.
    #[serde(default)]
    limit: PageSize,
}

/// What a destination is told. What is left out lets everything through.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct RulesBody {
    /// The kinds of facts; at least one.
    #[garde(inner(length(min = 1, max = 32), inner(custom(parses(FactKind::parse)))))]
    #[schemars(with = "Option<Vec<FactKind>>", length(min = 1, max = 32))]
    kinds: Option<Vec<String>>,
    /// Only orders that come to this much or more, one amount per currency.
    #[serde(default)]
    #[garde(dive, length(max = 32))]
    #[schemars(length(max = 32))]
    least: Vec<PriceBody>,
    /// Only orders of these sales channels; at least one.
    #[garde(inner(length(min = 1, max = 32), inner(custom(parses(ChannelCode::parse)))))]
    #[schemars(with = "Option<Vec<ChannelCode>>", length(min = 1, max = 32))]
    channels: Option<Vec<String>>,
}

/// A destination to create.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateDestinationBody {
    /// What people call it, 1 to 100 characters on one line.
    #[garde(custom(parses(DestinationName::parse)))]
    #[schemars(with = "DestinationName")]
    name: String,
    /// The language of its messages; English when left out. Only English is written so far.
    #[garde(skip)]
    language: Option<Language>,
    /// What it is told; everything when left out.
    #[garde(dive)]
    rules: Option<RulesBody>,
}

/// What is to be different about a destination; what is left out stays as it is.
#[derive(Debug, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeDestinationBody {
    /// What people call it, 1 to 100 characters on one line.
    #[garde(inner(custom(parses(DestinationName::parse))))]
    #[schemars(with = "Option<DestinationName>")]
    name: Option<String>,
    /// The language of its messages. Only English is written so far.
    #[garde(skip)]
    language: Option<Language>,
    /// What it is told, all of it.
    #[garde(dive)]
    rules: Option<RulesBody>,
    /// Whether its messages wait. When they wait no more, all of them are sent.
    #[garde(skip)]
    paused: Option<bool>,
}

/// A destination with its code, which is shown in this reply only.
#[derive(Serialize, JsonSchema)]
pub(super) struct NewDestination {
    /// The destination.
    destination: Destination,
    /// To be sent to the bot: `/link <code>`.
    code: String,
}

/// All destinations of an organisation.
#[derive(Serialize, JsonSchema)]
pub(super) struct Destinations {
    /// In the order in which they were created.
    items: Vec<Destination>,
}

/// The destination that was deleted.
#[derive(Serialize, JsonSchema)]
pub(super) struct DeletedDestination {
    /// The id that it had.
    destination: DestinationId,
}

/// What is sent again.
#[derive(Serialize, JsonSchema)]
pub(super) struct Resent {
    /// The number of deliveries.
    deliveries: usize,
}

pub(super) async fn create(
    app: App,
    by: Staff,
    State(codes): State<LinkCodes>,
    key: IdempotencyKey,
    Body(body): Body<CreateDestinationBody>,
) -> Result<Recorded<NewDestination>, Problem> {
    let command = body.command(&codes)?;
    let at = |created: &Destination| format!("/admin/v1/destinations/{}", created.id);
    let made = app.create(&by, &key, &body, command, at).await?;
    made.revealing(|destination: Destination| NewDestination { code: codes.of(destination.id).text(), destination })
}

pub(super) async fn list(app: App, by: Staff) -> Result<rest::Ok<Destinations>, Problem> {
    Ok(rest::Ok(Destinations { items: app.ask(&by, ListDestinations).await? }))
}

pub(super) async fn find(
    app: App,
    by: Staff,
    Path(at): Path<DestinationPath>,
) -> Result<Tagged<rest::Ok<Destination>>, Problem> {
    Ok(tagged(app.ask(&by, FindDestination { destination: at.destination }).await?))
}

pub(super) async fn change(
    app: App,
    by: Staff,
    Path(at): Path<DestinationPath>,
    expected: IfMatch,
    Body(body): Body<ChangeDestinationBody>,
) -> Result<Tagged<rest::Ok<Destination>>, Problem> {
    let (expected, change) = (expected.versions(), body.change()?);
    Ok(tagged(app.send(&by, ChangeDestination { destination: at.destination, expected, change }).await?))
}

pub(super) async fn delete(
    app: App,
    by: Staff,
    Path(at): Path<DestinationPath>,
) -> Result<rest::Ok<DeletedDestination>, Problem> {
    let destination = app.send(&by, DeleteDestination { destination: at.destination }).await?;
    Ok(rest::Ok(DeletedDestination { destination }))
}

pub(super) async fn test(
    app: App,
    by: Staff,
    Path(at): Path<DestinationPath>,
) -> Result<Tagged<rest::Ok<Destination>>, Problem> {
    Ok(tagged(app.send(&by, TestDestination { destination: at.destination }).await?))
}

pub(super) async fn deliveries(
    app: App,
    by: Staff,
    Path(at): Path<DestinationPath>,
    Query(page): Query<LogPage>,
) -> Result<rest::Ok<Page<DeliveryView>>, Problem> {
    let log = ListDeliveries { destination: at.destination, cursor: page.cursor, size: page.limit };
    Ok(rest::Ok(app.ask(&by, log).await?))
}

pub(super) async fn resend(app: App, by: Staff, Path(at): Path<DestinationPath>) -> Result<rest::Ok<Resent>, Problem> {
    Ok(rest::Ok(Resent { deliveries: app.send(&by, ResendFailed { destination: at.destination }).await? }))
}

fn tagged(destination: Destination) -> Tagged<rest::Ok<Destination>> {
    Tagged::version(destination.version, rest::Ok(destination))
}

impl RulesBody {
    fn rules(&self) -> Result<Rules, Malformed> {
        let kinds = |kinds: &Vec<String>| kinds.iter().map(|kind| FactKind::parse(kind)).collect();
        let channels = |codes: &Vec<String>| codes.iter().map(|code| ChannelCode::parse(code)).collect();
        Ok(Rules {
            kinds: self.kinds.as_ref().map(kinds).transpose()?,
            least: self.least.iter().map(PriceBody::money).collect::<Result<_, _>>()?,
            channels: self.channels.as_ref().map(channels).transpose()?,
        })
    }
}

impl CreateDestinationBody {
    fn command(&self, codes: &LinkCodes) -> Result<CreateDestination, Malformed> {
        let destination = DestinationId::new();
        Ok(CreateDestination {
            destination,
            name: DestinationName::parse(&self.name)?,
            language: self.language.unwrap_or_default(),
            rules: self.rules.as_ref().map(RulesBody::rules).transpose()?.unwrap_or_default(),
            code: codes.of(destination),
        })
    }
}

impl ChangeDestinationBody {
    fn change(&self) -> Result<DestinationChange, Malformed> {
        Ok(DestinationChange {
            name: self.name.as_deref().map(DestinationName::parse).transpose()?,
            language: self.language,
            rules: self.rules.as_ref().map(RulesBody::rules).transpose()?,
            paused: self.paused,
        })
    }
}
