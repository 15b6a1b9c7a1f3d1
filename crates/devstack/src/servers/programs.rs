//! Where the servers' programs are: what the environment names, else what is installed, else what can be downloaded.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::{Error, lock};

/// The Kafka release whose published jars are used.
const KAFKA_VERSION: &str = "4.4.0";

/// The folder with `postgres` and `initdb`: `PG_BIN`, else that of the newest installed version.
///
/// # Errors
/// When there is none, or `PG_BIN` is not one.
pub fn postgres() -> Result<PathBuf, Error> {
    if let Some(folder) = env::var_os("PG_BIN").map(PathBuf::from) {
        if folder.join("postgres").is_file() && folder.join("initdb").is_file() {
            return Ok(folder);
        }
        return Err(Error::Refused(format!(
            "PG_BIN is {} but there is no postgres and initdb in it; point it at a PostgreSQL bin folder or unset it",
            folder.display()
        )));
    }
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| folder.join("postgres").is_file())
        .collect();
    versions.sort();
    if let Some((_, folder)) = versions.pop() {
        return Ok(folder);
    }
    in_path("postgres").and_then(|program| Some(program.parent()?.to_owned())).ok_or(Error::Missing {
        program: "PostgreSQL",
        looked: "PG_BIN, /usr/lib/postgresql/*/bin, PATH".to_owned(),
        remedy: "run scripts/preflight, or install it and set PG_BIN to its bin folder",
    })
}

/// `redis-server`: `REDIS_SERVER`, else the one in PATH.
pub(super) fn redis() -> Result<PathBuf, Error> {
    if let Some(program) = env::var_os("REDIS_SERVER").map(PathBuf::from) {
        if program.is_file() {
            return Ok(program);
        }
        return Err(Error::Refused(format!(
            "REDIS_SERVER is {} but there is no such file; point it at the program redis-server or unset it",
            program.display()
        )));
    }
    in_path("redis-server").ok_or(Error::Missing {
        program: "redis-server",
        looked: "REDIS_SERVER, PATH".to_owned(),
        remedy: "run scripts/preflight, or install it and set REDIS_SERVER to the program",
    })
}

/// The Java runtime: `JAVA_HOME`, else the one in PATH.
pub(super) fn java() -> Result<PathBuf, Error> {
    if let Some(home) = env::var_os("JAVA_HOME").map(PathBuf::from) {
        let program = home.join("bin/java");
        if program.is_file() {
            return Ok(program);
        }
        return Err(Error::Refused(format!(
            "JAVA_HOME is {} but there is no bin/java in it; point it at a Java of version 17 or later or unset it",
            home.display()
        )));
    }
    in_path("java").ok_or(Error::Missing {
        program: "java",
        looked: "JAVA_HOME, PATH".to_owned(),
        remedy: "run scripts/preflight, or install Java 17 or later (Kafka runs on it)",
    })
}

/// The folder with Kafka's jars: `KAFKA_HOME/libs`, else the user's cache, which Maven fills once.
pub(super) async fn kafka_jars() -> Result<PathBuf, Error> {
    if let Some(libs) = jars_of_the_environment()? {
        return Ok(libs);
    }
    let cache = cache_folder()?.join(format!("kafka-{KAFKA_VERSION}"));
    let libs = cache.join("libs");
    if libs.is_dir() {
        return Ok(libs);
    }
    fs::create_dir_all(&cache).map_err(Error::file("create", &cache))?;
    let lock = lock(&cache.join("lock")).await?;
    // Another process may have filled it while this one waited.
    if !libs.is_dir() {
        fetch(&cache, &libs).await?;
    }
    drop(lock);
    Ok(libs)
}

fn jars_of_the_environment() -> Result<Option<PathBuf>, Error> {
    let Some(home) = env::var_os("KAFKA_HOME").map(PathBuf::from) else { return Ok(None) };
    let libs = home.join("libs");
    if libs.is_dir() {
        return Ok(Some(libs));
    }
    Err(Error::Refused(format!(
        "KAFKA_HOME is {} but there is no libs folder in it; point it at an unpacked Kafka or unset it",
        home.display()
    )))
}

/// What is wrong with the programs that the environment names, and which of them are missing, before anything is started.
#[must_use]
pub fn program_faults() -> Vec<Error> {
    [postgres().err(), redis().err(), java().err(), jars_of_the_environment().err()].into_iter().flatten().collect()
}

async fn fetch(cache: &Path, libs: &Path) -> Result<(), Error> {
    let maven = in_path("mvn").ok_or(Error::Missing {
        program: "mvn",
        looked: "PATH".to_owned(),
        remedy: "run scripts/preflight, or install Maven (it fetches Kafka's jars once), or set KAFKA_HOME to an unpacked Kafka",
    })?;
    eprintln!("  fetching Kafka {KAFKA_VERSION} (44 jars, 43 MiB, once per user) into {}", cache.display());
    let pom = cache.join("pom.xml");
    fs::write(&pom, include_str!("kafka-pom.xml").replace("{version}", KAFKA_VERSION))
        .map_err(Error::file("write", &pom))?;
    let partial = cache.join("libs.partial");
    let _absent = fs::remove_dir_all(&partial);
    let output = tokio::process::Command::new(maven)
        .args(["-q", "-B", "-f"])
        .arg(&pom)
        .args(["dependency:copy-dependencies", "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", partial.display()))
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|source| Error::Spawn { program: "mvn".to_owned(), source })?;
    if !output.status.success() {
        return Err(Error::Failed {
            command: "mvn dependency:copy-dependencies (Kafka's jars)".to_owned(),
            status: output.status.to_string(),
            output: String::from_utf8_lossy(&output.stdout).lines().take(20).collect::<Vec<_>>().join("\n"),
        });
    }
    fs::rename(&partial, libs).map_err(Error::file("rename", &partial))
}

/// `$XDG_CACHE_HOME/cyber-store`, else `~/.cache/cyber-store`.
fn cache_folder() -> Result<PathBuf, Error> {
    env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .map(|folder| folder.join("cyber-store"))
        .ok_or_else(|| {
            Error::Refused("neither XDG_CACHE_HOME nor HOME is set; set one, Kafka's jars are kept there".to_owned())
        })
}

/// The first executable of this name in PATH.
fn in_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|program| program.is_file())
}
