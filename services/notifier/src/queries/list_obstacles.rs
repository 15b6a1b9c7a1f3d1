//! What keeps messages from being sent, for readiness, the log and the metrics.

use access::Permission;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use mediator::{Platform, Query, ReadConn};

use crate::domain::{BOT, Chat, Obstacle};
use crate::error::Error;
use crate::schema::budgets;

/// Asks for every obstacle, of the bot and of all chats.
#[derive(Debug, Clone, Copy)]
pub struct ListObstacles;

impl Query for ListObstacles {
    const NAME: &'static str = "notifier.list-obstacles";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = Vec<Obstacle>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Vec<Obstacle>, Error> {
        let rows: Vec<(String, Option<String>)> = budgets::table
            .filter(budgets::obstacle.is_not_null())
            .select((budgets::subject, budgets::obstacle))
            .load(read.connection())
            .await?;
        let obstacle = |(subject, cause): (String, Option<String>)| match (subject.as_str(), cause?) {
            (BOT, cause) => Some(Obstacle::Token { cause }),
            (chat, cause) => Some(Obstacle::Chat { chat: Chat::parse(chat).ok()?, cause }),
        };
        Ok(rows.into_iter().filter_map(obstacle).collect())
    }
}
