//! The whole store as processes of the operating system, on servers shared with other tests or of its own.
//! The rule it keeps: what is started here is production's programs with production's environment, and ends with the test.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use contracts::topics;
use devstack::bot_api::{self, BotApi};
use devstack::services::{Plan, Replica, Services, Surroundings, Telegram, schemas};
use devstack::{Cluster, DatabaseRole, OwnCluster, Passwords, Place};
use messaging::operations::{self, TopicReport};
use serde_json::json;
use testkit::{Mint, Scene, secrets};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::{PASSWORD, PATIENCE, must, programs};

/// Which groups read which topics; the lag of a group that has read nothing yet cannot be asked for.
pub const READERS: [(&str, &str); 16] = [
    (topics::ORGANISATION.name, "notifier"),
    (topics::CATEGORY.name, "catalog"),
    (topics::ORDER.name, "catalog"),
    (topics::PRODUCT.name, "catalog"),
    (topics::PRODUCT.name, "category"),
    (topics::RESERVATION.name, "order"),
    (topics::PRODUCT.name, "order"),
    (topics::ORDER.name, "notifier"),
    (topics::INTAKE.name, "order"),
    (topics::STOCK.name, "notifier"),
    (topics::AVAILABILITY.name, "notifier"),
    (topics::MEMBERSHIP.name, "notifier"),
    (topics::OUTCOME.name, "notifier"),
    (topics::MEMBERSHIP.name, "order"),
    (topics::ACTION.name, "order"),
    (topics::IMPORT.name, "notifier"),
];

/// Which servers a store stands on.
#[derive(Debug, Clone, Copy)]
pub enum Servers {
    /// Those that all tests share.
    Shared,
    /// Its own, to be ill-treated.
    Own,
    /// Its own, which sync to disk what they are given, as in production.
    Synced,
}

/// What kind of store a program wants.
#[derive(Debug, Clone, Copy)]
pub struct Wishes {
    /// What it stands on.
    pub servers: Servers,
    /// Replicas of every service.
    pub replicas: u32,
    /// More variables for every service.
    pub variables: &'static [(&'static str, &'static str)],
}

/// A running store.
pub struct Store {
    /// Its own PostgreSQL, Redis and Kafka, when it wished for them.
    pub servers: Option<OwnCluster>,
    /// Where its servers are.
    pub cluster: Cluster,
    /// For its logs, and for what its servers keep.
    pub folder: PathBuf,
    /// The name of its database.
    pub database: String,
    services: Services,
    bot: BotApi,
    programs: PathBuf,
    namespace: String,
    setup_token: String,
    logs: secrets::Logs,
}

impl Store {
    /// Starts servers where wished for, makes a database and a namespace, migrates, starts every service and waits
    /// until all are ready.
    pub async fn open(wishes: &Wishes) -> Store {
        let programs = programs::folder();
        let folder = must(devstack::temporary_folder("store"), "make a folder");
        let kept = |name: &str, port| Place::kept(folder.join(name), port);
        let servers = match wishes.servers {
            Servers::Shared => None,
            Servers::Own => Some(OwnCluster::start().await),
            Servers::Synced => {
                Some(OwnCluster::start_at(kept("postgres", 15432), kept("redis", 16379), kept("kafka", 19092)).await)
            }
        };
        let servers = servers.map(|started| must(started, "start servers of its own"));
        let cluster = match &servers {
            Some(own) => own.addresses(),
            None => must(devstack::shared_cluster().await, "start the test servers").clone(),
        };
        let name = Uuid::new_v4().simple().to_string();
        let (database, namespace) = (format!("store_{name}"), format!("store-{name}"));
        must(cluster.create_database(&database).await, "make a database");
        let address = must(cluster.superuser_url(&database), "name the database");
        // A group chat as the operations team has it; the stand-in's pace must not be what a test waits for.
        let settings = bot_api::Settings { burst: 10_000, per_second: 10_000, ..bot_api::Settings::default() };
        let bot = must(bot_api::start_with(settings), "start the Bot API stand-in");
        let setup_token = devstack::random_secret();
        // Nor must a journey wait for the minute to end in which it placed many orders.
        let mut more = vec![
            ("TELEGRAM_MESSAGES_PER_MINUTE".to_owned(), "60".to_owned()),
            ("FLOOD_FROM".to_owned(), "0".to_owned()),
        ];
        more.extend(wishes.variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let plan = Plan {
            programs: programs.clone(),
            folder: folder.clone(),
            replicas: wishes.replicas,
            usual_ports: false,
            surroundings: Surroundings {
                database: must(address.parse(), "read the database's address"),
                passwords: Passwords::for_tests(),
                redis_url: cluster.redis_url.clone(),
                kafka_brokers: cluster.kafka_brokers.clone(),
                kafka_namespace: namespace.clone(),
                telegram: Telegram::stand_in(bot.url()),
                setup_token: setup_token.clone(),
                // 32 bytes in base64; it seals keys that end with the test.
                signing_key_secret: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned(),
                more,
            },
        };
        let Surroundings { telegram, signing_key_secret, .. } = &plan.surroundings;
        secrets::note("setup token", &setup_token);
        secrets::note("secret of the signing keys", signing_key_secret);
        secrets::note("token of the bot", &telegram.token);
        must(Services::migrate(&plan).await, "migrate");
        let mut services = must(Services::start(plan).await, "start the services");
        must(services.ready(|_| (), |_, _| ()).await, "wait for the services");
        let logs = secrets::Logs::default();
        Store { servers, cluster, folder, database, services, bot, programs, namespace, setup_token, logs }
    }

    /// Starts again what a failed test left dead or stopped.
    pub async fn mend(&mut self) {
        if let Some(servers) = &mut self.servers {
            for server in [&mut servers.postgres.server, &mut servers.redis.server, &mut servers.kafka.server] {
                server.resume();
                if !server.is_alive() {
                    must(server.restart().await, "start a server again");
                }
            }
        }
        let places: Vec<_> = self.services.all().iter().map(|it| (it.service(), it.number())).collect();
        for (service, number) in places {
            let replica = self.replica(service, number);
            replica.signal(devstack::process::Signal::SIGCONT);
            if replica.pid().is_none() {
                self.start(service, number).await;
            }
        }
    }

    // Addresses.

    /// Every gateway.
    #[must_use]
    pub fn gateways(&self) -> Vec<String> {
        self.services.urls("gateway")
    }

    /// Where each replica of a service takes requests itself; only to wait for what one of them must know.
    #[must_use]
    pub fn urls(&self, service: &str) -> Vec<String> {
        self.services.urls(service)
    }

    /// What `POST /auth/v1/organisations` asks for.
    #[must_use]
    pub fn setup_token(&self) -> &str {
        &self.setup_token
    }

    /// An access token of a new operator, by the first gateway.
    pub async fn operator(&self) -> String {
        let visitor = testkit::Client::new(&self.gateways()[0], None).from_address(Scene::own_address());
        let email = format!("{}@operators.example", Uuid::new_v4().simple());
        let setting_up = visitor.clone().with("x-setup-token", self.setup_token());
        let wanted = json!({"email": email, "name": "An operator", "password": PASSWORD});
        let (status, body) = setting_up.post("/auth/v1/operators", &wanted).await;
        assert_eq!(status, 200, "{body}");
        let login = json!({"email": email, "password": PASSWORD});
        let (status, body) = visitor.post("/auth/v1/operators/login", &login).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap_or_default().to_owned()
    }

    /// The Bot API stand-in.
    #[must_use]
    pub fn bot(&self) -> &BotApi {
        &self.bot
    }

    /// The way to its topics, under the name of nobody's.
    #[must_use]
    pub fn kafka(&self) -> messaging::Settings {
        messaging::Settings {
            brokers: self.cluster.kafka_brokers.clone(),
            namespace: self.namespace.clone(),
            service: "test".to_owned(),
        }
    }

    /// The files to which the replicas write their spans.
    #[must_use]
    pub fn span_files(&self) -> Vec<PathBuf> {
        self.services.span_files()
    }

    /// The sum of a counter over its labels and over all replicas of a service, since they were started.
    pub async fn counted(&self, service: &str, counter: &str) -> u64 {
        let mut sum = 0;
        for replica in self.services.all().iter().filter(|replica| replica.service() == service) {
            let asked = testkit::Client::new(replica.internal_url(), None);
            let reply = asked.send(reqwest::Method::GET, "/metrics", None).await;
            let text = reply.text();
            assert_eq!(reply.status, 200, "{}: {text}", replica.name());
            let samples = text.lines().filter_map(|line| line.strip_prefix(counter));
            let samples = samples.filter(|rest| rest.starts_with(['{', ' ']));
            sum += samples.filter_map(|rest| rest.rsplit(' ').next()?.parse::<u64>().ok()).sum::<u64>();
        }
        sum
    }

    // The database.

    /// A connection as superuser, who sees every schema and every row.
    pub async fn superuser(&self) -> Client {
        connect(&must(self.cluster.superuser_url(&self.database), "name the database")).await
    }

    /// A connection as one role of one service.
    pub async fn role(&self, service: &str, role: DatabaseRole) -> Client {
        connect(&must(self.cluster.role_url(&self.database, service, role), "name the database")).await
    }

    // Redis.

    /// Lets Redis forget everything.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn flush_redis(&self) {
        let address = self.cluster.redis_url.trim_start_matches("redis://");
        let mut connection = must(TcpStream::connect(address).await, "connect to Redis");
        must(connection.write_all(b"FLUSHALL\r\n").await, "let Redis forget");
        let mut answer = [0; 5];
        must(connection.read_exact(&mut answer).await, "hear that Redis forgot");
        assert_eq!(&answer, b"+OK\r\n", "Redis did not forget");
    }

    // Its processes.

    /// One replica, counted from 1.
    ///
    /// # Panics
    /// When there is none.
    pub fn replica(&mut self, service: &str, number: u32) -> &mut Replica {
        match self.services.replica(service, number) {
            Some(replica) => replica,
            None => panic!("there is no {service}-{number}"),
        }
    }

    /// Starts a replica again on its ports, after killing it if it runs; ready when this returns.
    pub async fn start(&mut self, service: &str, number: u32) {
        let replica = self.replica(service, number);
        must(replica.restart().await, "start a replica again");
        must(replica.ready_within(PATIENCE).await, "wait for a replica");
    }

    /// Runs cyberctl as an operator would; what it printed.
    pub async fn cyberctl(&self, arguments: &[&str]) -> String {
        let internal: Vec<String> =
            self.services.all().iter().map(|it| format!("{}={}", it.service(), it.internal_url())).collect();
        let output = tokio::process::Command::new(self.programs.join("cyberctl"))
            .args(arguments)
            .env("KAFKA_BROKERS", &self.cluster.kafka_brokers)
            .env("KAFKA_NAMESPACE", &self.namespace)
            .env("SERVICES_INTERNAL", internal.join(","))
            .current_dir("/")
            .output()
            .await;
        let output = must(output, "run cyberctl (build it: cargo build --workspace --bins)");
        let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "cyberctl {arguments:?} failed: {said}{complained}");
        said.into_owned()
    }

    // Rest.

    /// Which groups have read which topics, as the broker has it.
    pub async fn readers(&self) -> BTreeSet<(String, String)> {
        let reports = must(operations::topics(&self.kafka(), topics::ALL).await, "ask who reads what");
        let of = |report: TopicReport| report.groups.into_iter().map(move |it| (report.topic.clone(), it.group));
        reports.into_iter().flat_map(of).collect()
    }

    /// Waits until nothing is on its way any more: outboxes sent, topics read, orders settled, messages told.
    ///
    /// # Panics
    /// When that takes longer than [`PATIENCE`]; the message says what was still moving.
    pub async fn settled(&self) {
        let client = self.superuser().await;
        let until = Instant::now() + PATIENCE;
        let mut before: Option<i64> = None;
        loop {
            // Two looks that see everything read and the same ends of the topics: nothing happened between them.
            let (unread, ends) = self.unread().await;
            let waiting = waiting(&client).await;
            if unread.is_empty() && waiting.is_empty() {
                if before == Some(ends) {
                    return;
                }
                before = Some(ends);
            } else {
                before = None;
            }
            assert!(Instant::now() < until, "the store does not come to rest: {unread:?} unread, {waiting:?} waiting");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// How many records of a topic a group has not read, as the broker has it; nothing when it has read none yet.
    pub async fn lag(&self, topic: &str, group: &str) -> Option<i64> {
        let reports = operations::topics(&self.kafka(), topics::ALL).await.ok()?;
        let report = reports.into_iter().find(|report| report.topic == topic)?;
        report.groups.into_iter().find(|it| it.group == group).map(|it| it.lag)
    }

    /// What groups have not read, and how many records there are.
    async fn unread(&self) -> (Vec<String>, i64) {
        let reports = match operations::topics(&self.kafka(), topics::ALL).await {
            Ok(reports) => reports,
            Err(error) => return (vec![error.to_string()], 0),
        };
        let records = |name: &str| reports.iter().find(|it| it.topic == name).map_or(0, |it| it.records);
        let lag = |topic: &str, group: &str| {
            let report = reports.iter().find(|report| report.topic == topic)?;
            report.groups.iter().find(|it| it.group == group).map(|it| it.lag)
        };
        let unread = READERS
            .iter()
            .filter_map(|(topic, group)| {
                let left = lag(topic, group).unwrap_or_else(|| records(topic));
                (left > 0).then(|| format!("{group} has {left} of {topic}"))
            })
            .collect();
        (unread, reports.iter().map(|report| report.records).sum())
    }

    /// A key that the store takes for one of auth's, since the topic of its keys has it: what a stolen key could sign.
    ///
    /// # Panics
    /// When the broker does not take it.
    pub async fn announced_key(&self) -> Mint {
        let mint = Mint::new();
        let producer = must(messaging::Producer::new(&self.kafka()), "make a producer");
        for outcome in producer.send_all(&[testkit::publish(None, 1, &mint.announced())]).await {
            must(outcome, "announce a key");
        }
        mint
    }

    /// The first line with all of these words in the log of any replica.
    pub fn logged(&self, words: &[&str]) -> Option<String> {
        let mut texts = self.log_files().filter_map(|log| std::fs::read_to_string(log).ok());
        let has_all = |line: &&str| words.iter().all(|word| line.contains(word));
        texts.find_map(|text| text.lines().find(has_all).map(str::to_owned))
    }

    /// Looks at what the replicas have written to their logs and spans since the last look.
    ///
    /// # Panics
    /// When a secret that this process has used stands there.
    pub(crate) fn assert_no_secret_written(&self) {
        if let Some((file, leak)) = self.logs.leak_in(self.log_files().chain(self.span_files())) {
            self.keep_logs();
            panic!("{} says {leak}", file.display());
        }
    }

    fn log_files(&self) -> impl Iterator<Item = PathBuf> {
        let files = std::fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "log"))
    }

    /// Copies the logs to where they outlive the test.
    pub(crate) fn keep_logs(&self) {
        let name: String = std::thread::current().name().unwrap_or("test").replace("::", ".");
        let target = self.programs.parent().unwrap_or(Path::new(".")).join("failed").join(name);
        let _there = std::fs::create_dir_all(&target);
        for log in self.log_files() {
            let _kept = std::fs::copy(&log, target.join(log.file_name().unwrap_or_default()));
        }
        eprintln!("the services' logs are in {}", target.display());
    }
}

/// What stands in the database and is still to be done.
async fn waiting(client: &Client) -> Vec<String> {
    let outboxes: Vec<String> = schemas()
        .iter()
        .map(|schema| format!("select 'outbox of {schema}', count(*) from \"{schema}\".outbox"))
        .collect();
    let statement = format!(
        "select what, n from ({} union all select 'pending orders', count(*) from \"order\".orders where status = 'pending'
         union all select 'queued orders', count(*) from \"order\".order_intake where status = 'queued'
         union all select 'marks of availability', count(*) from catalog.availability_marks
         union all select 'pending deliveries', count(*) from notifier.deliveries where state = 'pending') as found (what, n)
         where n > 0",
        outboxes.join(" union all ")
    );
    let rows = must(client.query(&statement, &[]).await, "look for what is waiting");
    rows.iter().map(|row| format!("{} {}", row.get::<_, i64>(1), row.get::<_, String>(0))).collect()
}

async fn connect(url: &str) -> Client {
    must(devstack::connect(&must(url.parse(), "read the database's address")).await, "connect to the database")
}
