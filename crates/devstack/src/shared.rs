//! One cluster for all test processes: the one of `devstack test`, or else one that this user's test processes share.
//! The rule it keeps: the shared one stops by itself when no test process has used it for ten minutes.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::{Command, Stdio};

use tokio::sync::OnceCell;

use crate::bootstrap::BOOTSTRAP;
use crate::cluster::Cluster;
use crate::process::Identity;
use crate::servers::{Kafka, Place, Postgres, Redis};
use crate::{Error, runs};

/// The variables that `devstack test` sets and [`shared_cluster`] reads.
pub const VARIABLES: [&str; 3] = ["TEST_DATABASE_URL", "TEST_REDIS_URL", "TEST_KAFKA_BROKERS"];

/// How long the shared cluster runs on without a test process, in seconds.
const IDLE_SECONDS: u32 = 600;

/// The superuser's password on throw-away clusters.
const PASSWORD: &str = "test";

/// The cluster for this test process. The first of this user's test processes on this machine starts it.
///
/// # Errors
/// When a server's program is missing or does not start; the message says what to do.
pub async fn shared_cluster() -> Result<&'static Cluster, Error> {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    CLUSTER.get_or_try_init(find_or_start).await
}

/// Three throw-away servers of this process alone; they are stopped and removed when the value is dropped.
#[derive(Debug)]
pub struct OwnCluster {
    /// PostgreSQL.
    pub postgres: Postgres,
    /// Redis.
    pub redis: Redis,
    /// Kafka.
    pub kafka: Kafka,
}

impl OwnCluster {
    /// Starts all three at the same time.
    ///
    /// # Errors
    /// When a server's program is missing or does not start.
    pub async fn start() -> Result<Self, Error> {
        Self::start_at(Place::temporary("postgres")?, Place::temporary("redis")?, Place::temporary("kafka")?).await
    }

    /// The same in these places.
    ///
    /// # Errors
    /// As for [`OwnCluster::start`].
    pub async fn start_at(postgres: Place, redis: Place, kafka: Place) -> Result<Self, Error> {
        let (postgres, redis, kafka) =
            tokio::try_join!(Postgres::start(postgres, PASSWORD), Redis::start(redis), Kafka::start(kafka))?;
        Ok(Self { postgres, redis, kafka })
    }

    /// Its addresses.
    #[must_use]
    pub fn addresses(&self) -> Cluster {
        Cluster {
            database_url: self.postgres.url("postgres"),
            redis_url: self.redis.url(),
            kafka_brokers: self.kafka.brokers(),
        }
    }
}

async fn find_or_start() -> Result<Cluster, Error> {
    if let [Ok(database_url), Ok(redis_url), Ok(kafka_brokers)] = VARIABLES.map(std::env::var) {
        return Ok(Cluster { database_url, redis_url, kafka_brokers });
    }
    // Another version of the SQL file gets another cluster, because roles belong to the whole cluster.
    let mut hasher = DefaultHasher::new();
    BOOTSTRAP.hash(&mut hasher);
    let folder = runs::root().join(format!("shared-{:016x}", hasher.finish()));
    let leases = folder.join("leases");
    fs::create_dir_all(&leases).map_err(Error::file("create", &leases))?;
    let lock = lock(&folder.join("lock")).await?;
    let cluster = match running(&folder) {
        Some(cluster) => cluster,
        None => start(&folder).await?,
    };
    let own = Identity::own().ok_or_else(|| Error::Refused("this process cannot read /proc/self/stat".to_owned()))?;
    let lease = leases.join(own.to_string());
    fs::write(&lease, "").map_err(Error::file("write", &lease))?;
    drop(lock);
    Ok(cluster)
}

/// Waits until no other process has locked this file; it is locked until the value is dropped.
///
/// # Errors
/// When the file cannot be created or locked.
pub async fn lock(path: &Path) -> Result<File, Error> {
    let file = File::create(path).map_err(Error::file("create", path))?;
    tokio::task::spawn_blocking(move || file.lock().map(|()| file))
        .await
        .map_err(|error| Error::Refused(format!("waiting for {} was interrupted: {error}", path.display())))?
        .map_err(Error::file("lock", path))
}

/// The cluster in this folder, if all of it runs.
fn running(folder: &Path) -> Option<Cluster> {
    let text = fs::read_to_string(folder.join("ready")).ok()?;
    let mut lines = text.lines().map(ToOwned::to_owned);
    let cluster = Cluster { database_url: lines.next()?, redis_url: lines.next()?, kafka_brokers: lines.next()? };
    ["postgres", "redis", "kafka", "keeper"]
        .iter()
        .all(|name| {
            Identity::read(&folder.join(name).join(format!("{name}.pid"))).is_some_and(|identity| identity.is_alive())
        })
        .then_some(cluster)
}

async fn start(folder: &Path) -> Result<Cluster, Error> {
    runs::end_all(folder);
    let _absent = fs::remove_file(folder.join("ready"));
    for name in ["postgres", "redis", "kafka", "keeper"] {
        let part = folder.join(name);
        if part.exists() {
            fs::remove_dir_all(&part).map_err(Error::file("remove", &part))?;
        }
    }
    let place = |name: &str| Place::throw_away(folder.join(name));
    let mut cluster = OwnCluster::start_at(place("postgres"), place("redis"), place("kafka")).await?;
    keep(folder)?;
    let addresses = cluster.addresses();
    let ready = folder.join("ready");
    let lines =
        [&addresses.database_url, &addresses.redis_url, &addresses.kafka_brokers].map(|line| format!("{line}\n"));
    fs::write(&ready, lines.concat()).map_err(Error::file("write", &ready))?;
    cluster.postgres.server.leave_running();
    cluster.redis.server.leave_running();
    cluster.kafka.server.leave_running();
    Ok(addresses)
}

/// Starts the shell process that ends the cluster when it has been idle for long enough.
fn keep(folder: &Path) -> Result<(), Error> {
    let own = folder.join("keeper");
    fs::create_dir_all(&own).map_err(Error::file("create", &own))?;
    let child = Command::new("setsid")
        .args(["sh", "-c", include_str!("keeper.sh"), "devstack-keeper"])
        .arg(folder)
        .arg(IDLE_SECONDS.to_string())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|source| Error::Spawn { program: "sh".to_owned(), source })?;
    let file = own.join("keeper.pid");
    let identity = Identity::of(child.id()).map(|identity| identity.to_string()).unwrap_or_default();
    fs::write(&file, identity).map_err(Error::file("write", &file))
}
