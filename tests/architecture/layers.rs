//! The modules of a service and which of them each may use. The rule: every module of every service stands in the table.

use crate::sources::{Tree, code, hold, named};

/// Module, and the modules of the same service that it may use. The gateway has no state; its modules stand below.
const MAY_SEE: &[(&str, &[&str])] = &[
    ("error", &["domain"]),
    ("schema", &[]),
    ("domain", &["error"]),
    ("published", &["domain"]),
    ("store", &["schema", "domain", "error"]),
    ("commands", &["store", "published", "domain", "error"]),
    ("queries", &["schema", "domain", "error"]),
    ("processes", &["commands", "queries", "published", "domain", "error", "config"]),
    ("http", &["processes", "commands", "queries", "domain", "error", "config"]),
    ("events", &["processes", "commands", "domain", "error"]),
    ("config", &["domain"]),
    // The wiring.
    (
        "lib",
        &["error", "schema", "domain", "published", "commands", "queries", "processes", "http", "events", "config"],
    ),
    ("main", &[]),
];

/// Modules that one service has besides, what they may use, and who may use them.
const OF_ONE_SERVICE: &[(&str, &str, &[&str], &[&str])] = &[
    // Hashes, seals and signs: what a secret becomes, pure of SQL and HTTP.
    ("auth", "projections", &["schema", "domain", "error"], &["store", "queries"]),
    ("auth", "credentials", &["domain", "error"], &["store", "commands", "queries", "processes", "http", "config"]),
    // A projection's SELECT stands once, for whoever reads it and for whoever locks it.
    ("catalog", "projections", &["schema", "domain", "error"], &["store", "queries"]),
    ("category", "projections", &["schema", "domain", "error"], &["store", "queries"]),
    ("notifier", "projections", &["schema", "domain", "error"], &["store", "queries"]),
    // Cached replies of the shop: read by its door, forgotten by a process.
    ("catalog", "shop_cache", &["queries", "domain", "error"], &["processes", "http"]),
];

/// The modules of the gateway, and those that each may use: only ones that stand before it, so there is no circle.
const OF_THE_GATEWAY: &[(&str, &[&str])] = &[
    ("body", &[]),
    ("clients", &[]),
    ("headers", &[]),
    ("routes", &[]),
    ("shed", &[]),
    ("limits", &["headers"]),
    ("trace", &["headers", "routes"]),
    ("upstream", &["body", "headers", "routes"]),
    ("passing", &["shed", "upstream"]),
    ("refusal", &["body", "routes", "upstream"]),
    ("hygiene", &["refusal"]),
    ("identity", &["headers", "refusal"]),
    ("documents", &["body", "refusal", "routes", "upstream"]),
    ("worker", &["clients", "documents", "identity", "limits", "refusal", "routes", "shed", "upstream"]),
    ("config", &["clients", "limits", "routes", "upstream", "worker"]),
    ("pages", &["refusal", "worker"]),
    (
        "proxy",
        &[
            "body", "clients", "headers", "hygiene", "limits", "passing", "refusal", "routes", "shed", "trace",
            "upstream", "worker",
        ],
    ),
    ("server", &["pages", "proxy", "worker"]),
    // The wiring.
    ("lib", &["clients", "config", "identity", "routes", "server", "upstream", "worker"]),
    ("main", &[]),
];

fn layers_skipped(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.rust(&["services/"]) {
        let mut parts = path.split('/');
        let (Some(_), Some(service), Some("src"), Some(module)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let module = module.trim_end_matches(".rs");
        let rows = if service == "gateway" { OF_THE_GATEWAY } else { MAY_SEE };
        // The way from here to the top of the service that does not say `crate`.
        let climb = "super::".repeat(1 + parts.filter(|part| *part != "mod.rs").count());
        let own = |name: &str| OF_ONE_SERVICE.iter().find(|(of, known, ..)| *of == service && *known == name);
        let known = |name: &str| rows.iter().any(|(known, _)| *known == name) || own(name).is_some();
        if !known(module) {
            found.push(format!("{path}: the layers know no module {module}; say in layers.rs what it may use"));
            continue;
        }
        let shared = rows.iter().find(|(name, _)| *name == module).map_or(&[] as &[&str], |(_, seen)| *seen);
        for (number, line) in named(text) {
            if line.contains("crate::*") || line.contains("use crate as ") || line.contains(&climb) {
                found.push(format!("{path}:{number}: say crate:: and the module that is meant: {}", line.trim()));
                continue;
            }
            for part in line.split("crate::").skip(1) {
                let seen: String = part.chars().take_while(|sign| sign.is_alphanumeric() || *sign == '_').collect();
                let allowed = shared.contains(&seen.as_str())
                    || own(module).is_some_and(|(_, _, uses, _)| uses.contains(&seen.as_str()))
                    || own(&seen).is_some_and(|(_, _, _, users)| module == "lib" || users.contains(&module));
                // A constant of lib.rs, such as NAME, is no module.
                let is_module = seen.starts_with(|sign: char| sign.is_ascii_lowercase());
                if is_module && seen != module && !allowed {
                    found.push(format!("{path}:{number}: {module} may not use {}", line.trim()));
                }
            }
        }
    }
    found
}

#[test]
fn inside_a_service_each_module_uses_only_the_ones_below_it() {
    for (path, line) in [
        ("services/order/src/domain/order.rs", "use crate::store::orders;"),
        ("services/order/src/http/orders.rs", "use crate::store::orders;"),
        ("services/order/src/events/consumed.rs", "use crate::store::orders;"),
        ("services/order/src/events/mod.rs", "use crate::published::event;"),
        ("services/order/src/commands/place.rs", "use crate::events::consumed::x;"),
        ("services/order/src/commands/place.rs", "use crate::processes::waiting_room::WaitingRoom;"),
        ("services/order/src/processes/deadlines.rs", "use crate::http::Shop;"),
        ("services/order/src/queries/find.rs", "use crate::commands::place;"),
        (
            "services/auth/src/commands/log_in.rs",
            "use crate::{\n    domain::{Email, Verdict},\n    queries::{find_account},\n};",
        ),
        ("services/order/src/settled.rs", ""),
        ("services/order/src/forgetting/mod.rs", "use crate::domain::Order;"),
        ("services/order/src/commands/place.rs", "use crate::forgetting::Forgetting;"),
        ("services/order/src/commands/place.rs", "use crate::config::Settings;"),
        ("services/order/src/domain/order.rs", "use crate::*;"),
        ("services/order/src/domain/order.rs", "use crate as order;"),
        ("services/order/src/domain/order.rs", "let saved = super::super::store::orders::save(tx);"),
        ("services/order/src/domain/mod.rs", "use super::http;"),
        ("services/gateway/src/routes.rs", "use crate::upstream::Address;"),
        ("services/gateway/src/quotas.rs", ""),
    ] {
        assert_eq!(layers_skipped(&Tree::fixture(&[(path, line)])).len(), 1, "{line} in {path}");
    }
    let tree = Tree::real();
    for (service, module, ..) in OF_ONE_SERVICE {
        let file = format!("services/{service}/src/{module}");
        assert!(tree.files.keys().any(|path| path.starts_with(&file)), "there is no {file}; strike it out");
    }
    for (module, _) in OF_THE_GATEWAY {
        let file = format!("services/gateway/src/{module}");
        assert!(tree.files.keys().any(|path| path.starts_with(&file)), "there is no {file}; strike it out");
    }
    hold(layers_skipped, &[("services/auth/src/store/users.rs", "use crate::http::users;")]);
}

/// What the rows use although it does not stand before them.
fn circles(rows: &[(&str, &[&str])]) -> Vec<String> {
    let mut found = Vec::new();
    for (index, (module, uses)) in rows.iter().enumerate() {
        let before: Vec<&str> = rows[..index].iter().map(|(name, _)| *name).collect();
        let ahead = uses.iter().filter(|&used| !before.contains(used));
        found.extend(ahead.map(|used| format!("{module} uses {used}, which does not stand before it")));
    }
    found
}

#[test]
fn the_modules_of_the_gateway_form_no_circle() {
    assert_eq!(circles(&[("routes", &["upstream"]), ("upstream", &["routes"])]).len(), 1);
    assert_eq!(circles(OF_THE_GATEWAY), Vec::<String>::new());
}

/// Only commands write, so only they see the store; who else asks, asks through the pipeline.
fn stores_without_a_command(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.rust(&["services/"]).filter(|(path, _)| path.contains("/src/")) {
        if path.contains("/src/commands/") || path.contains("/src/store/") {
            continue;
        }
        for (number, line) in named(text) {
            let parts: Vec<&str> = line.split("store::").collect();
            let own = |before: &str| !before.ends_with(|sign: char| sign.is_alphanumeric() || sign == '_');
            if parts.windows(2).any(|pair| own(pair[0])) {
                found.push(format!("{path}:{number}: the store is the commands': {}", line.trim()));
            }
        }
    }
    found
}

#[test]
fn the_store_is_written_by_commands_alone() {
    for (path, line) in [
        ("services/order/src/processes/deadlines.rs", "store::orders::save(tx, &changed, &[]).await?;"),
        ("services/catalog/src/processes/expiry.rs", "use crate::{NAME, store::{self, stock}};"),
    ] {
        assert!(!stores_without_a_command(&Tree::fixture(&[(path, line)])).is_empty(), "{line} in {path}");
    }
    hold(stores_without_a_command, &[("services/order/src/lib.rs", "use crate::store::orders;")]);
}

/// Outside the pipeline nobody opens a transaction: what runs is authorised, traced, measured and retried.
fn transactions_beside_the_pipeline(tree: &Tree) -> Vec<String> {
    const WAYS: &[&str] = &[".database()", "begin(", "begin_read(", "Transaction", "Database::"];
    let concerns = |path: &str| path.starts_with("services/") && path.contains("/src/");
    tree.saying(concerns, WAYS, "it goes round the pipeline")
}

#[test]
fn services_reach_their_database_through_commands_and_queries_only() {
    hold(
        transactions_beside_the_pipeline,
        &[("services/order/src/processes/deadlines.rs", "let tx = mediator.database().begin(Platform, cause).await?;")],
    );
}

/// Where work is started that is neither a part nor a task: the place, how it is started, and why that is right.
const STARTED_BESIDE: &[(&str, &str, &str)] = &[
    ("services/auth/src/credentials/hashing.rs", "spawn_blocking", "hashing blocks; the caller waits for it"),
    ("services/gateway/src/limits.rs", "rt::spawn(", "one draw, within Redis' time limit, where the worker's lots are"),
    ("services/gateway/src/pages.rs", "rt::spawn(", "one refresh, within a time limit, over the worker's connections"),
    ("services/gateway/src/upstream/connection.rs", "spawn_local(", "moves a connection's bytes and ends with it"),
    ("crates/mediator/src/pipeline.rs", "spawn(", "the sender waits; hanging up interrupts no transaction"),
    ("crates/mediator/src/group.rs", "spawn(", "its members wait for it; it ends when none waits"),
    ("crates/messaging/src/consumer.rs", "JoinSet", "the lanes of a consumer: the end of one is the end of the part"),
    (
        "crates/messaging/src/consumer.rs",
        "works.spawn(",
        "the lanes of a consumer: the end of one is the end of the part",
    ),
    ("crates/messaging/src/", "spawn_blocking(", "the Kafka client blocks; the caller waits for it"),
    ("crates/messaging/src/relay.rs", "tokio::spawn(", "the relay watches the two beside it and ends them with itself"),
    ("crates/messaging/src/snapshots.rs", "tokio::spawn(", "one thing at a time; the relay waits for it or aborts it"),
    ("crates/messaging/src/producer_client.rs", ".spawn(", "the thread of a Kafka client; it ends with the client"),
    ("crates/rest/src/connection.rs", "runtime.spawn(", "hears a client out after its answer, within a time limit"),
    ("crates/rest/src/upload.rs", "rt::spawn(", "hands a body on until its deadline, or until nobody takes it"),
];

/// What runs is a part or a task, so that it is supervised and stops in its stage. The boot kit itself is what
/// supervises.
fn work_that_nobody_supervises(tree: &Tree) -> Vec<String> {
    const PLACES: &[&str] = &[
        "services/",
        "crates/assembly/src/",
        "crates/cache/src/",
        "crates/mediator/src/",
        "crates/messaging/src/",
        "crates/rest/src/",
    ];
    let mut found = Vec::new();
    for (path, text) in tree.rust(PLACES).filter(|(path, _)| path.contains("/src/")) {
        for (number, line) in named(text) {
            let started = line.replace("tasks.spawn(", "");
            let exempt = STARTED_BESIDE.iter().any(|(place, how, _)| path.starts_with(place) && line.contains(how));
            if !exempt && (started.contains("spawn") || started.contains("JoinSet")) {
                found.push(format!("{path}:{number}: make it a service::Part or a task: {}", line.trim()));
            }
        }
    }
    found
}

#[test]
fn services_and_the_kit_start_nothing_that_is_not_supervised() {
    for (path, line) in [
        ("services/order/src/processes/deadlines.rs", "actix_web::rt::spawn(run());"),
        ("services/order/src/processes/deadlines.rs", "tokio::task::spawn_local(run());"),
        ("services/order/src/processes/deadlines.rs", "std::thread::spawn(run);"),
        ("services/order/src/processes/deadlines.rs", "use tokio::{sync::Notify, task::spawn_blocking};"),
        ("services/order/src/processes/deadlines.rs", "let mut running = JoinSet::new();"),
        ("services/gateway/src/limits.rs", "tokio::spawn(run());"),
        ("crates/messaging/src/consumer.rs", "tokio::spawn(run());"),
        ("crates/cache/src/flights.rs", "self.runtime.spawn(run());"),
    ] {
        assert_eq!(work_that_nobody_supervises(&Tree::fixture(&[(path, line)])).len(), 1, "{line} in {path}");
    }
    let tree = Tree::real();
    for (place, how, _) in STARTED_BESIDE {
        let starts = tree.rust(&[*place]).any(|(_, text)| code(text).any(|(_, line)| line.contains(how)));
        assert!(starts, "{place} starts nothing with {how} any more; strike it out");
    }
    hold(work_that_nobody_supervises, &[("services/order/src/processes/deadlines.rs", "tokio::spawn(run());")]);
}

/// The platform is beyond every role: what reaches it requires a permission that no role of an organisation has.
fn platform_within_reach(tree: &Tree) -> Vec<String> {
    // Nobody has these by a role: whoever is logged in looks after their own account, and operators are no organisation's.
    const BEYOND_ROLES: &[&str] = &[
        "Permission::System",
        "Permission::SignIn",
        "Permission::SetUp",
        "Permission::AccountOwn",
        "Permission::CustomerOwn",
        "Permission::PlatformManage",
    ];
    let mut found = Vec::new();
    for (path, text) in tree.rust(&["services/", "crates/"]).filter(|(path, _)| path.contains("/src/")) {
        let lines: Vec<&str> = code(text).map(|(_, line)| line).collect();
        for block in lines.split(|line| *line == "}") {
            let value = |of: &str| block.iter().find_map(|line| line.trim().strip_prefix(of)?.strip_suffix(';'));
            let of_all = value("type Tenancy = ").is_some_and(|tenancy| !tenancy.ends_with("Tenant"));
            let permission = value("const REQUIRES: Permission = ").unwrap_or("no permission");
            if of_all && !BEYOND_ROLES.contains(&permission) {
                found.push(format!("{path}: {permission} reaches the platform, and a role may have it"));
            }
        }
    }
    found
}

#[test]
fn no_role_of_an_organisation_reaches_the_platform() {
    let own = "impl Query for FindOrder {\n    const REQUIRES: Permission = Permission::OrderRead;\n    \
               type Tenancy = Tenant;\n}\n";
    let all = "impl Query for FindOrders {\n    const REQUIRES: Permission = Permission::OrderRead;\n    \
               type Tenancy = Platform;\n}\n";
    let path = "services/order/src/queries/find_orders.rs";
    let both = format!("{own}\n{all}");
    let found = platform_within_reach(&Tree::fixture(&[(path, both.as_str())]));
    assert_eq!(found.len(), 1, "{found:?}");
    hold(platform_within_reach, &[(path, all)]);
}

fn foreign_schemas(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.rust(&["services/"]).filter(|(path, _)| path.contains("/src/")) {
        let words: Vec<&str> = code(text).flat_map(|(_, line)| line.split_whitespace()).collect();
        let text = words.join(" ").replace(['"', '\\'], "").to_lowercase();
        for service in tree.services().into_iter().filter(|service| path.split('/').nth(1) != Some(*service)) {
            let before = [" from ", " join ", " into ", "update ", "table! { "];
            if before.iter().any(|word| text.contains(&format!("{word}{service}."))) {
                found.push(format!("{path} reaches into the schema of {service}; listen to its topics"));
            }
        }
    }
    found
}

#[test]
fn no_service_reaches_into_anothers_schema() {
    let other = ("services/catalog/src/lib.rs", "");
    for line in [
        "statement(\"update \\\"catalog\\\".stock\")",
        "diesel::table! {\n    catalog.stock (id) {",
        "\"select 1 from\n catalog.stock\"",
    ] {
        let place = ("services/order/src/store/orders.rs", line);
        assert_eq!(foreign_schemas(&Tree::fixture(&[place, other])).len(), 1, "{line}");
    }
    hold(foreign_schemas, &[("services/order/src/queries/find.rs", "\"select 1 from catalog.stock\""), other]);
}

fn domain_does_work(tree: &Tree) -> Vec<String> {
    const IMPURE: &[&str] = &["async fn", ".await", "tokio::", "std::env", "std::fs", "Clock::now", "tracing::"];
    tree.saying(|path| path.contains("/src/domain/"), IMPURE, "the domain is pure")
}

#[test]
fn the_domain_is_pure() {
    hold(domain_does_work, &[("services/order/src/domain/order.rs", "async fn load() {}")]);
}

/// Handles that a command holds all the same: the file, the word, and why it is data.
const HELD_BY_COMMANDS: &[(&str, &str, &str)] = &[(
    "services/notifier/src/commands/settle_message.rs",
    "Arc<",
    "a batch that nobody changes, kept by its sender for the next attempt",
)];

/// A command is data and calls nothing but the database; who waits, wakes and sends on is a process.
fn side_calls_in_commands(tree: &Tree) -> Vec<String> {
    const CLIENTS: &[&str] = &["reqwest::", "messaging::", "cache::", "awc::", "frankenstein::", "redis"];
    const HANDLES: &[&str] = &["tokio::sync", "service::", "Notify", "Mediator", "Mutex", "Arc<"];
    let mut found = Vec::new();
    for (path, text) in tree.rust(&["services/"]).filter(|(path, _)| path.contains("/src/commands/")) {
        for (number, line) in named(text) {
            let held = |word: &str| HELD_BY_COMMANDS.iter().any(|(file, of, _)| *file == path && *of == word);
            let mut words = CLIENTS.iter().chain(HANDLES);
            if let Some(word) = words.find(|word| line.contains(**word) && !held(word)) {
                found.push(format!(
                    "{path}:{number}: a command is data and calls nothing but the database, {word} is something else"
                ));
            }
        }
    }
    found
}

#[test]
fn a_command_is_data_and_calls_nothing_but_the_database() {
    for line in [
        "use tokio::{sync::watch, time::Instant};",
        "use service::Tasks;",
        "    pub wake: Notify,",
        "    pub pipeline: Mediator,",
        "    pub seen: std::sync::Mutex<u64>,",
        "    pub room: Arc<WaitingRoom>,",
    ] {
        let place = ("services/order/src/commands/place.rs", line);
        assert_eq!(side_calls_in_commands(&Tree::fixture(&[place])).len(), 1, "{line}");
    }
    let tree = Tree::real();
    for (file, word, _) in HELD_BY_COMMANDS {
        let holds = code(&tree.files[*file]).any(|(_, line)| line.contains(word));
        assert!(holds, "{file} does not hold {word} any more; strike it out");
    }
    hold(side_calls_in_commands, &[("services/order/src/commands/place.rs", "let client = reqwest::Client::new();")]);
}

fn long_handlers(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.rust(&["services/"]).filter(|(path, _)| path.contains("/src/http/")) {
        let lines: Vec<(usize, &str)> = code(text).collect();
        let mut index = 0;
        while index < lines.len() {
            let (number, line) = lines[index];
            let handler = line.starts_with("pub(crate) async fn")
                || line.starts_with("async fn")
                || line.starts_with("pub(super) async fn");
            if handler {
                let opens = (index..lines.len()).find(|at| lines[*at].1.trim_end().ends_with('{'));
                let closes = (index..lines.len()).find(|at| lines[*at].1 == "}");
                if let (Some(opens), Some(closes)) = (opens, closes) {
                    let body = lines[opens + 1..closes].iter().filter(|(_, line)| !line.trim().is_empty()).count();
                    if body > 8 {
                        found.push(format!("{path}:{number}: a handler of {body} lines: {}", line.trim()));
                    }
                    index = closes;
                }
            }
            index += 1;
        }
    }
    found
}

#[test]
fn a_handler_has_at_most_eight_lines() {
    let body = "    let x = 1;\n".repeat(9);
    let fixture = format!("async fn place(app: App) -> Reply {{\n{body}}}\n");
    hold(long_handlers, &[("services/order/src/http/orders.rs", fixture.as_str())]);
}

fn writing_queries(tree: &Tree) -> Vec<String> {
    const WRITES: &[&str] =
        &["insert into", "delete from", " set ", "for update", ".execute(", "diesel::insert", "diesel::update"];
    tree.saying(|path| path.contains("/src/queries/"), WRITES, "a query asks and does no more")
}

#[test]
fn a_query_asks_and_changes_nothing() {
    hold(writing_queries, &[("services/order/src/queries/find_order.rs", "statement(\"delete from orders\")")]);
}

fn open_matches(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    let of_errors = |path: &str| path.ends_with("/src/http/problems.rs") || path.ends_with("/src/error.rs");
    for (path, text) in tree.rust(&["services/"]).filter(|(path, _)| of_errors(path)) {
        for (number, line) in code(text).filter(|(_, line)| line.trim_start().starts_with("_ ")) {
            found.push(format!("{path}:{number}: an error that is added later would be caught by {}", line.trim()));
        }
    }
    found
}

#[test]
fn every_error_has_a_problem_of_its_own_choice() {
    hold(open_matches, &[("services/order/src/http/problems.rs", "        _ => Problem::new(problems::INTERNAL),")]);
}

/// Who a caller is, is told by the verified token; only the kit and the gateway look at headers.
fn services_that_read_headers(tree: &Tree) -> Vec<String> {
    const WAYS: &[&str] = &["headers()", "HttpRequest", "HeaderMap", "x-user", "x-tenant", "x-organisation"];
    let concerns =
        |path: &str| path.starts_with("services/") && path.contains("/src/") && !path.starts_with("services/gateway/");
    let found = tree.saying(concerns, WAYS, "identity comes from the verified token only");
    // What somebody else's server answers says nothing about a caller.
    found.into_iter().filter(|line| !line.contains("response.headers()")).collect()
}

#[test]
fn identity_comes_from_the_token_only() {
    hold(
        services_that_read_headers,
        &[("services/order/src/http/shop.rs", "let user = request.headers().get(\"x-user\");")],
    );
}

/// Services that could call another one: only the gateway passes requests on, only the notifier calls Telegram.
fn services_that_call(tree: &Tree) -> Vec<String> {
    const CLIENTS: &[&str] = &["reqwest", "awc", "hyper", "hyper-util", "ureq", "frankenstein", "tonic"];
    let mut found = Vec::new();
    for service in tree.services() {
        let manifest =
            tree.files.get(&format!("services/{service}/Cargo.toml")).map(String::as_str).unwrap_or_default();
        let parts = manifest.split("\n[").filter(|part| part.starts_with("dependencies]"));
        for line in parts.flat_map(str::lines) {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            let allowed =
                service == "gateway" || (service == "notifier" && ["frankenstein", "reqwest"].contains(&name));
            if CLIENTS.contains(&name) && !allowed {
                found.push(format!("services/{service} depends on {name}; services talk over topics only"));
            }
        }
    }
    found
}

#[test]
fn services_talk_over_topics_only() {
    hold(services_that_call, &[("services/order/Cargo.toml", "[package]\n[dependencies]\nreqwest.workspace = true\n")]);
}

/// Where the environment may be looked at: the kit's reader, the programs that have no service around them, and what
/// hides it from the programs of tests.
const READS_ENVIRONMENT: &[&str] = &[
    "crates/service/src/config.rs",
    "crates/cyberctl/src/environment.rs",
    "crates/devstack/src/",
    "crates/mutants/src/lib.rs",
    "crates/testkit/src/program.rs",
];

fn environment_read_elsewhere(tree: &Tree) -> Vec<String> {
    let concerns =
        |path: &str| path.contains("/src/") && !READS_ENVIRONMENT.iter().any(|place| path.starts_with(place));
    tree.saying(concerns, &["env::var"], "configuration is read once, in config.rs")
}

#[test]
fn the_environment_is_read_in_one_place() {
    hold(environment_read_elsewhere, &[("services/order/src/sweep.rs", "let pause = std::env::var(\"PAUSE\");")]);
}

/// Money, quantities and ids are the kernel's types wherever no SQL row is near.
fn bare_words(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.rust(&["services/", "crates/kernel/src/", "crates/contracts/src/"]) {
        let layers = ["/src/domain/", "/src/commands/", "/src/http/", "/src/events/"];
        // One file hands every kind of value on that serde knows; it has no fields of its own.
        let kit = path.starts_with("crates/") && path != "crates/kernel/src/by_name.rs";
        if !kit && !layers.iter().any(|layer| path.contains(layer)) {
            continue;
        }
        for (number, line) in code(text) {
            let line = line.trim();
            let float = line.contains("f32") || line.contains("f64");
            let amount = ["price", "amount", "minor", "total"].iter().any(|word| line.contains(word));
            if float && (amount || kit) {
                found.push(format!("{path}:{number}: money is no float: {line}"));
            }
            let field = line.trim_start_matches("pub ").split_once(": ");
            let Some((name, kind)) = field.filter(|_| !kit) else { continue };
            let bare = ["Uuid", "uuid::Uuid", "Option<Uuid>", "Vec<Uuid>"].contains(&kind.trim_end_matches(','));
            // One request's number is no id of a thing.
            if bare && !["correlation", "causation"].contains(&name) {
                found.push(format!("{path}:{number}: an id without its kind: {line}"));
            }
            if name.ends_with("_id") && ["String", "&str", "i64", "u64"].contains(&kind.trim_end_matches(',')) {
                found.push(format!("{path}:{number}: an id without its kind: {line}"));
            }
        }
    }
    found
}

#[test]
fn ids_and_money_are_the_kernels_types() {
    for (path, line) in [
        ("services/order/src/domain/order.rs", "    pub product: Uuid,"),
        ("services/order/src/http/shop.rs", "    product_id: String,"),
        ("services/order/src/commands/place_order.rs", "let total: f64 = price * 3.0;"),
    ] {
        assert_eq!(bare_words(&Tree::fixture(&[(path, line)])).len(), 1, "{line} in {path}");
    }
    hold(bare_words, &[("crates/kernel/src/money.rs", "pub fn rate(self, by: f64) -> Money {")]);
}
