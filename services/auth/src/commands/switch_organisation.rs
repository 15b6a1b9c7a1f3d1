//! Turns a session to another organisation of its person.

use access::Permission;
use kernel::{Clock, OrganisationId, SessionId, UserId};
use mediator::{Command, Platform, Tx};

use crate::{
    domain::Session,
    error::Error,
    store::{memberships, sessions},
};

/// Turns a session to an organisation that its person works for; its next access tokens are for that one.
#[derive(Debug, Clone)]
pub struct SwitchOrganisation {
    /// The person.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The organisation to turn to.
    pub organisation: OrganisationId,
}

impl Command for SwitchOrganisation {
    const NAME: &'static str = "auth.switch-organisation";
    const REQUIRES: Permission = Permission::AccountOwn;
    type Tenancy = Platform;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<(), Error> {
        let place = memberships::of_person(tx, self.organisation, self.user).await?;
        if !place.is_some_and(|place| place.active) {
            return Err(Error::NotAMember);
        }
        let session = sessions::lock(tx, self.session).await?;
        let open = session.filter(|session| session.user == self.user && session.ended_at.is_none());
        let session = open.ok_or(Error::UnknownSession { session: self.session })?;
        let turned = Session { organisation: self.organisation, last_used_at: Clock::now(), ..session };
        sessions::save(tx, &turned).await
    }
}
