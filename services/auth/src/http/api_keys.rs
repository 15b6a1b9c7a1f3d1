//! API keys: made, listed and revoked by those who may, and exchanged for access tokens by the gateways.

use std::str::FromStr;

use access::{Network, Permission, Permissions};
use kernel::{ApiKeyId, Clock, Malformed, Timestamp};
use rest::{App, Body, IdempotencyKey, Path, Problem, Recorded, Staff, State, Visitor, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{logins::presented, members::authority, roles::permissions};
use crate::{
    commands::{CreateApiKey, RevokeApiKey},
    credentials::{ApiKeyText, Credentials, TOKEN_LIFE},
    domain::{ApiKey, Name, role::grantable},
    error::Error,
    processes::exchange::exchange,
    queries::{FindOwnApiKey, ListApiKeys},
};

/// The key that the path names.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ApiKeyPath {
    key: ApiKeyId,
}

/// An API key to make.
#[derive(Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateApiKeyBody {
    /// What people call it, 1 to 120 characters.
    #[garde(custom(parses(Name::choose)))]
    #[schemars(with = "Name")]
    name: String,
    /// What it allows, each as `resource:action`; nothing that the caller may not do.
    #[garde(length(min = 1, max = 64), inner(custom(parses(grantable))))]
    #[schemars(length(min = 1, max = 64), with = "Vec<Permission>")]
    permissions: Vec<String>,
    /// The addresses or networks (`203.0.113.0/24`) that it may be used from; left out: from everywhere.
    #[serde(default)]
    #[garde(length(max = 32), inner(custom(parses(Network::from_str))))]
    #[schemars(length(max = 32), inner(length(min = 2, max = 64)))]
    networks: Vec<String>,
    /// When it ends by itself, at most ten years ahead; left out: never.
    #[garde(inner(custom(parses(Clock::parse))))]
    #[schemars(with = "Option<Timestamp>")]
    expires_at: Option<String>,
}

/// The API key to exchange.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ExchangeBody {
    /// The whole text of the key.
    #[garde(custom(parses(presented)))]
    #[schemars(length(min = 1, max = 128))]
    api_key: String,
}

/// An API key with its text, which is shown in this reply only.
#[derive(Serialize, JsonSchema)]
pub(super) struct NewApiKey {
    /// The key.
    key: ApiKey,
    /// To be sent as `Authorization: Bearer <secret>`.
    secret: String,
}

/// The latest API keys.
#[derive(Serialize, JsonSchema)]
pub(super) struct ApiKeys {
    /// The newest first.
    items: Vec<ApiKey>,
}

/// An access token of a program.
#[derive(Serialize, JsonSchema)]
pub(super) struct ProgramToken {
    /// The access token.
    access_token: String,
    /// Always "Bearer".
    token_type: &'static str,
    /// Seconds until it ends.
    expires_in: u64,
}

pub(super) async fn create(
    app: App,
    by: Staff,
    State(credentials): State<Credentials>,
    key: IdempotencyKey,
    Body(body): Body<CreateApiKeyBody>,
) -> Result<Recorded<NewApiKey>, Problem> {
    let text = |id| secret(&credentials, &by, &key, id);
    let command = body.command(&by, &text(ApiKeyId::new()))?;
    let made = app.create(&by, &key, &body, command, |key| format!("/admin/v1/api-keys/{}", key.id)).await?;
    ensure_good(&app, &by, &made).await?;
    made.revealing(|key: ApiKey| NewApiKey { secret: text(key.id).text().expose().clone(), key })
}

pub(super) async fn list(app: App, by: Staff) -> Result<rest::Ok<ApiKeys>, Problem> {
    Ok(rest::Ok(ApiKeys { items: app.ask(&by, ListApiKeys).await? }))
}

pub(super) async fn find(app: App, by: Staff, Path(at): Path<ApiKeyPath>) -> Result<rest::Ok<ApiKey>, Problem> {
    Ok(rest::Ok(app.ask(&by, FindOwnApiKey { key: at.key }).await?))
}

pub(super) async fn revoke(app: App, by: Staff, Path(at): Path<ApiKeyPath>) -> Result<rest::Ok<ApiKey>, Problem> {
    Ok(rest::Ok(app.send(&by, RevokeApiKey { key: at.key, by: authority(&by)? }).await?))
}

pub(super) async fn token(
    app: App,
    by: Visitor,
    State(credentials): State<Credentials>,
    Body(body): Body<ExchangeBody>,
) -> Result<rest::Ok<ProgramToken>, Problem> {
    let token = exchange(app.mediator(), &credentials, &by, &presented(&body.api_key)?).await?;
    let (access_token, expires_in) = (token.expose().clone(), TOKEN_LIFE.as_secs());
    Ok(rest::Ok(ProgramToken { access_token, token_type: "Bearer", expires_in }))
}

/// A repeat must not show a secret as good that has ended since, nor one that its maker may not hand out any more.
async fn ensure_good(app: &App, by: &Staff, made: &Recorded<ApiKey>) -> Result<(), Problem> {
    let Some(shown) = made.reply().filter(|_| made.is_replayed()) else { return Ok(()) };
    let now = app.ask(by, FindOwnApiKey { key: shown.id }).await?;
    let beyond = now.permissions.without(by.caller.permissions());
    if beyond != Permissions::NONE {
        return Err(Error::BeyondOwn { beyond }.into());
    }
    if now.revoked_at.is_none() { Ok(()) } else { Err(Error::ApiKeyOver { key: shown.id }.into()) }
}

/// The key that this request makes, and that its repetition shows again.
fn secret(credentials: &Credentials, by: &Staff, key: &IdempotencyKey, id: ApiKeyId) -> ApiKeyText {
    let request = [&by.organisation().to_string(), &by.caller.actor(), key.key().as_str()];
    credentials.derivation.created(id, &request)
}

impl CreateApiKeyBody {
    fn command(&self, by: &Staff, text: &ApiKeyText) -> Result<CreateApiKey, Problem> {
        Ok(CreateApiKey {
            key: text.id,
            hash: text.hash(),
            name: Name::choose(&self.name)?,
            permissions: permissions(&self.permissions)?,
            networks: self
                .networks
                .iter()
                .map(|network| Ok(Network::from_str(network)?.to_string()))
                .collect::<Result<_, Malformed>>()?,
            expires_at: self.expires_at.as_deref().map(Clock::parse).transpose()?,
            by: authority(by)?,
        })
    }
}
