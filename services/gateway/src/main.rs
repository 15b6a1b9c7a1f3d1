//! The gateway's process. Everything is wired in `lib.rs`.

fn main() -> std::process::ExitCode {
    service::run(gateway::definition())
}
