-- Where an organisation wants to hear what happens: chats that its staff has linked, each with rules of its own.
create table destinations (
    org_id          uuid        not null,
    id              uuid        not null,
    kind            text        not null default 'telegram' check (kind in ('telegram')),
    name            text        not null check (length(name) between 1 and 100),
    language        text        not null default 'en' check (language in ('en', 'vi')),
    state           text        not null check (state in ('waiting', 'active', 'paused', 'unreachable')),
    -- Why it is unreachable: what Telegram said.
    reason          text,
    -- The chat, and the topic of a forum; none before its code was sent there.
    chat            bigint,
    topic           bigint,
    rules           jsonb       not null,
    -- SHA-256 of the code that links a chat, while it is waited for.
    code_hash       bytea       check (length(code_hash) = 32),
    code_expires_at timestamptz,
    version         bigint      not null,
    created_at      timestamptz not null,
    changed_at      timestamptz not null,
    primary key (org_id, id),
    constraint destinations_linked_has_chat check ((state = 'waiting') = (chat is null)),
    constraint destinations_waiting_has_code check ((state = 'waiting') = (code_hash is not null and code_expires_at is not null)),
    constraint destinations_unreachable_has_reason check ((state = 'unreachable') = (reason is not null))
);
-- Whoever sends a code to the bot names no organisation.
create unique index destinations_code_system on destinations (code_hash) where code_hash is not null;
create index destinations_chat_system on destinations (chat) where chat is not null;

alter table destinations enable row level security;
alter table destinations force row level security;
create policy tenant on destinations to notifier_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy batch on destinations to notifier_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
-- The sender reads them and says which it cannot reach; the listener links chats to them.
create policy system on destinations to notifier_system using (true) with check (true);
grant select, insert, update, delete on destinations to notifier_app;
grant select, update on destinations to notifier_system;

-- The destination of a delivery; none is the chat of the configuration. `chat` of one with a destination holds the
-- destination's id: a sender of the release before takes that for no chat and leaves the delivery alone.
alter table deliveries add column destination uuid;
create index deliveries_pending_of on deliveries (org_id, destination, id) where state = 'pending' and destination is not null;
create index deliveries_pending_system on deliveries (id) where state = 'pending' and destination is null;
create index deliveries_of on deliveries (org_id, destination, id) where destination is not null;
-- Staff sends failed ones again, and with a destination go the deliveries that it still waits for.
grant update, delete on deliveries to notifier_app;
-- That a chat was linked is told to it like any other fact.
grant insert on deliveries to notifier_system;

-- How far the bot has read what it was sent, and which replica reads. No organisation owns it.
create table readings (
    subject      text        not null primary key check (subject = 'bot'),
    -- Updates before this one were handled.
    next_update  bigint      not null default 0,
    claim        uuid,
    leased_until timestamptz not null default 'epoch'
);
alter table readings enable row level security;
alter table readings force row level security;
create policy system on readings to notifier_system using (true) with check (true);
grant select, insert, update on readings to notifier_system;

-- How often a chat has asked the bot for something of late: codes are not guessed at for long.
create table askers (
    chat  bigint      not null primary key,
    asked integer     not null,
    since timestamptz not null
);
alter table askers enable row level security;
alter table askers force row level security;
create policy system on askers to notifier_system using (true) with check (true);
grant select, insert, update, delete on askers to notifier_system;
