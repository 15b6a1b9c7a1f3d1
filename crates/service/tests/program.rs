//! A service's program as a process of its own: exit codes, help, waiting, signals, logs, spans.
//! The program is this very test binary, asked to run the ignored test [`act`].

#![expect(clippy::unwrap_used, reason = "the helpers of tests may stop at the first surprise, as tests do")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use service::config::Reader;
use service::{Boot, BootError, Definition, Part, Stage};

struct Config {
    file: PathBuf,
}

fn read(env: &mut Reader) -> Option<Config> {
    let file = env.required("PROBE_FILE", "The file that the probe waits for");
    let _secret = env.secret("PROBE_SECRET", "A secret of the probe");
    Some(Config { file: file? })
}

async fn start(config: Config, boot: Boot) -> Result<(), BootError> {
    boot.wait_for("file", || std::future::ready(std::fs::metadata(&config.file))).await?;
    let outer = tracing::info_span!("work", otel.name = "outer", colour = "green");
    outer.in_scope(|| {
        let inner = tracing::info_span!("work", otel.name = "inner");
        inner.in_scope(|| tracing::error!(code = 7, "something broke"));
        let took = Duration::from_millis(1_150).as_millis();
        tracing::warn!(message = 4, service = "other", severity = %"mild", took, "told {}", "somebody");
    });
    metrics::counter!("probe_total").increment(3);
    let (slow, dies) = (std::env::var("PROBE_SLOW").is_ok(), std::env::var("PROBE_DIES").is_ok());
    boot.run(Part::essential(Stage::Publishing, "relay", move |stop| async move {
        stop.cancelled().await;
        if slow {
            std::future::pending::<()>().await;
        }
        Ok(())
    }));
    boot.run(Part::essential(Stage::Requests, "http", |stop| async move {
        stop.cancelled().await;
        Ok(())
    }));
    boot.run(Part::essential(Stage::Consuming, "consumer", move |stop| async move {
        if dies {
            return Err(std::io::Error::other("the broker took our group away").into());
        }
        stop.cancelled().await;
        Ok(())
    }));
    // Panics the first time and works from then on.
    let (panics, runs) = (std::env::var("PROBE_PANICS").is_ok(), Arc::new(AtomicU32::new(0)));
    boot.run(Part::restarted(Stage::Consuming, "sweep", move |stop| {
        let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            if panics && run == 1 {
                panic!("the sweep met something that cannot be");
            }
            metrics::counter!("probe_sweeps_total").increment(1);
            stop.cancelled().await;
            Ok(())
        }
    }));
    Ok(())
}

/// Not a test: what the tests start.
#[test]
#[ignore = "this is the program that the other tests start"]
fn act() {
    let definition = Definition::new("probe", "A service that does nothing", read, start)
        .openapi(|| serde_json::json!({"openapi": "3.1.0"}));
    let arguments = std::env::var("PROBE_ARGUMENTS").unwrap();
    let arguments = std::iter::once("probe").chain(arguments.split_whitespace()).map(str::to_owned).collect();
    let code = service::run_from(definition, arguments);
    // `ExitCode` keeps its number to itself.
    let codes = [0_u8, 1, 64, 70, 75];
    let number =
        codes.into_iter().find(|number| format!("{:?}", std::process::ExitCode::from(*number)) == format!("{code:?}"));
    std::process::exit(number.map_or(99, i32::from));
}

fn program(arguments: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "act", "--ignored", "--nocapture", "--test-threads", "1"]);
    command.env_clear().env("PROBE_ARGUMENTS", arguments).envs(variables.iter().copied());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(arguments: &str, variables: &[(&str, &str)]) -> Output {
    program(arguments, variables).output().unwrap()
}

/// A running program; it is killed with the test.
struct Running {
    child: Child,
    internal: SocketAddr,
    folder: PathBuf,
}

impl Running {
    fn start(test: &str, variables: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("service-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let internal = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (address, file) = (internal.to_string(), folder.join("awaited"));
        let (address, file) = (("INTERNAL_ADDRESS", address.as_str()), ("PROBE_FILE", file.to_str().unwrap()));
        let mut all = vec![address, file, ("PROBE_SECRET", "hunter2")];
        all.extend_from_slice(variables);
        let child = program("serve", &all).spawn().unwrap();
        Self { child, internal, folder }
    }

    fn ask(&self, line: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.internal).ok()?;
        stream.write_all(format!("{line} HTTP/1.0\r\n\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    #[track_caller]
    fn until(&self, line: &str, part: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let answer = self.ask(line).unwrap_or_default();
            if answer.contains(part) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{line} never had {part}, last: {answer}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn provide_the_file(&self) {
        std::fs::write(self.folder.join("awaited"), "").unwrap();
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// The exit code and what was written to standard output.
    fn ended(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the program never ended");
            std::thread::sleep(Duration::from_millis(5));
        }
        let code = self.child.wait().unwrap().code();
        let mut written = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut written).unwrap();
        (code, written)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
        let _removed = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn every_bad_variable_is_named_before_anything_starts() {
    let variables = [
        ("LOG_FORMAT", "xml"),
        ("SHUTDOWN_SECONDS", "soon"),
        ("TRACE_SAMPLE_RATIO", "2"),
        ("INTERNAL_ADDRESS", "here"),
        ("LOG_LEVEL", "warning"),
    ];
    let output = output("serve", &variables);
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8(output.stderr).unwrap();
    let names = [
        "PROBE_FILE",
        "PROBE_SECRET",
        "LOG_FORMAT",
        "LOG_LEVEL",
        "SHUTDOWN_SECONDS",
        "TRACE_SAMPLE_RATIO",
        "INTERNAL_ADDRESS",
    ];
    for name in names {
        assert!(text.contains(&format!("  {name}: ")), "{name} is missing in:\n{text}");
    }
    assert!(text.contains("7 environment variables are bad"), "{text}");
}

#[test]
fn help_lists_every_variable_and_a_wrong_command_is_64() {
    let help = output("--help", &[]);
    assert_eq!(help.status.code(), Some(0));
    let text = String::from_utf8(help.stdout).unwrap();
    for part in
        ["serve", "openapi", "health", "PROBE_FILE", "PROBE_SECRET or PROBE_SECRET_FILE", "[required]", "LOG_LEVEL"]
    {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert!(!text.contains("migrate"), "a service without migrations has none to run:\n{text}");
    assert_eq!(output("dance", &[]).status.code(), Some(64));
    assert_eq!(output("", &[]).status.code(), Some(64));
}

#[test]
fn the_document_needs_no_configuration() {
    let output = output("openapi", &[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().contains("\"openapi\": \"3.1.0\""));
}

#[test]
fn it_waits_alive_but_not_ready_then_serves_then_stops_in_order() {
    let spans = std::env::temp_dir().join(format!("service-spans-{}", std::process::id()));
    let running = Running::start("order", &[("LOG_FORMAT", "json"), ("TRACE_FILE", spans.to_str().unwrap())]);
    let address = running.internal.to_string();
    running.until("GET /livez", "200 OK");
    let waiting = running.until("GET /readyz", "\"name\":\"file\"");
    assert!(waiting.contains("503") && waiting.contains("No such file"), "{waiting}");
    assert_eq!(output("health", &[("INTERNAL_ADDRESS", &address)]).status.code(), Some(1));

    running.provide_the_file();
    running.until("GET /readyz", "200 OK");
    assert_eq!(output("health", &[("INTERNAL_ADDRESS", &address)]).status.code(), Some(0));
    running.until("GET /metrics", "probe_total 3");

    running.signal("-TERM");
    let (code, written) = running.ended();
    assert_eq!(code, Some(0), "{written}");
    let places: Vec<usize> = ["stopping http", "stopping consumer", "stopping relay", "probe has stopped"]
        .iter()
        .map(|text| written.find(text).unwrap_or_else(|| panic!("{text} is missing in:\n{written}")))
        .collect();
    assert!(places.is_sorted(), "{written}");

    let lines: Vec<Value> = written.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let broken = lines.iter().find(|line| line["message"] == "something broke").unwrap();
    assert_eq!(broken["severity"], "ERROR");
    assert_eq!(broken["code"], 7);
    assert_eq!(broken["colour"], "green");
    assert_eq!(broken["serviceContext"]["service"], "probe");
    assert!(lines.iter().any(|line| line["severity"] == "WARNING" && line["what"] == "file"));
    // A field that has the name of something that the line says moves aside.
    let told = lines.iter().find(|line| line["message"] == "told somebody").unwrap();
    assert_eq!((&told["field.message"], &told["field.service"]), (&4.into(), &"other".into()));
    assert_eq!((&told["service"], &told["severity"]), (&"probe".into(), &"WARNING".into()));
    assert_eq!((&told["field.severity"], &told["took"]), (&"mild".into(), &1_150.into()));

    let recorded = spans_of(&spans);
    let span = |name: &str| recorded.iter().find(|span| span["name"] == name).unwrap();
    assert_eq!(span("inner")["parent_span_id"], span("outer")["span_id"]);
    assert_eq!(span("inner")["trace_id"], span("outer")["trace_id"]);
    assert!(span("outer")["parent_span_id"].is_null());
    assert_eq!(span("outer")["attributes"]["colour"], "green");
    assert_eq!(span("outer")["service"], "probe");
    assert!(span("outer")["duration_us"].is_u64());
    assert_eq!(broken["logging.googleapis.com/trace"], span("inner")["trace_id"]);
    assert_eq!(broken["logging.googleapis.com/spanId"], span("inner")["span_id"]);
}

fn spans_of(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let _removed = std::fs::remove_file(path);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_signal_while_it_waits_ends_it() {
    let running = Running::start("early", &[]);
    running.until("GET /readyz", "\"name\":\"file\"");
    running.signal("-INT");
    let (code, written) = running.ended();
    assert_eq!(code, Some(0), "{written}");
    assert!(written.contains("waiting for file"), "{written}");
}

#[test]
fn a_part_that_dies_ends_the_process_with_its_reason() {
    let running = Running::start("dies", &[("PROBE_DIES", "1")]);
    running.provide_the_file();
    let (code, written) = running.ended();
    assert_eq!(code, Some(70), "{written}");
    assert!(written.contains("consumer: the broker took our group away"), "{written}");
    assert!(written.contains("stopping relay"), "the other parts are stopped in order:\n{written}");
}

#[test]
fn a_part_that_panics_is_seen_in_readiness_log_and_metric_within_a_second_and_works_again() {
    let running = Running::start("panics", &[("PROBE_PANICS", "1")]);
    running.provide_the_file();
    let began = Instant::now();
    let unready = running.until("GET /readyz", "the sweep met something that cannot be");
    assert!(unready.contains("503") && unready.contains("\"name\":\"sweep\""), "{unready}");
    running.until("GET /metrics", "part_failures_total{part=\"sweep\",reason=\"panic\"} 1");
    assert!(began.elapsed() < Duration::from_secs(1) + Duration::from_millis(500), "seen after {:?}", began.elapsed());
    running.until("GET /metrics", "probe_sweeps_total 1");
    running.until("GET /metrics", "part_running{part=\"sweep\"} 1");
    running.until("GET /readyz", "200 OK");
    running.signal("-TERM");
    let (code, written) = running.ended();
    assert_eq!(code, Some(0), "{written}");
    assert!(
        written.contains("sweep is started again in 200ms: it panicked: the sweep met something that cannot be"),
        "{written}"
    );
}

#[test]
fn a_stop_that_takes_too_long_is_cut_off() {
    let running = Running::start("slow", &[("PROBE_SLOW", "1"), ("SHUTDOWN_SECONDS", "1")]);
    running.provide_the_file();
    running.until("GET /readyz", "200 OK");
    running.signal("-TERM");
    let (code, written) = running.ended();
    assert_eq!(code, Some(75), "{written}");
}

#[test]
fn an_internal_address_that_is_taken_ends_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let variables = [("INTERNAL_ADDRESS", address.as_str()), ("PROBE_FILE", "/none"), ("PROBE_SECRET", "hunter2")];
    let output = output("serve", &variables);
    assert_eq!(output.status.code(), Some(70));
    assert!(String::from_utf8(output.stdout).unwrap().contains("set INTERNAL_ADDRESS"));
}
