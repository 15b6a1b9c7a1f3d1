//! Makes the operators of the installation.

use access::Permission;
use kernel::{Clock, UserId};
use mediator::{Command, Platform, Tx};

use crate::{
    credentials::PasswordHash,
    domain::NewPerson,
    error::Error,
    store::{operators, people},
};

/// What allows making an operator.
#[derive(Debug, Clone)]
pub enum Warrant {
    /// The secret of the environment, which was compared before.
    Configured,
    /// The one-time setup token with this SHA-256 hash.
    SetupToken([u8; 32]),
    /// There is no operator yet, and the environment names this one.
    First,
}

/// Makes somebody an operator.
#[derive(Debug, Clone)]
pub struct CreateOperator {
    /// The person to make, if nobody has the address yet.
    pub person: NewPerson,
    /// The hash of that person's password.
    pub password: PasswordHash,
    /// The account that has the address, if the given password is that account's.
    pub known: Option<UserId>,
    /// What allows it.
    pub warrant: Warrant,
}

impl Command for CreateOperator {
    const NAME: &'static str = "auth.create-operator";
    const REQUIRES: Permission = Permission::SetUp;
    type Tenancy = Platform;
    /// The operator; none when there is one already and only the first one was to be made.
    type Reply = Option<UserId>;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<Option<UserId>, Error> {
        let now = Clock::now();
        operators::lock(tx).await?;
        let others = operators::is_any(tx).await?;
        let good = operators::withdraw_setup_token(tx).await?;
        match &self.warrant {
            Warrant::Configured => {}
            Warrant::SetupToken(hash) if good == Some(*hash) && !others => {}
            Warrant::SetupToken(_) => return Err(Error::SetupRefused),
            Warrant::First if others => return Ok(None),
            Warrant::First => {}
        }
        let (user, is_new) = people::insert_or_find(tx, &self.person, &self.password, now).await?;
        if !is_new && self.known != Some(user) {
            return Err(Error::HasAccount);
        }
        operators::insert(tx, user, now).await?;
        Ok(Some(user))
    }
}

/// Keeps the hash of a new setup token instead of the former one, if there is no operator yet; whether it does. Without a new
/// one, or with an operator, none is good any more.
#[derive(Debug, Clone)]
pub struct OfferSetup {
    /// SHA-256 of the token.
    pub token_hash: Option<[u8; 32]>,
}

impl Command for OfferSetup {
    const NAME: &'static str = "auth.offer-setup";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = bool;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<bool, Error> {
        operators::lock(tx).await?;
        operators::withdraw_setup_token(tx).await?;
        match self.token_hash {
            Some(token_hash) if !operators::is_any(tx).await? => {
                operators::offer_setup_token(tx, &token_hash, Clock::now()).await?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}
