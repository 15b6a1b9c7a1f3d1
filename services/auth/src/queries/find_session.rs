//! The session that a refresh token names.

use access::Permission;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use kernel::{OrganisationId, SessionId, UserId};
use mediator::{Platform, Query, ReadConn};
use uuid::Uuid;

use crate::{error::Error, schema::sessions};

/// Asks whose a session is, and which organisation it is turned to; none when there is no such session, or it was ended.
#[derive(Debug, Clone, Copy)]
pub struct FindSession {
    /// The session.
    pub session: SessionId,
}

impl Query for FindSession {
    const NAME: &'static str = "auth.find-session";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    type Reply = Option<(UserId, OrganisationId)>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Self::Reply, Error> {
        let row: Option<(Uuid, Uuid)> = sessions::table
            .filter(sessions::session_id.eq(self.session.uuid()))
            .filter(sessions::ended_at.is_null())
            .select((sessions::user_id, sessions::org_id))
            .get_result(read.connection())
            .await
            .optional()?;
        Ok(row.map(|(user, organisation)| (UserId::from_uuid(user), OrganisationId::from_uuid(organisation))))
    }
}
