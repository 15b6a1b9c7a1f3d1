//! The Bot API stand-in answers as Telegram does.

use devstack::bot_api::{self, Button, CHAT, Failure, Pressed, TOKEN};
use serde_json::{Value, json};

async fn send(url: &str, token: &str, body: &Value) -> (u16, Value) {
    call(url, token, "sendMessage", body).await
}

async fn call(url: &str, token: &str, method: &str, body: &Value) -> (u16, Value) {
    let reply = reqwest::Client::new().post(format!("{url}/bot{token}/{method}")).json(body).send().await.unwrap();
    (reply.status().as_u16(), reply.json().await.unwrap())
}

#[tokio::test]
async fn a_message_is_accepted_and_can_be_read_back() {
    let bot = bot_api::start().unwrap();
    let (status, reply) = send(&bot.url(), TOKEN, &json!({"chat_id": CHAT, "text": "Order 1"})).await;
    assert_eq!((status, &reply["ok"], &reply["result"]["text"]), (200, &json!(true), &json!("Order 1")));
    let seen: Value = reqwest::get(format!("{}/messages?since=0", bot.url())).await.unwrap().json().await.unwrap();
    assert_eq!(seen["messages"][0]["text"], "Order 1");
    assert_eq!(bot.messages().len(), 1);
}

#[tokio::test]
async fn more_than_a_burst_is_told_how_long_to_wait() {
    let bot = bot_api::start().unwrap();
    let body = json!({"chat_id": CHAT.parse::<i64>().unwrap(), "text": "x"});
    for _ in 0..5 {
        assert_eq!(send(&bot.url(), TOKEN, &body).await.0, 200);
    }
    let (status, reply) = send(&bot.url(), TOKEN, &body).await;
    assert_eq!(status, 429);
    assert_eq!(reply["ok"], false);
    assert_eq!(reply["error_code"], 429);
    assert_eq!(reply["parameters"]["retry_after"], 1);
    assert_eq!(reply["description"], "Too Many Requests: retry after 1");
    assert_eq!((bot.refused(), bot.messages().len()), (1, 5));
}

#[tokio::test]
async fn what_telegram_refuses_is_refused_with_its_words() {
    let bot = bot_api::start().unwrap();
    let cases = [
        (TOKEN, json!({"chat_id": CHAT, "text": ""}), 400, "Bad Request: message text is empty"),
        (TOKEN, json!({"chat_id": CHAT, "text": "x".repeat(4097)}), 400, "Bad Request: message is too long"),
        (TOKEN, json!({"chat_id": 5, "text": "x"}), 400, "Bad Request: chat not found"),
        (
            TOKEN,
            json!({"chat_id": CHAT, "text": "<b>x", "parse_mode": "HTML"}),
            400,
            "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        ("1:wrong", json!({"chat_id": CHAT, "text": "x"}), 401, "Unauthorized"),
        ("wrong", json!({"chat_id": CHAT, "text": "x"}), 404, "Not Found"),
    ];
    for (token, body, status, description) in cases {
        let (answered, reply) = send(&bot.url(), token, &body).await;
        assert_eq!((answered, reply["description"].as_str()), (status, Some(description)));
    }
    assert!(bot.messages().is_empty());
}

#[tokio::test]
async fn ordered_failures_come_first() {
    let bot = bot_api::start().unwrap();
    let body = json!({"chat_id": CHAT, "text": "x"});
    bot.fail_next(1, Failure::RetryAfter(7));
    bot.fail_next(1, Failure::Unavailable);
    bot.fail_next(1, Failure::LostReply);
    assert_eq!(send(&bot.url(), TOKEN, &body).await.1["parameters"]["retry_after"], 7);
    assert_eq!(send(&bot.url(), TOKEN, &body).await.0, 502);
    let reply = reqwest::Client::new().post(format!("{}/bot{TOKEN}/sendMessage", bot.url())).json(&body).send().await;
    let read = async { reply?.text().await }.await;
    assert!(read.is_err(), "the connection broke");
    assert_eq!(bot.messages().len(), 1, "and yet the message is there");
    assert_eq!(send(&bot.url(), TOKEN, &body).await.0, 200);
}

#[tokio::test]
async fn a_chat_that_blocked_the_bot_takes_nothing_until_it_lets_it_in_again() {
    let bot = bot_api::start().unwrap();
    let body = json!({"chat_id": CHAT, "text": "see <code>a.example</code>", "parse_mode": "HTML"});
    bot.close(CHAT);
    let (status, reply) = send(&bot.url(), TOKEN, &body).await;
    assert_eq!((status, reply["description"].as_str()), (403, Some("Forbidden: bot was blocked by the user")));
    bot.reopen(CHAT);
    assert_eq!(send(&bot.url(), TOKEN, &body).await.0, 200);
    let message = &bot.messages()[0];
    assert_eq!((message.text.as_str(), message.live.len()), ("see a.example", 0));
}

#[tokio::test]
async fn a_pressed_button_is_an_update_for_whoever_wants_it_and_is_answered_once() {
    let bot = bot_api::start().unwrap();
    let with = |data: &str| {
        let keyboard = json!({"inline_keyboard": [[{"text": "Cancel", "callback_data": data}]]});
        json!({"chat_id": CHAT, "text": "Order 1", "reply_markup": keyboard})
    };
    for refused in ["", &"x".repeat(65)] {
        let (status, reply) = send(&bot.url(), TOKEN, &with(refused)).await;
        assert_eq!((status, reply["description"].as_str()), (400, Some("Bad Request: BUTTON_DATA_INVALID")));
    }
    assert_eq!(send(&bot.url(), TOKEN, &with(&"x".repeat(64))).await.0, 200);
    let message = bot.messages().pop().unwrap();
    assert_eq!(message.buttons, [Button { text: "Cancel".to_owned(), data: "x".repeat(64) }]);
    let (chat, data) = (CHAT.parse().unwrap(), message.buttons[0].data.clone());
    let pressed = Pressed { chat, topic: None, message_id: message.message_id, data, account: 42 };
    let number = bot.press(pressed.clone());
    let updates = async |wanted: Value| {
        let asked = json!({"offset": 0, "timeout": 0, "allowed_updates": wanted});
        call(&bot.url(), TOKEN, "getUpdates", &asked).await.1["result"].clone()
    };
    let found = updates(json!(["message", "callback_query"])).await;
    let query = &found[0]["callback_query"];
    assert_eq!((&found[0]["update_id"], &query["data"]), (&json!(number), &json!("x".repeat(64))));
    assert_eq!((&query["from"]["id"], &query["message"]["chat"]["id"]), (&json!(42), &json!(chat)));
    let answer = json!({"callback_query_id": query["id"], "text": "Asked."});
    assert_eq!(call(&bot.url(), TOKEN, "answerCallbackQuery", &answer).await.0, 200);
    assert_eq!(call(&bot.url(), TOKEN, "answerCallbackQuery", &answer).await.0, 400);
    let toasts: Vec<(String, String)> = bot.toasts().into_iter().map(|toast| (toast.callback, toast.text)).collect();
    assert_eq!(toasts, [(number.to_string(), "Asked.".to_owned())]);
    // What is not wanted is never told.
    bot.press(pressed);
    assert_eq!(updates(json!(["message"])).await, json!([]));
    assert_eq!(updates(json!(["callback_query"])).await, json!([]));
}

#[tokio::test]
async fn a_message_is_edited_and_replied_to_while_it_is_there() {
    let bot = bot_api::start().unwrap();
    let call = async |method: &str, body: Value| {
        let url = format!("{}/bot{TOKEN}/{method}", bot.url());
        let reply = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
        (reply.status().as_u16(), reply.json::<Value>().await.unwrap())
    };
    let first =
        call("sendMessage", json!({"chat_id": CHAT, "text": "Order 1"})).await.1["result"]["message_id"].clone();
    let edit = |text: &str| json!({"chat_id": CHAT, "message_id": first, "text": text});
    assert_eq!(call("editMessageText", edit("Order 1, sent")).await.1["result"]["message_id"], first);
    let unchanged = call("editMessageText", edit("Order 1, sent")).await;
    assert!(unchanged.1["description"].as_str().unwrap().starts_with("Bad Request: message is not modified"));
    let reply = |also: bool| {
        let to = json!({"message_id": first, "allow_sending_without_reply": also});
        json!({"chat_id": CHAT, "text": "It has left", "reply_parameters": to})
    };
    assert_eq!(call("sendMessage", reply(false)).await.0, 200);
    let kept = bot.messages();
    assert_eq!((kept[0].text.as_str(), kept[0].edits, kept[1].reply_to), ("Order 1, sent", 1, first.as_i64()));

    bot.delete(first.as_i64().unwrap());
    assert_eq!(call("editMessageText", edit("gone")).await.1["description"], "Bad Request: message to edit not found");
    assert_eq!(
        call("sendMessage", reply(false)).await.1["description"],
        "Bad Request: message to be replied not found"
    );
    assert_eq!(call("sendMessage", reply(true)).await.0, 200);
    assert_eq!(bot.messages().last().unwrap().reply_to, None);
}
