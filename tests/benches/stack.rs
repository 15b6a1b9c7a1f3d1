//! The stack under measurement: its own servers on data that is synced to disk, release builds, no limits.

use std::path::PathBuf;
use std::time::Duration;

use devstack::bot_api::{self, BotApi};
use devstack::services::{Plan, Services, Surroundings, Telegram, built_programs};
use devstack::{DatabaseRole, Passwords, bootstrap};
use devstack::{Kafka, Place, Postgres, Redis};
use serde_json::{Value, json};
use tokio_postgres::{Client, NoTls};

use crate::Failure;

const DATABASE: &str = "bench";
const PASSWORD: &str = "a long enough passphrase 7";

pub(crate) struct Stack {
    pub(crate) services: Services,
    pub(crate) bot: BotApi,
    pub(crate) postgres: Postgres,
    pub(crate) redis: Redis,
    /// Held for its end.
    _kafka: Kafka,
    pub(crate) surroundings: Surroundings,
    pub(crate) folder: PathBuf,
    http: reqwest::Client,
}

/// An organisation whose owner is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    pub(crate) slug: String,
    pub(crate) token: String,
}

impl Shop {
    /// The header line that its staff sends.
    pub(crate) fn authorization(&self) -> String {
        format!("authorization: Bearer {}\r\n", self.token)
    }
}

impl Stack {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let folder = devstack::temporary_folder("bench")?;
        let password = devstack::random_secret();
        // Kept places sync to disk; nothing of theirs is kept beyond this folder.
        let postgres = Postgres::start(Place::kept(folder.join("postgres"), 15432), &password).await?;
        let redis = Redis::start(Place::kept(folder.join("redis"), 16379)).await?;
        let kafka = Kafka::start(Place::kept(folder.join("kafka"), 19092)).await?;
        let plain = connect(&postgres.url("postgres")).await?;
        plain.batch_execute(&format!("create database {DATABASE}")).await?;
        let passwords = Passwords::for_tests();
        let address = postgres.url(DATABASE).parse()?;
        bootstrap(&address, &passwords).await?;
        let bot = bot_api::start_with(bot_api::Settings { burst: 10_000, per_second: 10_000, ..Default::default() })?;
        let more = [
            ("LIMIT_ADDRESS_PER_MINUTE", "0"),
            ("LIMIT_ORGANISATION_PER_MINUTE", "0"),
            ("LIMIT_LOGIN_PER_MINUTE", "0"),
            ("TRACE_SAMPLE_RATIO", "0"),
            ("TRACE_FILE", ""),
            ("LOG_LEVEL", "warn"),
            ("ORDER_DEADLINE_SECONDS", "1800"),
            ("TELEGRAM_MESSAGES_PER_MINUTE", "60"),
        ];
        let surroundings = Surroundings {
            database: address,
            passwords,
            redis_url: redis.url(),
            kafka_brokers: kafka.brokers(),
            kafka_namespace: String::new(),
            telegram: Telegram::stand_in(bot.url()),
            setup_token: "bench-setup-token".to_owned(),
            signing_key_secret: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned(),
            more: more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        let plan = || -> Result<Plan, Failure> {
            Ok(Plan {
                programs: built_programs()?,
                folder: folder.clone(),
                replicas: 1,
                usual_ports: false,
                surroundings: surroundings.clone(),
            })
        };
        Services::migrate(&plan()?).await?;
        let mut services = Services::start(plan()?).await?;
        services.ready(|_| ()).await?;
        Ok(Self { services, bot, postgres, redis, _kafka: kafka, surroundings, folder, http: reqwest::Client::new() })
    }

    /// `host:port` of the gateway.
    pub(crate) fn gateway(&self) -> String {
        self.services.gateway_url().trim_start_matches("http://").trim_end_matches('/').to_owned()
    }

    pub(crate) async fn superuser(&self) -> Result<Client, Failure> {
        connect(&self.postgres.url(DATABASE)).await
    }

    /// The URL of a service's tenant role, as pgbench takes it.
    pub(crate) fn tenant_url(&self, service: &str) -> String {
        self.surroundings.database_url(service, DatabaseRole::App)
    }

    pub(crate) async fn open_shop(&self, slug: &str) -> Result<Shop, Failure> {
        let gateway = self.services.gateway_url();
        let email = format!("owner@{slug}.example");
        let created = self
            .http
            .post(format!("{gateway}/auth/v1/organisations"))
            .header("x-setup-token", &self.surroundings.setup_token)
            .header("idempotency-key", slug)
            .json(&json!({"slug": slug, "name": slug, "currency": "USD",
                          "owner": {"email": email, "password": PASSWORD, "name": "Owner"}}))
            .send()
            .await?;
        expect(created, 201).await?;
        let logged_in = self
            .http
            .post(format!("{gateway}/auth/v1/login"))
            .json(&json!({"organisation": slug, "email": email, "password": PASSWORD}))
            .send()
            .await?;
        let body = expect(logged_in, 200).await?;
        let shop = Shop { slug: slug.to_owned(), token: body["access_token"].as_str().unwrap_or_default().to_owned() };
        self.known(&shop).await?;
        Ok(shop)
    }

    /// Waits until catalog and order have heard of the organisation and its key.
    async fn known(&self, shop: &Shop) -> Result<(), Failure> {
        for path in ["/admin/v1/products", "/admin/v1/orders"] {
            let mut tries = 0;
            loop {
                let url = format!("{}{path}", self.services.gateway_url());
                let reply = self.http.get(url).bearer_auth(&shop.token).send().await?;
                let shown = self
                    .http
                    .get(format!("{}/store/v1/{}/products", self.services.gateway_url(), shop.slug))
                    .send()
                    .await?;
                if reply.status().as_u16() == 200 && shown.status().as_u16() == 200 {
                    break;
                }
                tries += 1;
                if tries > 600 {
                    return Err(format!("{path} stays at {} for {}", reply.status(), shop.slug).into());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    /// Imports NDJSON; the summary.
    pub(crate) async fn import(&self, shop: &Shop, lines: String) -> Result<Value, Failure> {
        let reply = self
            .http
            .post(format!("{}/admin/v1/imports", self.services.gateway_url()))
            .bearer_auth(&shop.token)
            .header("content-type", "application/x-ndjson")
            .body(lines)
            .send()
            .await?
            .text()
            .await?;
        let last: Value = serde_json::from_str(reply.lines().last().unwrap_or_default())?;
        if !last["summary"].is_object() || last["summary"]["failed"] != 0 {
            return Err(format!("the import did not succeed: {}", reply.lines().next().unwrap_or_default()).into());
        }
        Ok(last["summary"].clone())
    }

    /// Puts SKUs on sale in a shop and waits until they can be ordered.
    pub(crate) async fn sell(&self, shop: &Shop, skus: &[String], stock: i64) -> Result<(), Failure> {
        let lines: Vec<String> = skus.iter().map(|sku| product_line(sku, stock)).collect();
        self.import(shop, lines.join("\n")).await?;
        let client = self.superuser().await?;
        for _ in 0..1200 {
            let row = client
                .query_one(
                    "select count(*) from \"order\".sellable s join auth.organisations o on o.org_id = s.org_id
                     where o.slug = $1 and s.sku = any($2)",
                    &[&shop.slug, &skus],
                )
                .await?;
            if usize::try_from(row.get::<_, i64>(0)) == Ok(skus.len()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("order never heard of all {} SKUs", skus.len()).into())
    }
}

/// A product of one variant as a line of an import.
pub(crate) fn product_line(sku: &str, stock: i64) -> String {
    json!({"slug": sku.to_lowercase(), "title": format!("Product {sku}"),
           "description": "A product that was made up to be measured, with a description of the usual length for a shop.",
           "variants": [{"sku": sku, "title": "Standard", "price": {"amount": "19.90", "currency": "USD"}, "stock": stock}]})
    .to_string()
}

async fn expect(reply: reqwest::Response, status: u16) -> Result<Value, Failure> {
    let (got, text) = (reply.status().as_u16(), reply.text().await?);
    if got != status {
        return Err(format!("{got} instead of {status}: {text}").into());
    }
    Ok(serde_json::from_str(&text)?)
}

async fn connect(url: &str) -> Result<Client, Failure> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(async move {
        let _ended = connection.await;
    });
    Ok(client)
}
