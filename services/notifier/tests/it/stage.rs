//! What the tests of this binary share: a scene, a stand-in for Telegram, replicas of the notifier, and events to publish.

use std::time::Duration;

use access::Role;
use contracts::Channel;
use contracts::auth::MembershipState;
use contracts::order::{
    Amounts, Confirmed, FulfilmentStatus, LineStanding, OrderEvent, OrderLine, PaymentStatus, Pieces, Placed, Source,
    Standing, Status, StockPolicy,
};
use devstack::bot_api::{self, BotApi, Message};
use kernel::{
    ChannelCode, Clock, Currency, MembershipId, Money, OrderId, OrganisationId, ProductId, Quantity, SignedMoney, Sku,
    UserId, VariantId,
};
use messaging::Outgoing;
use notifier::config::Settings;
use notifier::domain::{Address, Chat, FollowUp, Receiver, Voice};
use notifier::processes::Telegram;
use serde_json::Value;
use service::Secret;
use testkit::{Caller, Client, Program, Running, Scene, Topics, eventually};

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
        Self::among(&[]).await
    }

    /// The same where the bot is in these chats too.
    pub(crate) async fn among(chats: &[i64]) -> Self {
        let scene = Scene::of("notifier", notifier::MIGRATIONS).connections(4).build().await;
        let telegram = bot_api::start_with(bot_api::Settings {
            chats: [CHAT.to_owned()].into_iter().chain(GROUPS.iter().chain(chats).map(i64::to_string)).collect(),
            burst: 3,
            group_per_minute: Some(20),
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
            order_keep_days: 90,
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

    /// The program as a process of its own, which sends and takes no events. Dropping it kills it.
    pub(crate) fn process(&self) -> Program {
        let (telegram, nobody) = (self.telegram.url(), format!("nobody-{}", uuid::Uuid::new_v4().simple()));
        let more = [
            ("TELEGRAM_BOT_TOKEN", bot_api::TOKEN),
            ("TELEGRAM_CHAT_ID", CHAT),
            ("BOT_API_URL", &telegram),
            ("KAFKA_NAMESPACE", &nobody),
        ];
        Program::serve(&self.scene, env!("CARGO_BIN_EXE_notifier"), &more)
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
        priced_in: None,
        standing: None,
    })
}

pub(crate) fn confirmed(order: OrderId) -> OrderEvent {
    OrderEvent::Confirmed(Confirmed::new(order, usd(3_000)))
}

/// A member of an organisation, as auth says it.
pub(crate) struct Person {
    pub(crate) user: UserId,
    organisation: OrganisationId,
    membership: MembershipId,
}

impl Person {
    /// The person's place with this role.
    pub(crate) fn with(&self, role: Role, active: bool, version: i64) -> MembershipState {
        let permissions = role.permissions().iter().map(|permission| permission.to_string()).collect();
        let (membership, organisation, user) = (self.membership, self.organisation, self.user);
        MembershipState { membership, organisation, user, roles: vec![role.to_string()], permissions, active, version }
    }
}

impl Stage {
    /// Somebody with this role in an organisation, to whom this account is linked.
    pub(crate) async fn member(
        &self,
        replica: &Running,
        organisation: OrganisationId,
        account: i64,
        role: Role,
    ) -> Person {
        let token = self.scene.mint().token(organisation, &[role]);
        let (status, made) = Client::new(replica.base(), Some(&token)).post("/admin/v1/chat-links", &Value::Null).await;
        assert_eq!(status, 201, "{made}");
        self.telegram.say_as(account, CHAT.parse().unwrap(), None, &format!("/me {}", made["code"].as_str().unwrap()));
        let linked = "select user_id::text from chat_links where org_id::text = $1 and telegram_user = $2";
        let user = eventually(PATIENCE, async || {
            let row = self.superuser.query_opt(linked, &[&organisation.uuid().to_string(), &account]).await.unwrap();
            row.map(|row| UserId::from_uuid(row.get::<_, &str>(0).parse().unwrap()))
        })
        .await;
        let person = Person { user, organisation, membership: MembershipId::new() };
        let known = format!("members where user_id = '{}'", user.uuid());
        self.scene.send(&[testkit::publish(Some(organisation), 1, &person.with(role, true, 1))]).await;
        self.rows(&known, 1).await;
        person
    }

    /// Waits until a table has so many rows; a condition may stand behind its name.
    pub(crate) async fn rows(&self, table: &str, number: i64) {
        let count = format!("select count(*) from {table}");
        eventually(PATIENCE, async || {
            let rows: i64 = self.superuser.query_one(&count, &[]).await.unwrap().get(0);
            if rows == number { Ok(()) } else { Err(format!("{rows} rows: {count}")) }
        })
        .await;
    }

    /// Waits until so many rows of a table name this permission.
    pub(crate) async fn roles(&self, table: &str, permission: &str, number: i64) {
        self.rows(&format!("{table} where permissions like '%{permission}%'"), number).await;
    }
}

/// That an order is placed or confirmed, with where it stands then.
pub(crate) fn stands(order: OrderId, number: i64, status: Status) -> OrderEvent {
    let nothing = usd(0);
    let amounts = |minor| {
        let (none, all) = (SignedMoney::from(nothing), SignedMoney::from(usd(minor)));
        Amounts { gross: all, discount: none, tax: none, shipping: none, net: all }
    };
    let line = LineStanding {
        sku: Sku::parse("TEA-1").unwrap(),
        product: ProductId::new(),
        variant: VariantId::new(),
        unit_price: usd(1_000),
        unit_cost: None,
        amounts: amounts(3_000),
        pieces: Pieces { ordered: 3, ..Pieces::default() },
    };
    let standing = Some(Box::new(Standing {
        number: Some(number),
        source: Source::Shop,
        stock: StockPolicy::Update,
        oversold: false,
        status,
        payment: PaymentStatus::Unpaid,
        fulfilment: FulfilmentStatus::Unfulfilled,
        channel: ChannelCode::shop(),
        customer: None,
        buyer: None,
        total: usd(3_000),
        authorised: nothing,
        paid: nothing,
        refunded: nothing,
        lines: vec![line],
    }));
    match placed(order) {
        OrderEvent::Placed(placed) if status == Status::Pending => OrderEvent::Placed(Placed { standing, ..placed }),
        _ => OrderEvent::Confirmed(Confirmed { standing, ..Confirmed::new(order, usd(3_000)) }),
    }
}

/// How many facts a message tells: its lines, or what its digest counts.
pub(crate) fn facts_in(message: &Message) -> i64 {
    let mut lines = message.text.lines();
    match lines.next().and_then(|first| first.strip_prefix("📋 ")) {
        Some(digest) => digest.split(' ').next().unwrap().replace(',', "").parse().unwrap(),
        None => {
            let signs = ['🛒', '✅', '⛔', '🚫', '📉', '📭', '❗', '✋', '📦', '🔗', '🔔', '💓', '📄', '👆'];
            message.text.lines().filter(|line| line.starts_with(signs)).count().try_into().unwrap()
        }
    }
}
