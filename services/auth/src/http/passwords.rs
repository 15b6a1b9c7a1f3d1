//! Choosing a new password.

use std::time::Duration;

use kernel::{Malformed, Secret, Slug};
use mediator::Mediator;
use rest::{App, Body, Origin, Person, Problem, State, Visitor, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::Tasks;

use super::{logins::presented, sessions::Ended};
use crate::{
    credentials::Credentials,
    domain::{AccountId, Email, Password},
    processes::passwords,
};

/// The former and the new password.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangePasswordBody {
    /// The password of the account.
    #[garde(custom(parses(Password::present)))]
    #[schemars(length(min = 1, max = 128))]
    current_password: String,
    /// 15 to 128 characters, none that many people choose.
    #[garde(custom(parses(Password::choose)))]
    #[schemars(length(min = 15, max = 128))]
    password: String,
}

/// The account whose password is forgotten.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestResetBody {
    /// The address of the account.
    #[garde(custom(parses(Email::parse)))]
    #[schemars(with = "Email")]
    email: String,
}

/// The delivered token and the new password.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ResetPasswordBody {
    /// The token that was delivered to the account's address.
    #[garde(custom(parses(presented)))]
    #[schemars(length(min = 1, max = 128))]
    token: String,
    /// 15 to 128 characters, none that many people choose.
    #[garde(custom(parses(Password::choose)))]
    #[schemars(length(min = 15, max = 128))]
    password: String,
}

/// What is said whether the address has an account or not.
#[derive(Serialize, JsonSchema)]
pub(super) struct Noted {
    /// What happens next.
    message: &'static str,
}

/// How long after the request a token is made.
const LATER: Duration = Duration::from_millis(100);

/// Has reset tokens made after the client was answered.
#[derive(Clone, Debug)]
pub struct Resets {
    /// What supervises the work.
    pub tasks: Tasks,
}

impl Resets {
    pub(super) fn request(&self, mediator: Mediator, by: Visitor, email: Email, shop: Option<Slug>) {
        self.tasks.spawn("a password reset", |_stop| async move {
            // Not while the answer is still on its way, whose time must not tell whether there is anything to do.
            tokio::time::sleep(LATER).await;
            if let Err(error) = passwords::request_reset(&mediator, &by, email, shop).await {
                tracing::error!(%error, "a password reset was asked for and could not be made");
            }
        });
    }
}

pub(super) async fn change(
    app: App,
    by: Person,
    State(credentials): State<Credentials>,
    Body(body): Body<ChangePasswordBody>,
) -> Result<rest::Ok<Ended>, Problem> {
    let person = (AccountId::Person(by.user()), by.session());
    Ok(Ended::of(passwords::change(app.mediator(), &credentials, &by, person, body.check()?).await?))
}

pub(super) async fn request(
    app: App,
    by: Visitor,
    State(resets): State<Resets>,
    Body(body): Body<RequestResetBody>,
) -> Result<rest::Ok<Noted>, Problem> {
    resets.request(app.mediator().clone(), by, body.check()?, None);
    Ok(rest::Ok(Noted::new()))
}

pub(super) async fn reset(
    app: App,
    by: Visitor,
    State(credentials): State<Credentials>,
    origin: Origin,
    Body(body): Body<ResetPasswordBody>,
) -> Result<rest::Ok<Ended>, Problem> {
    let (token, new) = body.check()?;
    Ok(Ended::of(passwords::reset(app.mediator(), &credentials, &by, (&token, None), (new, &origin)).await?))
}

impl Noted {
    pub(super) fn new() -> Self {
        Self {
            message: "If the address has an account, a token goes to it, the way that this installation delivers messages.",
        }
    }
}

impl ChangePasswordBody {
    /// The former password and the new one.
    pub(super) fn check(&self) -> Result<(Password, Password), Malformed> {
        Ok((Password::present(&self.current_password)?, Password::choose(&self.password)?))
    }
}

impl RequestResetBody {
    pub(super) fn check(&self) -> Result<Email, Malformed> {
        Email::parse(&self.email)
    }
}

impl ResetPasswordBody {
    /// The token and the new password.
    pub(super) fn check(&self) -> Result<(Secret, Password), Malformed> {
        Ok((presented(&self.token)?, Password::choose(&self.password)?))
    }
}
