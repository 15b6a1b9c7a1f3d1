//! The route table. Permissions stand on the commands and queries; handlers only translate.

mod chat_links;
mod destinations;
mod problems;

use rest::{Api, Routes};

use crate::commands::{
    ChangeDestination, CreateChatLink, CreateDestination, DeleteChatLink, DeleteDestination, ResendFailed,
    TestDestination,
};
use crate::queries::{FindDestination, ListChatLinks, ListDeliveries, ListDestinations};

/// Every route of this service.
#[must_use]
pub fn routes() -> Routes {
    Api::new("notifier", "Where the team of an organisation hears what happens")
        .problems(&problems::ALL)
        .post("/admin/v1/destinations", destinations::create, |op| {
            op.summary("Create a destination")
                .description(
                    "Without an `email` or a `url` the reply has a code. Sent to the bot as `/link CODE`, in a chat, a group, a channel \
                     or a topic of a forum, it links that place to the destination. It is good once, for 15 minutes. With a `url` \
                     the reply has the secret that requests to the webhook are signed with, as Standard Webhooks says.",
                )
                .sends::<CreateDestination>()
                .problems(&problems::CREATE)
        })
        .get("/admin/v1/destinations", destinations::list, |op| {
            op.summary("List the destinations").asks::<ListDestinations>()
        })
        .get("/admin/v1/destinations/{destination}", destinations::find, |op| {
            op.summary("Read a destination").asks::<FindDestination>()
        })
        .patch("/admin/v1/destinations/{destination}", destinations::change, |op| {
            op.summary("Change a destination").sends::<ChangeDestination>().problems(&problems::LINKED)
        })
        .delete("/admin/v1/destinations/{destination}", destinations::delete, |op| {
            op.summary("Delete a destination with what it was not told yet").sends::<DeleteDestination>()
        })
        .post("/admin/v1/destinations/{destination}/test", destinations::test, |op| {
            op.summary("Send a test message to a destination").sends::<TestDestination>().problems(&problems::LINKED)
        })
        .post("/admin/v1/destinations/{destination}/preview", destinations::preview, |op| {
            op.summary("Show how a destination would be told of something")
                .description("Nothing is sent. A template is shown before it is kept.")
                .asks::<FindDestination>()
                .id("notifier.preview-destination")
        })
        .get("/admin/v1/destinations/{destination}/deliveries", destinations::deliveries, |op| {
            op.summary("List what a destination was told, the latest first").asks::<ListDeliveries>()
        })
        .post("/admin/v1/destinations/{destination}/resend", destinations::resend, |op| {
            op.summary("Send again what Telegram had refused").sends::<ResendFailed>()
        })
        .post("/admin/v1/chat-links", chat_links::create, |op| {
            op.summary("Create a code that links your account on Telegram")
                .description(
                    "The reply has a code. Sent to the bot as `/me CODE`, best in a private chat, it links the account that sends it \
                     to you in this organisation: the bot answers your commands, and you may press its buttons. It is good once, \
                     for 15 minutes, and takes the place of an account that was linked before.",
                )
                .sends::<CreateChatLink>()
        })
        .get("/admin/v1/chat-links", chat_links::list, |op| {
            op.summary("List the links of your own account").asks::<ListChatLinks>()
        })
        .delete("/admin/v1/chat-links/{chat_link}", chat_links::delete, |op| {
            op.summary("Delete a link of your own account").sends::<DeleteChatLink>()
        })
        .finish()
}
