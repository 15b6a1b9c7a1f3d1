-- What the operations team is to hear (deliveries), in whose name (organisations), and how fast it may be told (budgets).

-- A delivery is one fact for one chat. It is written in the transaction that consumes the event, and told afterwards.
create table deliveries (
    org_id        uuid        not null,
    id            uuid        not null,
    -- The event that it tells of: the same event twice is still one delivery per chat.
    event_id      uuid        not null,
    chat          text        not null check (length(chat) between 1 and 64),
    kind          text        not null check (length(kind) between 1 and 40),
    fact          jsonb       not null,
    occurred_at   timestamptz not null,
    correlation   uuid        not null,
    -- The W3C trace context of the event, so that the call to Telegram joins the trace of the request that caused it.
    traceparent   text,
    state         text        not null default 'pending' check (state in ('pending', 'sent', 'failed')),
    -- Telegram's id of the message, or why it will never be sent.
    message_id    bigint,
    cause         text,
    created_at    timestamptz not null default now(),
    settled_at    timestamptz,
    primary key (org_id, id),
    constraint deliveries_event_once unique (org_id, event_id, chat),
    constraint deliveries_sent_has_message check (state <> 'sent' or message_id is not null),
    constraint deliveries_failed_has_cause check (state <> 'failed' or cause is not null)
);
-- The sender reads only what is still to be told; this index holds only that.
create index deliveries_pending on deliveries (org_id, chat, id) where state = 'pending';
-- A queue lives or dies by its dead tuples.
alter table deliveries set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);

alter table deliveries enable row level security;
alter table deliveries force row level security;
create policy tenant on deliveries to notifier_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
-- The sender combines the deliveries of a chat across organisations: it reads and settles in the system transaction.
create policy system on deliveries to notifier_system using (true) with check (true);
grant select, insert on deliveries to notifier_app;
grant select, update, delete on deliveries to notifier_system;

-- Own copy of auth.organisation.v1: a name that a person recognises.
create table organisations (
    org_id  uuid    not null primary key,
    slug    text    not null check (length(slug) between 1 and 64),
    name    text    not null,
    active  boolean not null,
    version bigint  not null
);
alter table organisations enable row level security;
alter table organisations force row level security;
create policy tenant on organisations to notifier_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy system on organisations to notifier_system using (true);
grant select, insert, update, delete on organisations to notifier_app;
grant select on organisations to notifier_system;

-- Telegram's limits as all replicas know them: one row for the bot, one per chat. No organisation owns it, so the
-- application role cannot see it at all.
create table budgets (
    -- 'bot', or the chat as it is configured.
    subject       text        not null primary key check (length(subject) between 1 and 64),
    -- Generic cell rate algorithm: when the next message would be on time, by the pace per second and per minute.
    second_at     timestamptz not null default 'epoch',
    minute_at     timestamptz not null default 'epoch',
    -- Telegram said retry_after, or calls fail: nobody calls before this time.
    blocked_until timestamptz not null default 'epoch',
    -- Calls that failed in a row; the back-off grows with it.
    failures      integer     not null default 0,
    -- One sender per chat: who sends, and until when that is believed. A sender that dies leaves its deliveries pending,
    -- and the next one takes them when the lease has run out.
    claim         uuid,
    leased_until  timestamptz not null default 'epoch',
    -- Where Telegram moved the chat to (a group that became a supergroup).
    moved_to      text
);
alter table budgets enable row level security;
alter table budgets force row level security;
create policy system on budgets to notifier_system using (true) with check (true);
grant select, insert, update on budgets to notifier_system;
