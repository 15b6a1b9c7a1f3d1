//! The chat of the operations team, as its members see it: what stands there, and what they say and press.

use devstack::bot_api::{CHAT, Message, Pressed};
use serde_json::Value;
use testkit::{Client, eventually};

use crate::{PATIENCE, Shop, Store, must};

/// The chat of the configuration.
#[must_use]
pub fn chat() -> i64 {
    must(CHAT.parse(), "read the number of the chat")
}

/// Links an account on Telegram to whoever asks, in the chat, and waits until notifier and order know what they may do.
///
/// # Panics
/// When the code is not given.
pub async fn link_account(store: &Store, person: &Client, account: i64) {
    let (status, made) = person.post("/admin/v1/chat-links", &Value::Null).await;
    assert_eq!(status, 201, "{made}");
    let code = made["code"].as_str().unwrap_or_default();
    store.bot().say_as(account, chat(), None, &format!("/me {code}"));
    let client = store.superuser().await;
    let statement = "select count(*) from notifier.chat_links l
                       join notifier.members n on n.org_id = l.org_id and n.user_id = l.user_id and n.active
                       join \"order\".members o on o.org_id = l.org_id and o.membership = n.membership and o.version = n.version
                      where l.telegram_user = $1";
    eventually(PATIENCE, async || {
        let row = client.query_one(statement, &[&account]).await.map_err(|error| error.to_string())?;
        if row.get::<_, i64>(0) > 0 { Ok(()) } else { Err(format!("account {account} is not linked yet")) }
    })
    .await;
}

/// The message in the chat that tells of this order of a shop in these words, with its buttons.
pub async fn message_of(store: &Store, (shop, number): (&Shop, i64), words: &str) -> Message {
    let order = format!("order {number}");
    eventually(PATIENCE, async || {
        let messages = store.bot().messages();
        let found = messages.iter().rev().find(|message| {
            let names = [words, &order, &shop.slug];
            names.iter().all(|name| message.text.contains(name)) && !message.buttons.is_empty()
        });
        found.cloned().ok_or_else(|| messages.into_iter().map(|message| message.text).collect::<Vec<_>>())
    })
    .await
}

/// Presses the button with this in its label, as this account: what whoever presses is told.
///
/// # Panics
/// When the message has no such button.
pub async fn press(store: &Store, message: &Message, label: &str, account: i64) -> String {
    let Some(button) = message.buttons.iter().find(|button| button.text.contains(label)) else {
        panic!("no button {label}: {message:?}")
    };
    press_data(store, message, &button.data, account).await
}

/// Presses a button that carries this, as this account: what whoever presses is told.
pub async fn press_data(store: &Store, message: &Message, data: &str, account: i64) -> String {
    let pressed = Pressed { chat: chat(), topic: None, message_id: message.message_id, data: data.to_owned(), account };
    let update = store.bot().press(pressed).to_string();
    eventually(PATIENCE, async || store.bot().toasts().into_iter().find(|it| it.callback == update).map(|it| it.text))
        .await
}

/// Waits until the chat says this.
pub async fn says(store: &Store, words: &str) {
    eventually(PATIENCE, async || {
        let texts: Vec<String> = store.bot().messages().into_iter().rev().take(5).map(|it| it.text).collect();
        if texts.iter().any(|text| text.contains(words)) { Ok(()) } else { Err(texts) }
    })
    .await;
}
