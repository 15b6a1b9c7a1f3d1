//! `devstack test -- <command>`: three fresh servers for the command, which end with it, however it ends.

use std::process::ExitCode;
use std::time::Instant;

use devstack::{Error, OwnCluster, VARIABLES};
use tokio::signal::unix::{SignalKind, signal};

pub(crate) async fn run(command: &[String]) -> Result<ExitCode, Error> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Error::Refused("name a command: devstack test -- cargo test".to_owned()));
    };
    // Listen for signals before the servers start: a Ctrl-C must not leave them behind.
    let listen = |kind| signal(kind).map_err(|error| Error::Refused(format!("cannot listen for signals: {error}")));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);

    let begun = Instant::now();
    eprintln!("devstack: starting PostgreSQL, Redis and Kafka for this test run");
    let cluster = tokio::select! {
        cluster = OwnCluster::start() => cluster?,
        _ = interrupt.recv() => return Ok(ExitCode::from(130)),
        _ = terminate.recv() => return Ok(ExitCode::from(143)),
    };
    eprintln!("devstack: ready after {:.1} s", begun.elapsed().as_secs_f64());

    let addresses = cluster.addresses();
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .envs(VARIABLES.into_iter().zip([&addresses.database_url, &addresses.redis_url, &addresses.kafka_brokers]))
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| Error::Spawn { program: program.clone(), source })?;
    let code = tokio::select! {
        status = child.wait() => {
            let status = status.map_err(|source| Error::Spawn { program: program.clone(), source })?;
            status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
        }
        _ = interrupt.recv() => ExitCode::from(130),
        _ = terminate.recv() => ExitCode::from(143),
    };
    drop(child);
    drop(cluster);
    devstack::forget_this_run();
    Ok(code)
}
