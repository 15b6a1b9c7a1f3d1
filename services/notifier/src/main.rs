//! The process: everything that it does is wired in `lib.rs`.

fn main() -> std::process::ExitCode {
    service::run(notifier::definition())
}
