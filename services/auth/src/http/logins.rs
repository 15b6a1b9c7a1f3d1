//! Logging in.

use kernel::{Malformed, OrganisationId, Slug, UserId};
use rest::{App, Body, Problem, State, Visitor, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    credentials::{Credentials, TOKEN_LIFE},
    domain::{Email, Password},
    processes::log_in::{LogIn, Session},
};

/// The account to log in to, and its password.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct LogInBody {
    /// The organisation's slug.
    #[garde(custom(parses(Slug::parse)))]
    #[schemars(with = "Slug")]
    organisation: String,
    /// The address of the account; its case does not matter.
    #[garde(custom(parses(Email::parse)))]
    #[schemars(with = "Email")]
    email: String,
    /// The password of the account.
    #[garde(custom(parses(Password::present)))]
    #[schemars(length(min = 1, max = 128))]
    password: String,
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
    /// The organisation that it is for.
    organisation: OrganisationId,
    /// The user that it stands for.
    user: UserId,
}

pub(super) async fn create(
    app: App,
    by: Visitor,
    State(credentials): State<Credentials>,
    Body(body): Body<LogInBody>,
) -> Result<rest::Ok<Token>, Problem> {
    let session = body.check()?.run(app.mediator(), &credentials, &by).await?;
    Ok(rest::Ok(Token::from(session)))
}

impl LogInBody {
    fn check(&self) -> Result<LogIn, Malformed> {
        Ok(LogIn {
            organisation: Slug::parse(&self.organisation)?,
            email: Email::parse(&self.email)?,
            password: Password::present(&self.password)?,
        })
    }
}

impl From<Session> for Token {
    fn from(session: Session) -> Self {
        Self {
            access_token: session.token.expose().clone(),
            token_type: "Bearer",
            expires_in: TOKEN_LIFE.as_secs(),
            organisation: session.organisation,
            user: session.user,
        }
    }
}
