//! The links of a person. There are at most two: the one that counts, and one that waits for its code.

use access::Permission;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{ChatLinkId, Timestamp, UserId};
use mediator::{Query, ReadConn, Tenant};
use uuid::Uuid;

use crate::domain::ChatLink;
use crate::error::Error;
use crate::schema::chat_links;

/// Asks for the links of a person, in the order in which they were created.
#[derive(Debug, Clone, Copy)]
pub struct ListChatLinks {
    /// The person who asks.
    pub user: UserId,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = chat_links, check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Uuid,
    code_expires_at: Option<Timestamp>,
    created_at: Timestamp,
    linked_at: Option<Timestamp>,
}

impl Query for ListChatLinks {
    const NAME: &'static str = "notifier.list-chat-links";
    const REQUIRES: Permission = Permission::AccountOwn;
    type Tenancy = Tenant;
    type Reply = Vec<ChatLink>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Vec<ChatLink>, Error> {
        let rows: Vec<Row> = chat_links::table
            .filter(chat_links::org_id.eq(read.organisation().uuid()))
            .filter(chat_links::user_id.eq(self.user.uuid()))
            .order(chat_links::id)
            .select(Row::as_select())
            .load(read.connection())
            .await?;
        let link = |row: Row| ChatLink {
            id: ChatLinkId::from_uuid(row.id),
            linked: row.linked_at.is_some(),
            code_expires_at: row.code_expires_at,
            created_at: row.created_at,
            linked_at: row.linked_at,
        };
        Ok(rows.into_iter().map(link).collect())
    }
}
