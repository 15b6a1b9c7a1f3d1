//! What keeps messages from being sent, for readiness, the log and the metrics.
//! The rule: a chat that nobody is told in any more is no obstacle, whatever its row keeps.

use access::Permission;
use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use mediator::{Platform, Query, ReadConn};

use crate::domain::{BOT, Chat, Obstacle, SMTP};
use crate::error::Error;

/// Asks for every obstacle, of the carriers and of the chats that are told something.
#[derive(Debug, Clone)]
pub struct ListObstacles {
    /// The chat of the configuration.
    pub configured: Chat,
}

#[derive(QueryableByName)]
struct ObstacleRow {
    #[diesel(sql_type = Text)]
    subject: String,
    #[diesel(sql_type = Text)]
    cause: String,
}

impl Query for ListObstacles {
    const NAME: &'static str = "notifier.list-obstacles";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = Vec<Obstacle>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Vec<Obstacle>, Error> {
        let rows: Vec<ObstacleRow> = persistence::statement(
            "select b.subject, b.obstacle as cause from budgets b
             where b.obstacle is not null and (b.subject in ($1, $2, $3) or exists (
                 select 1 from destinations t
                 where t.chat = case when b.subject ~ '^-?[0-9]{1,18}$' then b.subject::bigint end
                     and t.state in ('active', 'unreachable')))",
        )
        .bind::<Text, _>(BOT)
        .bind::<Text, _>(self.configured.as_str())
        .bind::<Text, _>(SMTP)
        .load(read.connection())
        .await?;
        let obstacle = |ObstacleRow { subject, cause }: ObstacleRow| match subject.as_str() {
            BOT => Some(Obstacle::Token { cause }),
            SMTP => Some(Obstacle::Mail { cause }),
            chat => Some(Obstacle::Chat { chat: Chat::parse(chat).ok()?, cause }),
        };
        Ok(rows.into_iter().filter_map(obstacle).collect())
    }
}
