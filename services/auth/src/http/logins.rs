//! Logging in, staying logged in, and turning to another organisation.

use kernel::{CustomerId, Malformed, OrganisationId, Secret, SessionId, Slug, UserId};
use rest::{App, Body, Origin, Problem, State, Visitor, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    credentials::{Credentials, TOKEN_LIFE},
    domain::{AccountId, Email, Password},
    processes::{
        entry::Tokens,
        log_in::{Aim, LogIn},
        refresh,
    },
};

/// The longest opaque token that is looked at, in characters. Ours have fewer.
pub(super) const OPAQUE: usize = 128;

/// A token as somebody presents it: 1 to 128 visible ASCII characters.
pub(super) fn presented(text: &str) -> Result<Secret, Malformed> {
    if (1..=OPAQUE).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Secret::new(text));
    }
    Err(Malformed::new("token", "must be 1 to 128 visible ASCII characters"))
}

/// The account to log in to, and its password.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct LogInBody {
    /// The organisation's slug; left out when the account works for one only.
    #[garde(inner(custom(parses(Slug::parse))))]
    #[schemars(with = "Option<Slug>")]
    organisation: Option<String>,
    /// The address of the account; its case does not matter.
    #[garde(custom(parses(Email::parse)))]
    #[schemars(with = "Email")]
    email: String,
    /// The password of the account.
    #[garde(custom(parses(Password::present)))]
    #[schemars(length(min = 1, max = 128))]
    password: String,
    /// The `client_token` of an earlier login. Wrong passwords that strangers try do not keep out a client that has one.
    #[garde(inner(custom(parses(presented))))]
    #[schemars(length(min = 1, max = 128))]
    client_token: Option<String>,
}

/// An account of which there is one by its address, and its password: an operator's, or a customer's in a shop.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountLogInBody {
    /// The address of the account; its case does not matter.
    #[garde(custom(parses(Email::parse)))]
    #[schemars(with = "Email")]
    email: String,
    /// The password of the account.
    #[garde(custom(parses(Password::present)))]
    #[schemars(length(min = 1, max = 128))]
    password: String,
    /// The `client_token` of an earlier login. Wrong passwords that strangers try do not keep out a client that has one.
    #[garde(inner(custom(parses(presented))))]
    #[schemars(length(min = 1, max = 128))]
    client_token: Option<String>,
}

/// The refresh token to exchange.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshBody {
    /// The latest refresh token of the session; each is good for one exchange.
    #[garde(custom(parses(presented)))]
    #[schemars(length(min = 1, max = 128))]
    refresh_token: String,
    /// The slug of another organisation to turn the session to; left out: the one that it is turned to.
    #[garde(inner(custom(parses(Slug::parse))))]
    #[schemars(with = "Option<Slug>")]
    organisation: Option<String>,
}

/// An access token and what it stands for (the form of RFC 6749, section 5.1).
#[derive(Serialize, JsonSchema)]
pub(super) struct Token {
    /// To be sent as `Authorization: Bearer <access_token>`.
    access_token: String,
    /// Always "Bearer".
    token_type: &'static str,
    /// Seconds until it ends.
    expires_in: u64,
    /// What gets the next access token, once. Left out where the session goes on with the one that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// To be sent with the next login of this client. Only after a password was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_token: Option<String>,
    /// The session.
    session: SessionId,
    /// The organisation that the access token is for; an operator's is for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<OrganisationId>,
    /// The person that it stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    /// The customer that it stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<CustomerId>,
}

pub(super) async fn create(
    app: App,
    by: Visitor,
    State(credentials): State<Credentials>,
    origin: Origin,
    Body(body): Body<LogInBody>,
) -> Result<rest::Ok<Token>, Problem> {
    let tokens = body.check(origin)?.run(app.mediator(), &credentials, &by).await?;
    Ok(rest::Ok(Token::from(tokens)))
}

pub(super) async fn refresh(
    app: App,
    by: Visitor,
    State(credentials): State<Credentials>,
    Body(body): Body<RefreshBody>,
) -> Result<rest::Ok<Token>, Problem> {
    let slug = body.organisation.as_deref().map(Slug::parse).transpose()?;
    let tokens = refresh::refresh(app.mediator(), &credentials, &by, &body.refresh_token, slug.as_ref()).await?;
    Ok(rest::Ok(Token::from(tokens)))
}

impl LogInBody {
    fn check(&self, origin: Origin) -> Result<LogIn, Malformed> {
        let named = self.organisation.as_deref().map(Slug::parse).transpose()?;
        Ok(LogIn {
            aim: named.map_or(Aim::OnlyOrganisation, Aim::Organisation),
            email: Email::parse(&self.email)?,
            password: Password::present(&self.password)?,
            client_token: self.client_token.as_deref().map(presented).transpose()?,
            origin,
        })
    }
}

impl AccountLogInBody {
    /// The address, the password, and what the client was given before.
    pub(super) fn check(&self) -> Result<(Email, Password, Option<Secret>), Malformed> {
        let client_token = self.client_token.as_deref().map(presented).transpose()?;
        Ok((Email::parse(&self.email)?, Password::present(&self.password)?, client_token))
    }
}

impl From<Tokens> for Token {
    fn from(tokens: Tokens) -> Self {
        let (user, customer) = match tokens.holder.account() {
            AccountId::Person(user) => (Some(user), None),
            AccountId::Customer(customer, _) => (None, Some(customer)),
        };
        Self {
            access_token: tokens.access.expose().clone(),
            token_type: "Bearer",
            expires_in: TOKEN_LIFE.as_secs(),
            refresh_token: tokens.refresh.map(|token| token.expose().clone()),
            client_token: tokens.client.map(|token| token.expose().clone()),
            session: tokens.session,
            organisation: tokens.holder.organisation(),
            user,
            customer,
        }
    }
}
