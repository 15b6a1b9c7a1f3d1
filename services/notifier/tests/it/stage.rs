//! What the tests of this binary share: a scene, a stand-in for Telegram, replicas of the notifier, and events to publish.

use std::time::Duration;

use contracts::Channel;
use contracts::order::{Confirmed, OrderEvent, OrderLine, Placed};
use devstack::bot_api::{self, BotApi, Message};
use kernel::{Clock, Currency, Money, OrderId, ProductId, Quantity, Sku, VariantId};
use messaging::Outgoing;
use notifier::config::Settings;
use notifier::domain::{Address, Chat, FollowUp, Receiver, Voice};
use notifier::processes::Telegram;
use serde_json::Value;
use service::Secret;
use testkit::{Caller, Running, Scene, Topics, eventually};

/// A private chat: one message a second.
pub(crate) const CHAT: &str = "4242";
/// Groups that the bot is in.
pub(crate) const GROUPS: [i64; 3] = [-1001, -1002, -1003];
/// For anything that is to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct Stage {
    pub(crate) scene: Scene,
    pub(crate) telegram: BotApi,
    pub(crate) superuser: tokio_postgres::Client,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let scene = Scene::of("notifier", notifier::MIGRATIONS).connections(4).build().await;
        let telegram = bot_api::start_with(bot_api::Settings {
            chats: [CHAT.to_owned()].into_iter().chain(GROUPS.map(|group| group.to_string())).collect(),
            burst: 3,
            ..bot_api::Settings::default()
        })
        .unwrap();
        let superuser = scene.superuser().await;
        Self { scene, telegram, superuser }
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            token: Secret::new(bot_api::TOKEN),
            chat: Chat::parse(CHAT).unwrap(),
            voice: Voice::default(),
            heartbeat_at: None,
            bot_api: self.telegram.url(),
            per_minute: None,
            // Most tests write many facts at once and wait for all of them.
            flood_from: None,
            keep_days: 30,
        }
    }

    /// The chat of the configuration, as claims name it.
    pub(crate) fn configured(&self) -> Receiver {
        receiver(self.settings().chat)
    }

    /// A replica of the notifier.
    pub(crate) async fn replica(&self) -> Running {
        self.start(Topics::On).await
    }

    /// A replica that takes no events: it sends what is pending.
    pub(crate) async fn sender(&self) -> Running {
        self.start(Topics::Off).await
    }

    async fn start(&self, topics: Topics) -> Running {
        self.start_with(self.settings(), topics).await
    }

    /// A replica whose bot has this token.
    pub(crate) async fn replica_with_token(&self, token: &str) -> Running {
        self.start_with(Settings { token: Secret::new(token), ..self.settings() }, Topics::On).await
    }

    pub(crate) async fn start_with(&self, settings: Settings, topics: Topics) -> Running {
        let telegram = Telegram::new(&settings).unwrap();
        self.scene.start(notifier::assembly(settings, telegram), topics).await
    }

    /// Creates a destination as the owner of the caller's organisation: its id and its code.
    pub(crate) async fn destination(&self, replica: &Running, caller: Caller, wanted: &Value) -> (String, String) {
        let client = self.scene.client(replica.base(), caller);
        let (status, made) = client.post("/admin/v1/destinations", wanted).await;
        assert_eq!(status, 201, "{made}");
        (made["destination"]["id"].as_str().unwrap().to_owned(), made["code"].as_str().unwrap().to_owned())
    }

    /// A destination that this group is linked to.
    pub(crate) async fn linked(&self, replica: &Running, caller: Caller, wanted: &Value, group: i64) -> String {
        let (destination, code) = self.destination(replica, caller, wanted).await;
        self.telegram.say(group, None, &format!("/link {code}"));
        let client = self.scene.client(replica.base(), caller);
        eventually(PATIENCE, async || {
            let (_, found) = client.get(&format!("/admin/v1/destinations/{destination}")).await;
            if found["state"] == "active" { Ok(()) } else { Err(found) }
        })
        .await;
        // It says so in the chat; what comes behind that is what a test waits for.
        self.told_in(group, 1).await;
        destination
    }

    /// The texts of the messages in a chat.
    pub(crate) fn texts_in(&self, chat: i64) -> Vec<String> {
        let messages = self.telegram.messages().into_iter().filter(|message| message.chat_id == chat.to_string());
        messages.map(|message| message.text).collect()
    }

    /// Waits until a chat has this many messages.
    pub(crate) async fn told_in(&self, chat: i64, messages: usize) -> Vec<String> {
        eventually(PATIENCE, async || {
            let texts = self.texts_in(chat);
            if texts.len() >= messages { Ok(texts) } else { Err(texts) }
        })
        .await
    }

    /// Leases the chat for this long to a sender that does not exist, as if it had just died.
    pub(crate) async fn lease_chat(&self, duration: &str) {
        let lease = "insert into budgets (subject, claim, leased_until) values ($1, gen_random_uuid(), now() + $2::text::interval)
            on conflict (subject) do update set claim = excluded.claim, leased_until = excluded.leased_until";
        self.superuser.execute(lease, &[&CHAT, &duration]).await.unwrap();
    }

    /// Writes a pending delivery with this JSON. Deliveries are sent in the order of their numbers.
    pub(crate) async fn write(&self, number: u32, kind: &str, fact: &str) {
        let row = format!(
            "insert into deliveries (org_id, id, event_id, chat, kind, fact, occurred_at, correlation)
             values ('{}', '00000000-0000-7000-8000-{number:012}', gen_random_uuid(), '{CHAT}', '{kind}', '{fact}', now(),
                 gen_random_uuid())",
            self.scene.organisation().uuid()
        );
        self.superuser.batch_execute(&row).await.unwrap();
    }

    /// How many deliveries are in a state.
    pub(crate) async fn count(&self, state: &str) -> i64 {
        let rows = self.superuser.query_one("select count(*) from deliveries where state = $1", &[&state]).await;
        rows.unwrap().get(0)
    }

    /// Waits until this many deliveries were told and none is pending.
    pub(crate) async fn told(&self, number: i64) {
        eventually(PATIENCE, async || {
            let (sent, pending) = (self.count("sent").await, self.count("pending").await);
            if (sent, pending) == (number, 0) { Ok(()) } else { Err(format!("{sent} told, {pending} pending")) }
        })
        .await;
    }

    pub(crate) fn record<C: Channel>(&self, version: i64, event: &C) -> Outgoing {
        testkit::publish(Some(self.scene.organisation()), version, event)
    }
}

/// A chat that is spoken to in English.
pub(crate) fn receiver(chat: Chat) -> Receiver {
    Receiver { address: Address { chat, topic: None }, voice: Voice::default(), follow_up: FollowUp::New }
}

pub(crate) fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::parse("USD").unwrap()).unwrap()
}

pub(crate) fn placed(order: OrderId) -> OrderEvent {
    placed_as(order, None)
}

/// An order with the shopper's own name for it.
pub(crate) fn placed_as(order: OrderId, reference: Option<&str>) -> OrderEvent {
    OrderEvent::Placed(Placed {
        order,
        lines: vec![OrderLine {
            sku: Sku::parse("TEA-1").unwrap(),
            product: ProductId::new(),
            variant: VariantId::new(),
            product_version: 1,
            quantity: Quantity::new(3).unwrap(),
            unit_price: usd(1_000),
            price_given: false,
        }],
        total: usd(3_000),
        placed_at: Clock::now(),
        deadline_at: Clock::now(),
        shopper_reference: reference.map(str::to_owned),
        standing: None,
    })
}

pub(crate) fn confirmed(order: OrderId) -> OrderEvent {
    OrderEvent::Confirmed(Confirmed::new(order, usd(3_000)))
}

/// How many facts a message tells: its lines, or what its digest counts.
pub(crate) fn facts_in(message: &Message) -> i64 {
    let mut lines = message.text.lines();
    match lines.next().and_then(|first| first.strip_prefix("📋 ")) {
        Some(digest) => digest.split(' ').next().unwrap().replace(',', "").parse().unwrap(),
        None => {
            let signs = ['🛒', '✅', '⛔', '🚫', '📉', '📭', '❗', '✋', '📦', '🔗', '🔔', '💓', '📄'];
            message.text.lines().filter(|line| line.starts_with(signs)).count().try_into().unwrap()
        }
    }
}
