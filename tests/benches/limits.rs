//! The limits of the same run: PostgreSQL with the same statements and nothing else, Redis, a bare server.

use std::process::Stdio;
use std::time::Duration;

use devstack::DatabaseRole;
use e2e::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Failure;
use crate::http::get;
use crate::load::{Load, closed_loop};

/// A server that answers every request with the bytes of a product and knows nothing.
pub(crate) async fn bare_actix(time: Duration) -> Result<Load, Failure> {
    use actix_web::{App, HttpResponse, HttpServer, web};
    let body = bytes::Bytes::from(vec![b'x'; 600]);
    let (told, address) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || {
                let body = body.clone();
                App::new().default_service(web::to(move || {
                    let body = body.clone();
                    async move { HttpResponse::Ok().content_type("application/json").body(body) }
                }))
            })
            .workers(2)
            .disable_signals()
            .bind("127.0.0.1:0")?;
            let address = server.addrs().first().map(ToString::to_string).unwrap_or_default();
            let running = server.run();
            let _heard = told.send((address, running.handle()));
            running.await
        })
    });
    let (address, handle) = address.recv()?;
    let load = closed_loop(&address, 32, time, &[200], |_| get("/store/v1/bench/products/prod_x", "")).await?;
    handle.stop(false).await;
    let _ended = server.join();
    Ok(load)
}

/// Redis GET of 600 bytes, one at a time per connection.
pub(crate) async fn redis_get(store: &Store, time: Duration) -> Result<Load, Failure> {
    let address = store.cluster.redis_url.trim_start_matches("redis://").to_owned();
    let mut first = TcpStream::connect(&address).await?;
    let value = "x".repeat(600);
    first.write_all(format!("*3\r\n$3\r\nSET\r\n$5\r\nbench\r\n$600\r\n{value}\r\n").as_bytes()).await?;
    let mut answer = [0_u8; 5];
    first.read_exact(&mut answer).await?;
    let end = tokio::time::Instant::now() + time;
    let mut loops = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let address = address.clone();
        loops.spawn(async move {
            let mut stream = TcpStream::connect(&address).await?;
            stream.set_nodelay(true)?;
            let mut histogram = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
            let mut answer = [0_u8; 608];
            while tokio::time::Instant::now() < end {
                let started = std::time::Instant::now();
                stream.write_all(b"*2\r\n$3\r\nGET\r\n$5\r\nbench\r\n").await?;
                stream.read_exact(&mut answer).await?;
                histogram.saturating_record(u64::try_from(started.elapsed().as_micros())?);
            }
            Ok::<_, Failure>(histogram)
        });
    }
    let mut all = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
    while let Some(done) = loops.join_next().await {
        all.add(done??)?;
    }
    Ok(Load::of(&all, time, 0))
}

/// The statements of reading one product.
pub(crate) async fn find_product(store: &Store, time: Duration) -> Result<Load, Failure> {
    let (organisation, product) =
        one(store, "select org_id::text, product_id::text from catalog.products limit 1").await?;
    let script = format!(
        "begin read only;\nselect set_config('app.org', '{organisation}', true);\n\
         select p.product_id, p.slug, p.title, p.description, p.category_id, p.status, p.version, p.created_at, p.updated_at, \
         (select coalesce(json_agg(json_build_object('id', v.variant_id, 'sku', v.sku, 'title', v.title, 'minor', v.price_minor, \
         'currency', v.currency, 'active', v.active) order by v.position), '[]')::text from variants v \
         where v.org_id = p.org_id and v.product_id = p.product_id) as variants \
         from products p where p.org_id = '{organisation}' and p.product_id = '{product}';\ncommit;\n"
    );
    pgbench(store, ("catalog", DatabaseRole::App), "find-product", &script, time).await
}

/// The statements of a page of 20 products by title.
pub(crate) async fn list_products(store: &Store, time: Duration) -> Result<Load, Failure> {
    let (organisation, _) = one(store, "select org_id::text, product_id::text from catalog.products limit 1").await?;
    let script = format!(
        "begin read only;\nselect set_config('app.org', '{organisation}', true);\n\
         select product_id, slug, title, category_id, status, price_from_minor, currency, variant_count, version, \
         created_at, updated_at from products where org_id = '{organisation}' and status = 'active' \
         order by title, product_id limit 21;\ncommit;\n"
    );
    pgbench(store, ("catalog", DatabaseRole::App), "list-products", &script, time).await
}

/// The statements of placing an order of one line: price it, write it with line and history, the event and the reply.
pub(crate) async fn place_order(store: &Store, time: Duration) -> Result<Load, Failure> {
    let (organisation, _) = one(store, "select org_id::text, slug from auth.organisations limit 1").await?;
    let event = "{".to_owned() + &"\"field\":\"value\",".repeat(40) + "\"last\":1}";
    let script = format!(
        "\\set a random(1, 2000000000)\n\\set b random(1, 2000000000)\n\
         begin;\nselect set_config('app.org', '{organisation}', true);\n\
         select sku, product_id, variant_id, title, price_minor, currency, product_version from sellable \
         where org_id = '{organisation}' and sku = any(array['LIMIT-1']);\n\
         with id as (select md5(:a::text || '-' || :b::text)::uuid as id), placed as (\n\
           insert into orders (org_id, id, status, total_minor, currency, token_digest, version, placed_at, deadline_at, updated_at, number)\n\
           select '{organisation}', id, 'pending', 1990, 'USD', sha256('limit'), 1, now(), now() + interval '1 day', now(), (random() * 9e15)::bigint + 1 from id),\n\
         written as (\n\
           insert into order_lines (org_id, order_id, position, sku, product_id, variant_id, product_version, title, variant_title, quantity, unit_price_minor)\n\
           select '{organisation}', id, 0, 'LIMIT-1', id, id, 1, 'A product', 'Standard', 1, 1990 from id)\n\
         insert into order_history (org_id, order_id, version, from_status, to_status, cause, actor, occurred_at)\n\
         select '{organisation}', id, 1, null, 'pending', 'placed', 'shopper', now() from id;\n\
         insert into replays (org_id, principal, operation, idempotency_key, request_digest, status, location, body) \
         values ('{organisation}', 'shopper', 'order.place-order', :a::text || '-' || :b::text, sha256('x'), 202, '/x', convert_to('{event}', 'utf8'));\n\
         commit;\n"
    );
    let load = pgbench(store, ("order", DatabaseRole::App), "place-order", &script, time).await?;
    // Orders that nobody will ever answer must not stand in the way of those that are measured next.
    let limit = "select id from \"order\".orders where token_digest = sha256('limit')";
    for table in ["order_history", "order_lines"] {
        let statement = format!("delete from \"order\".{table} where order_id in ({limit})");
        store.superuser().await.execute(&statement, &[]).await?;
    }
    store.superuser().await.execute("delete from \"order\".orders where token_digest = sha256('limit')", &[]).await?;
    Ok(load)
}

/// The rows of a batch of reservations of one SKU: its locked stock, the reservations and their ledger, without events.
pub(crate) async fn reserve(store: &Store, slug: &str, sku: &str, time: Duration) -> Result<Load, Failure> {
    let batch = crate::reservations::BATCH;
    let sql = format!(
        "select on_hand, reserved from stock where org_id = current_setting('app.org')::uuid and sku = '{sku}' for update;\n\
         with s as (update stock set reserved = reserved + {batch}, version = version + 1, updated_at = now() \
           where org_id = current_setting('app.org')::uuid and sku = '{sku}' returning org_id, variant_id), \
         o as (select org_id, variant_id, gen_random_uuid() as order_id from s, generate_series(1, {batch})), \
         r as (insert into reservations (org_id, order_id, state, lines, expires_at, version, updated_at) \
           select org_id, order_id, 'reserved', jsonb_build_array(jsonb_build_object('variant', variant_id, 'sku', '{sku}', \
           'quantity', 1)), now() + interval '1 day', 1, now() from o), \
         m as (insert into availability_marks (org_id, sku) select org_id, '{sku}' from s on conflict do nothing) \
         insert into movements (org_id, sku, variant_id, kind, on_hand_delta, reserved_delta, held_delta, order_id, actor, occurred_at) \
         select org_id, '{sku}', variant_id, 'reserve', 0, 1, 0, order_id, 'pgbench', now() from o"
    );
    statement(store, Statement { service: "catalog", slug, name: "reserve", sql: &sql, writes: true }, 1, time).await
}

/// The hash of somebody's password, whose parameters are what auth hashes with.
pub(crate) async fn password_hash(store: &Store) -> Result<String, Failure> {
    Ok(one(store, "select password_hash, email from auth.people limit 1").await?.0)
}

/// The statements of exchanging a refresh token: whose it is, their account, and the session with its next token. Each
/// client has a session of its own, which nobody can refresh afterwards.
pub(crate) async fn refresh_session(store: &Store, time: Duration) -> Result<Load, Failure> {
    let newest = "select array_agg(session_id)::text, count(*)::text from \
                  (select session_id from auth.sessions where ended_at is null order by created_at desc limit 16) newest";
    let (sessions, count) = one(store, newest).await?;
    if count != "16" {
        return Err(format!("16 sessions are needed, there are {count}").into());
    }
    let session = format!("(('{sessions}'::uuid[])[:client_id + 1])");
    let script = format!(
        "begin read only;\nselect user_id, org_id from sessions where session_id = {session} and ended_at is null \\gset\n\
         commit;\nbegin read only;\n\
         select p.user_id, p.email, p.name, p.password_hash, seat.*, array(select unnest(r.permissions) from roles r \
         where r.org_id = seat.org_id and r.name = any(seat.roles)) from people p left join lateral (select m.org_id, o.slug, \
         o.name, m.membership_id, m.version, m.roles from memberships m join organisations o on o.org_id = m.org_id \
         where m.user_id = p.user_id and m.active and o.active) seat on true \
         where p.active and p.user_id = :user_id::uuid order by seat.slug;\ncommit;\n\
         begin;\nselect session_id, user_id, org_id, refresh_hash, generation, rotated_at, last_used_at, expires_at, ended_at \
         from sessions where session_id = {session} for update;\n\
         update sessions set org_id = :org_id::uuid, refresh_hash = sha256(refresh_hash), generation = generation + 1, \
         rotated_at = now(), last_used_at = now() where session_id = {session};\ncommit;\n"
    );
    pgbench(store, ("auth", DatabaseRole::System), "refresh-session", &script, time).await
}

async fn one(store: &Store, question: &str) -> Result<(String, String), Failure> {
    let row = store.superuser().await.query_one(question, &[]).await?;
    Ok((row.get(0), row.get(1)))
}

/// pgbench with a script, as a role of a service, prepared statements, 16 clients.
async fn pgbench(
    store: &Store,
    role: (&str, DatabaseRole),
    name: &str,
    script: &str,
    time: Duration,
) -> Result<Load, Failure> {
    pgbench_with(store, role, name, script, 16, time).await
}

/// One statement of an organisation, as the role that production uses.
pub(crate) struct Statement<'s> {
    /// The service whose schema it is about.
    pub(crate) service: &'static str,
    /// The organisation's name in paths.
    pub(crate) slug: &'s str,
    /// What its files are called.
    pub(crate) name: &'s str,
    /// What is asked or written.
    pub(crate) sql: &'s str,
    /// Whether it writes.
    pub(crate) writes: bool,
}

pub(crate) async fn statement(
    store: &Store,
    Statement { service, slug, name, sql, writes }: Statement<'_>,
    clients: usize,
    time: Duration,
) -> Result<Load, Failure> {
    let begin = if writes { "begin" } else { "begin read only" };
    let organisation = format!("select org_id::text, slug from auth.organisations where slug = '{slug}'");
    let (organisation, _) = one(store, &organisation).await?;
    let script = format!("{begin};\nselect set_config('app.org', '{organisation}', true);\n{sql};\ncommit;\n");
    pgbench_with(store, (service, DatabaseRole::App), name, &script, clients, time).await
}

async fn pgbench_with(
    store: &Store,
    (service, role): (&str, DatabaseRole),
    name: &str,
    script: &str,
    clients: usize,
    time: Duration,
) -> Result<Load, Failure> {
    let file = store.folder.join(format!("{name}.sql"));
    std::fs::write(&file, script)?;
    let program = devstack::postgres_programs()?.join("pgbench");
    let output = tokio::process::Command::new(&program)
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2", "--log"])
        .arg(format!("--client={clients}"))
        .arg(format!("--log-prefix={}", store.folder.join(name).display()))
        .arg(format!("--time={}", time.as_secs().max(1)))
        .arg(format!("--file={}", file.display()))
        .arg(store.cluster.role_url(&store.database, service, role)?)
        .env("PGOPTIONS", format!("-c search_path=\"{service}\""))
        .current_dir(&store.folder)
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|source| devstack::Error::Spawn { program: program.display().to_string(), source })?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(format!("pgbench {name} failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let per_second = text
        .lines()
        .find_map(|line| line.strip_prefix("tps = "))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok())
        .ok_or("pgbench printed no tps")?;
    let mut histogram = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
    for entry in std::fs::read_dir(&store.folder)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(&format!("{name}.")) && entry.path() != file {
            // Third column of pgbench's transaction log: microseconds.
            for line in std::fs::read_to_string(entry.path())?.lines() {
                if let Some(Ok(time)) = line.split(' ').nth(2).map(str::parse::<u64>) {
                    histogram.saturating_record(time.max(1));
                }
            }
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(Load { per_second, p50: histogram.value_at_quantile(0.5), p99: histogram.value_at_quantile(0.99), failed: 0 })
}
