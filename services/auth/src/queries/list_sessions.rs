//! The open sessions of an account.

use std::time::Duration;

use access::Permission;
use diesel::{ExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{Clock, OrganisationId, SessionId, Timestamp};
use mediator::{Platform, Query, ReadConn};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{domain::AccountId, error::Error, schema::sessions};

/// The most sessions that are listed, the ones that were used last.
const LIMIT: i64 = 200;

/// Asks for the open sessions of a person's account, the one that was used last first.
#[derive(Debug, Clone, Copy)]
pub struct ListSessions {
    /// The account.
    pub account: AccountId,
    /// The session that asks.
    pub current: SessionId,
    /// A session that was not used for this long is over.
    pub idle: Duration,
}

/// A login that is not over. This is also the resource that HTTP answers with.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SessionView {
    /// What names it where it is ended.
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub current: bool,
    /// The organisation that it is turned to; an operator's is for none.
    pub organisation: Option<OrganisationId>,
    /// What its client said of itself when it logged in.
    pub device: String,
    /// Where its client was then.
    pub address: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was used last.
    pub last_used_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
struct Row {
    session_id: Uuid,
    org_id: Option<Uuid>,
    device: String,
    address: String,
    created_at: Timestamp,
    last_used_at: Timestamp,
    expires_at: Timestamp,
}

impl Query for ListSessions {
    const NAME: &'static str = "auth.list-sessions";
    const REQUIRES: Permission = Permission::AccountOwn;
    type Tenancy = Platform;
    type Reply = Vec<SessionView>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Self::Reply, Error> {
        let now = Clock::now();
        let mut open = sessions::table.into_boxed();
        open = match self.account {
            AccountId::Person(user) => open.filter(sessions::user_id.eq(user.uuid())),
            AccountId::Customer(customer, organisation) => {
                open.filter(sessions::org_id.eq(organisation.uuid())).filter(sessions::customer_id.eq(customer.uuid()))
            }
        };
        let rows: Vec<Row> = open
            .filter(sessions::ended_at.is_null())
            .filter(sessions::expires_at.gt(now))
            .filter(sessions::last_used_at.gt(now - self.idle))
            .order(sessions::last_used_at.desc())
            .limit(LIMIT)
            .select(Row::as_select())
            .load(read.connection())
            .await?;
        let views = rows.into_iter().map(|row| SessionView {
            id: SessionId::from_uuid(row.session_id),
            current: row.session_id == self.current.uuid(),
            organisation: row.org_id.map(OrganisationId::from_uuid),
            device: row.device,
            address: row.address,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
        });
        Ok(views.collect())
    }
}

/// [`ListSessions`] for customers.
#[derive(Debug, Clone, Copy)]
pub struct ListCustomerSessions(pub ListSessions);

impl Query for ListCustomerSessions {
    const NAME: &'static str = "auth.list-customer-sessions";
    const REQUIRES: Permission = Permission::CustomerOwn;
    type Tenancy = Platform;
    type Reply = Vec<SessionView>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Self::Reply, Error> {
        self.0.fetch(read).await
    }
}
