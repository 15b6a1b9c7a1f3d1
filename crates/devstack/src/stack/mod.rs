//! The stack of `make up`: starting, showing, stopping and removing it, in either of two ways.

mod compose;
mod env_file;
mod folder;
mod logs;
mod native;
mod organisation;
mod report;
mod secrets;
mod settings;
mod status;
pub(crate) mod supervisor;

use devstack::Error;

use crate::words::say;
pub(crate) use env_file::EnvFile;
pub(crate) use folder::Folder;
use folder::Way;
pub(crate) use report::Report;

/// Starts whatever is not running; at the end prints addresses, login and the next command.
pub(crate) async fn up() -> Result<EnvFile, Error> {
    let folder = Folder::open()?;
    let _alone = folder.lock().await?;
    let way = folder.way().await?;
    let report = Report::begin(&format!(
        "Cyber Store · {} · everything it creates is in {}",
        way.words(),
        folder.path().display()
    ));
    let env = match way {
        Way::Native => native::up(&folder, &report).await?,
        Way::Compose => compose::up(&folder, &report).await?,
    };
    organisation::ensure(&env, &report).await?;
    env.write(&folder)?;
    report.end(&env, &folder);
    Ok(env)
}

/// Stops everything, keeps the data.
pub(crate) async fn down() -> Result<(), Error> {
    let folder = Folder::open()?;
    let _alone = folder.lock().await?;
    match folder.remembered_way() {
        Some(Way::Compose) => compose::down(&folder, false).await,
        Some(Way::Native) => {
            native::down(&folder).await?;
            say!("everything is down; the data is kept in {} (`make reset` removes it)", folder.path().display());
            Ok(())
        }
        None => {
            say!("nothing was started from here");
            Ok(())
        }
    }
}

/// Stops everything and removes the data.
pub(crate) async fn reset() -> Result<(), Error> {
    let folder = Folder::open()?;
    let _alone = folder.lock().await?;
    match folder.remembered_way() {
        Some(Way::Compose) => compose::down(&folder, true).await?,
        Some(Way::Native) => native::down(&folder).await?,
        None => {}
    }
    folder.remove()?;
    say!(
        "removed {} and everything in it; servers that the environment named were left alone",
        folder.path().display()
    );
    Ok(())
}

/// What runs, where, since when, and whether it is ready. The reply is whether everything is.
pub(crate) async fn status() -> Result<bool, Error> {
    let folder = Folder::open()?;
    match folder.remembered_way() {
        Some(Way::Compose) => compose::status(&folder).await,
        Some(Way::Native) => status::show(&folder).await,
        None => {
            say!("nothing was started from here; `make up` starts it");
            Ok(false)
        }
    }
}

/// The end of the logs of one service or server, or of all, and with `follow` what is written from then on.
pub(crate) async fn logs(service: Option<&str>, lines: usize, follow: bool) -> Result<(), Error> {
    let folder = Folder::open()?;
    match folder.remembered_way() {
        Some(Way::Compose) => compose::logs(&folder, service, lines, follow).await,
        _ => logs::show(&folder, service, lines, follow).await,
    }
}

/// Runs the migrations of every service against the running stack.
pub(crate) async fn migrate() -> Result<(), Error> {
    let folder = Folder::open()?;
    let _alone = folder.lock().await?;
    match folder.remembered_way() {
        Some(Way::Compose) => compose::migrate(&folder).await,
        _ => native::migrate(&folder).await,
    }
}

/// The variables of the running stack; none when its gateway does not answer.
pub(crate) async fn running() -> Option<EnvFile> {
    let env = EnvFile::read(&Folder::open().ok()?).ok()?;
    let client = reqwest::Client::builder().timeout(std::time::Duration::from_secs(2)).build().ok()?;
    let reply = client.get(format!("{}/openapi.json", env.get("GATEWAY_URL")?)).send().await.ok()?;
    reply.status().is_success().then_some(env)
}
