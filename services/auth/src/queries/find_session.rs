//! The session that a refresh token names.

use access::Permission;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use kernel::{CustomerId, OrganisationId, SessionId, UserId};
use mediator::{Platform, Query, ReadConn};
use uuid::Uuid;

use crate::{domain::Holder, error::Error, schema::sessions};

/// Asks whose a session is; none when there is no such session, or it was ended.
#[derive(Debug, Clone, Copy)]
pub struct FindSession {
    /// The session.
    pub session: SessionId,
}

impl Query for FindSession {
    const NAME: &'static str = "auth.find-session";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    type Reply = Option<Holder>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Self::Reply, Error> {
        let row: Option<(Option<Uuid>, Option<Uuid>, Option<Uuid>)> = sessions::table
            .filter(sessions::session_id.eq(self.session.uuid()))
            .filter(sessions::ended_at.is_null())
            .select((sessions::user_id, sessions::customer_id, sessions::org_id))
            .get_result(read.connection())
            .await
            .optional()?;
        let Some((user, customer, organisation)) = row else { return Ok(None) };
        let organisation = organisation.map(OrganisationId::from_uuid);
        Ok(Holder::stored(user.map(UserId::from_uuid), customer.map(CustomerId::from_uuid), organisation))
    }
}
