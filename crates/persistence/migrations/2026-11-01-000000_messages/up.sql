-- What every service needs to speak and to listen: the outbox, the inbox, recorded replies, parked keys.
-- {service} is replaced by the name of the service, so that grants go to its own roles.

create table outbox (
    sequence         bigint generated always as identity primary key,
    id               uuid        not null unique,
    aggregatetype    text        not null,
    aggregateid      text        not null,
    aggregateversion bigint      not null,
    type             text        not null,
    payload          text,
    headers          text        not null,
    created_at       timestamptz not null default now(),
    unique (aggregateid, aggregatetype, aggregateversion)
);
comment on table outbox is 'Events that the broker has not acknowledged. Rows are inserted by commands and deleted by the relay, never updated.';
alter table outbox set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_analyze_scale_factor = 0.05);

create table outbox_parked (
    aggregatetype text        not null,
    aggregateid   text        not null,
    cause         text        not null,
    parked_at     timestamptz not null default now(),
    primary key (aggregatetype, aggregateid)
);
comment on table outbox_parked is 'Aggregates with an event that the broker will never take; the relay passes their rows by until someone deletes the row here.';

create table inbox (
    consumer     text        not null,
    event_id     uuid        not null,
    processed_at timestamptz not null default now(),
    primary key (consumer, event_id)
);
create index inbox_processed_at on inbox using brin (processed_at);
comment on table inbox is 'Facts whose effects are committed. Kept longer than the topics keep the facts, so that a redrive has no effect either.';

create table parked_keys (
    consumer  text        not null,
    topic     text        not null,
    key       text        not null,
    cause     text        not null,
    parked_at timestamptz not null default now(),
    primary key (consumer, topic, key)
);
comment on table parked_keys is 'Keys with a dead letter; later records of such a key wait behind it in the dead-letter topic.';

create table replays (
    org_id          uuid        not null,
    principal       text        not null,
    operation       text        not null,
    idempotency_key text        not null,
    request_digest  bytea       not null,
    status          smallint    not null,
    location        text,
    body            bytea       not null,
    created_at      timestamptz not null default now(),
    primary key (org_id, principal, operation, idempotency_key)
);
create index replays_created_at on replays using brin (created_at);
comment on table replays is 'The reply of each create, so that a repeat with the same key gets the same bytes.';
alter table replays enable row level security;
alter table replays force row level security;
create policy tenant on replays to {service}_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy housekeeping on replays to {service}_system using (true);

grant insert on outbox to {service}_app;
grant select, insert on inbox to {service}_app;
grant select, insert, delete on parked_keys to {service}_app;
grant select, insert on replays to {service}_app;

grant select, delete on outbox to {service}_system;
grant select, insert, delete on outbox_parked to {service}_system;
grant select, delete on inbox to {service}_system;
grant select on parked_keys to {service}_system;
grant select, delete on replays to {service}_system;
