//! A person's links to their account on Telegram. Requests become commands and queries; nothing else happens here.

use access::Caller;
use kernel::{ChatLinkId, UserId};
use rest::{App, IdempotencyKey, Path, Problem, Recorded, Staff, State, problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::commands::{CreateChatLink, DeleteChatLink};
use crate::domain::{ChatLink, LinkCodes};
use crate::queries::ListChatLinks;

/// The link that the path names.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ChatLinkPath {
    chat_link: ChatLinkId,
}

/// A link with its code, which is shown in this reply only.
#[derive(Serialize, JsonSchema)]
pub(super) struct NewChatLink {
    /// The link.
    chat_link: ChatLink,
    /// To be sent to the bot: `/me <code>`.
    code: String,
}

/// The links of a person.
#[derive(Serialize, JsonSchema)]
pub(super) struct ChatLinks {
    /// The one that counts, and one that waits for its code.
    items: Vec<ChatLink>,
}

/// The link that was deleted.
#[derive(Serialize, JsonSchema)]
pub(super) struct DeletedChatLink {
    /// The id that it had.
    chat_link: ChatLinkId,
}

pub(super) async fn create(
    app: App,
    by: Staff,
    State(codes): State<LinkCodes>,
    key: IdempotencyKey,
) -> Result<Recorded<NewChatLink>, Problem> {
    let (chat_link, user) = (ChatLinkId::new(), person(&by)?);
    let command = CreateChatLink { chat_link, user, code: codes.of_person(chat_link) };
    let at = |created: &ChatLink| format!("/admin/v1/chat-links/{}", created.id);
    let made = app.create(&by, &key, &(), command, at).await?;
    made.revealing(|chat_link: ChatLink| NewChatLink { code: codes.of_person(chat_link.id).text(), chat_link })
}

pub(super) async fn list(app: App, by: Staff) -> Result<rest::Ok<ChatLinks>, Problem> {
    let user = person(&by)?;
    Ok(rest::Ok(ChatLinks { items: app.ask(&by, ListChatLinks { user }).await? }))
}

pub(super) async fn delete(
    app: App,
    by: Staff,
    Path(at): Path<ChatLinkPath>,
) -> Result<rest::Ok<DeletedChatLink>, Problem> {
    let command = DeleteChatLink { user: person(&by)?, chat_link: at.chat_link };
    Ok(rest::Ok(DeletedChatLink { chat_link: app.send(&by, command).await? }))
}

/// The person who asks; a program has no account.
fn person(by: &Staff) -> Result<UserId, Problem> {
    match by.caller {
        Caller::Staff { user, .. } => Ok(user),
        _ => Err(Problem::new(problems::FORBIDDEN).detail("This path is for members of an organisation.")),
    }
}
