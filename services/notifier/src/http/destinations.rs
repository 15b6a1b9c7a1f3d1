//! Destinations for staff. Requests become commands and queries; nothing else happens here.

use chrono::TimeDelta;
use kernel::{ChannelCode, Cursor, DestinationId, Email, Malformed, Page, PageSize, Sku, TimeZone};
use rest::{
    App, Body, IdempotencyKey, IfMatch, Path, PriceBody, Problem, Query, Recorded, Staff, State, Tagged, parses,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::commands::{ChangeDestination, CreateDestination, DeleteDestination, ResendFailed, TestDestination};
use crate::domain::{
    ClockTime, Destination, DestinationChange, DestinationName, Digest, FactKind, FollowUp, Language, LinkCodes,
    Manner, Offer, OrderLink, Quiet, Recipient, Rules, Severity, Template, WebhookUrl, Wishes, shown,
};
use crate::queries::{DeliveryView, FindDestination, ListDeliveries, ListDestinations};

use super::problems;

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
    /// Only what matters this much or more.
    #[garde(skip)]
    severity: Option<Severity>,
    /// Only the stock of these SKUs, and orders with a line of one of them; at least one.
    #[garde(inner(length(min = 1, max = 200), inner(custom(parses(Sku::parse)))))]
    #[schemars(with = "Option<Vec<Sku>>", length(min = 1, max = 200))]
    skus: Option<Vec<String>>,
    /// Hours in which only what is critical is told; the rest is told when they end.
    #[garde(dive)]
    quiet: Option<QuietBody>,
    /// What is not critical is told together, by the clock. A change counts for what is pending too.
    #[garde(dive)]
    digest: Option<DigestBody>,
}

/// Hours of the day, in the time zone of the destination. They may go over midnight.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct QuietBody {
    /// When they begin: `22:00`.
    #[garde(custom(parses(ClockTime::parse)))]
    #[schemars(with = "ClockTime")]
    from: String,
    /// When they end, at another time than they begin.
    #[garde(custom(parses(ClockTime::parse)))]
    #[schemars(with = "ClockTime")]
    until: String,
}

/// When what happens is told together: one of both.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct DigestBody {
    /// At each full multiple of so many minutes of UTC.
    #[garde(range(min = 1, max = Digest::MOST_MINUTES))]
    #[schemars(range(min = 1, max = 1440))]
    every_minutes: Option<u16>,
    /// Once a day, in the time zone of the destination: `08:00`.
    #[garde(inner(custom(parses(ClockTime::parse))))]
    #[schemars(with = "Option<ClockTime>")]
    daily_at: Option<String>,
}

/// The line of a kind of fact in somebody's own words.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateBody {
    /// The kind of facts; not one that is about the destination itself.
    #[garde(custom(parses(FactKind::parse)))]
    #[schemars(with = "FactKind")]
    kind: String,
    /// One line. `{order}` and the like stand for what the fact has; everything else is said as it is, without markup.
    #[garde(custom(parses(Template::text)))]
    #[schemars(length(min = 1, max = 300))]
    text: String,
}

/// What is to be shown before it is told.
#[derive(Debug, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct PreviewBody {
    /// The kind of facts.
    #[garde(custom(parses(FactKind::parse)))]
    #[schemars(with = "FactKind")]
    kind: String,
    /// The template to show; when left out, what the destination would be told.
    #[garde(inner(custom(parses(Template::text))))]
    #[schemars(length(min = 1, max = 300))]
    text: Option<String>,
}

/// A line as it would be told, of a fact that did not happen.
#[derive(Serialize, JsonSchema)]
pub(super) struct Preview {
    /// In Telegram's HTML.
    html: String,
}

/// A destination to create.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateDestinationBody {
    /// What people call it, 1 to 100 characters on one line.
    #[garde(custom(parses(DestinationName::parse)))]
    #[schemars(with = "DestinationName")]
    name: String,
    /// The e-mail address that is told; when this and `url` are left out, a chat on Telegram is, once its code links it.
    #[garde(inner(custom(parses(Email::choose))))]
    #[schemars(with = "Option<Email>")]
    email: Option<String>,
    /// The webhook that is told, with signed requests. It begins with https://.
    #[garde(inner(custom(parses(WebhookUrl::parse))))]
    #[schemars(with = "Option<WebhookUrl>")]
    url: Option<String>,
    /// The language of its messages; English when left out.
    #[garde(skip)]
    language: Option<Language>,
    /// The time zone of the times in its messages and its rules; UTC when left out.
    #[garde(inner(custom(parses(TimeZone::parse))))]
    #[schemars(with = "Option<TimeZone>")]
    time_zone: Option<String>,
    /// What becomes of what is told of an order after its first message; a new one when left out.
    #[garde(skip)]
    follow_up: Option<FollowUp>,
    /// When it is told each day how often what happened the day before: `08:00`; never when left out.
    #[garde(inner(custom(parses(ClockTime::parse))))]
    #[schemars(with = "Option<ClockTime>")]
    heartbeat_at: Option<String>,
    /// What it says in its own words, each kind of fact once.
    #[garde(dive, length(max = 32))]
    #[serde(default)]
    #[schemars(length(max = 32))]
    templates: Vec<TemplateBody>,
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
    /// The language of its messages.
    #[garde(skip)]
    language: Option<Language>,
    /// The time zone of the times in its messages and its rules.
    #[garde(inner(custom(parses(TimeZone::parse))))]
    #[schemars(with = "Option<TimeZone>")]
    time_zone: Option<String>,
    /// What becomes of what is told of an order after its first message.
    #[garde(skip)]
    follow_up: Option<FollowUp>,
    /// When it is told each day how often what happened the day before; null: never.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(inner(inner(custom(parses(ClockTime::parse)))))]
    #[schemars(with = "Option<ClockTime>")]
    heartbeat_at: Option<Option<String>>,
    /// What it says in its own words, all of it, each kind of fact once.
    #[garde(length(max = 32), dive)]
    #[schemars(extend("maxItems" = 32))]
    templates: Option<Vec<TemplateBody>>,
    /// What it is told, all of it.
    #[garde(dive)]
    rules: Option<RulesBody>,
    /// Whether its messages wait. When they wait no more, all of them are sent.
    #[garde(skip)]
    paused: Option<bool>,
    /// For how many minutes it is silent from now on, at most a week; what comes meanwhile is told then. Null: no longer.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(inner(inner(range(min = 1, max = 10_080))))]
    #[schemars(with = "Option<u16>", range(min = 1, max = 10_080))]
    mute_minutes: Option<Option<u16>>,
}

/// A destination with its code or secret, which is shown in this reply only.
#[derive(Serialize, JsonSchema)]
pub(super) struct NewDestination {
    /// The destination.
    destination: Destination,
    /// Of a chat, to be sent to the bot: `/link <code>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Of a webhook: what its requests are signed with, as libraries for Standard Webhooks take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl NewDestination {
    fn of(destination: Destination, codes: &LinkCodes) -> Self {
        let code = destination.code_expires_at.map(|_| codes.of(destination.id).text());
        let secret = destination.url.as_ref().map(|_| codes.secret_of(destination.id).text());
        Self { destination, code, secret }
    }
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
    State(offer): State<Offer>,
    key: IdempotencyKey,
    Body(body): Body<CreateDestinationBody>,
) -> Result<Recorded<NewDestination>, Problem> {
    let command = body.command(&codes, offer)?;
    let at = |created: &Destination| format!("/admin/v1/destinations/{}", created.id);
    let made = app.create(&by, &key, &body, command, at).await?;
    made.revealing(|destination: Destination| NewDestination::of(destination, &codes))
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

pub(super) async fn preview(
    app: App,
    by: Staff,
    State(order_link): State<Option<OrderLink>>,
    Path(at): Path<DestinationPath>,
    Body(body): Body<PreviewBody>,
) -> Result<rest::Ok<Preview>, Problem> {
    let destination = app.ask(&by, FindDestination { destination: at.destination }).await?;
    Ok(rest::Ok(Preview { html: body.shown(&destination, order_link)? }))
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
        let skus = |skus: &Vec<String>| skus.iter().map(|sku| Sku::parse(sku)).collect();
        Ok(Rules {
            kinds: self.kinds.as_ref().map(kinds).transpose()?,
            least: self.least.iter().map(PriceBody::money).collect::<Result<_, _>>()?,
            channels: self.channels.as_ref().map(channels).transpose()?,
            severity: self.severity,
            skus: self.skus.as_ref().map(skus).transpose()?,
            quiet: self.quiet.as_ref().map(QuietBody::quiet).transpose()?,
            digest: self.digest.as_ref().map(DigestBody::digest).transpose()?,
        })
    }
}

impl TemplateBody {
    fn template(&self) -> Result<Template, Malformed> {
        Template::parse(FactKind::parse(&self.kind)?, &self.text)
    }
}

/// Templates of which each kind has one.
fn templates(bodies: &[TemplateBody]) -> Result<Vec<Template>, Malformed> {
    let templates: Vec<Template> = bodies.iter().map(TemplateBody::template).collect::<Result<_, _>>()?;
    let mut kinds: Vec<FactKind> = templates.iter().map(|template| template.kind).collect();
    kinds.sort_unstable();
    match kinds.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Malformed::new("templates", format!("must have {} once", pair[0].as_str()))),
        None => Ok(templates),
    }
}

impl PreviewBody {
    fn shown(&self, destination: &Destination, order_link: Option<OrderLink>) -> Result<String, Malformed> {
        let kind = FactKind::parse(&self.kind)?;
        let mut voice = destination.manner.voice(destination.language, order_link);
        if let Some(text) = &self.text {
            voice.templates = vec![Template::parse(kind, text)?];
        }
        Ok(shown(kind, &voice))
    }
}

impl QuietBody {
    fn quiet(&self) -> Result<Quiet, Malformed> {
        Quiet::new(ClockTime::parse(&self.from)?, ClockTime::parse(&self.until)?)
    }
}

impl DigestBody {
    fn digest(&self) -> Result<Digest, Malformed> {
        Digest::new(self.every_minutes, self.daily_at.as_deref().map(ClockTime::parse).transpose()?)
    }
}

impl CreateDestinationBody {
    fn recipient(&self, offer: Offer) -> Result<Recipient, Problem> {
        match (&self.email, &self.url) {
            (None, None) => Ok(Recipient::Chat),
            (Some(email), None) if offer.mail => Ok(Recipient::Email(Email::choose(email)?)),
            (Some(_), None) => Err(Problem::new(problems::NO_MAIL)),
            (None, Some(url)) => {
                let url = WebhookUrl::parse(url)?;
                offer.webhooks.admit(&url)?;
                Ok(Recipient::Webhook(url))
            }
            (Some(_), Some(_)) => {
                Err(Malformed::new("destination", "must have an e-mail address or a url, not both").into())
            }
        }
    }

    fn command(&self, codes: &LinkCodes, offer: Offer) -> Result<CreateDestination, Problem> {
        let destination = DestinationId::new();
        let manner = Manner {
            time_zone: self.time_zone.as_deref().map(TimeZone::parse).transpose()?.unwrap_or_default(),
            follow_up: self.follow_up.unwrap_or_default(),
            heartbeat_at: self.heartbeat_at.as_deref().map(ClockTime::parse).transpose()?,
            templates: templates(&self.templates)?,
        };
        let wishes = Wishes {
            recipient: self.recipient(offer)?,
            name: DestinationName::parse(&self.name)?,
            language: self.language.unwrap_or_default(),
            manner,
            rules: self.rules.as_ref().map(RulesBody::rules).transpose()?.unwrap_or_default(),
        };
        Ok(CreateDestination { destination, wishes, code: codes.of(destination), secret: codes.secret_of(destination) })
    }
}

impl ChangeDestinationBody {
    fn change(&self) -> Result<DestinationChange, Malformed> {
        Ok(DestinationChange {
            name: self.name.as_deref().map(DestinationName::parse).transpose()?,
            language: self.language,
            time_zone: self.time_zone.as_deref().map(TimeZone::parse).transpose()?,
            follow_up: self.follow_up,
            heartbeat_at: match &self.heartbeat_at {
                Some(at) => Some(at.as_deref().map(ClockTime::parse).transpose()?),
                None => None,
            },
            templates: self.templates.as_deref().map(templates).transpose()?,
            rules: self.rules.as_ref().map(RulesBody::rules).transpose()?,
            paused: self.paused,
            mute: self.mute_minutes.map(|mute| mute.map(|minutes| TimeDelta::minutes(i64::from(minutes)))),
        })
    }
}
