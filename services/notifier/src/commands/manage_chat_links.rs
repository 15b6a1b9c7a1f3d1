//! What a person does with the link to their account on Telegram: makes a code, and removes a link.
//! The rule: everybody looks after their own links and nobody else's.

use access::Permission;
use kernel::{ChatLinkId, Clock, UserId};
use mediator::{Command, Tenant, Tx};

use crate::domain::{ChatLink, LINK_CODE_LIFE, LinkCode};
use crate::error::Error;
use crate::store::chat_links;

/// Creates a link that waits for its code.
#[derive(Debug, Clone)]
pub struct CreateChatLink {
    /// The id that it will have.
    pub chat_link: ChatLinkId,
    /// The person who asks.
    pub user: UserId,
    /// The code that links an account.
    pub code: LinkCode,
}

impl Command for CreateChatLink {
    const NAME: &'static str = "notifier.create-chat-link";
    const REQUIRES: Permission = Permission::AccountOwn;
    type Tenancy = Tenant;
    type Reply = ChatLink;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<ChatLink, Error> {
        let created_at = Clock::now();
        let link = ChatLink {
            id: self.chat_link,
            linked: false,
            code_expires_at: Some(created_at + LINK_CODE_LIFE),
            created_at,
            linked_at: None,
        };
        chat_links::insert(tx, self.user, &link, &self.code).await?;
        Ok(link)
    }
}

/// Deletes a link. The account is not heard as this person's any more.
#[derive(Debug, Clone, Copy)]
pub struct DeleteChatLink {
    /// The person who asks.
    pub user: UserId,
    /// The link.
    pub chat_link: ChatLinkId,
}

impl Command for DeleteChatLink {
    const NAME: &'static str = "notifier.delete-chat-link";
    const REQUIRES: Permission = Permission::AccountOwn;
    type Tenancy = Tenant;
    type Reply = ChatLinkId;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<ChatLinkId, Error> {
        let deleted = chat_links::delete(tx, self.user, self.chat_link).await?;
        if deleted { Ok(self.chat_link) } else { Err(Error::UnknownChatLink { chat_link: self.chat_link }) }
    }
}
