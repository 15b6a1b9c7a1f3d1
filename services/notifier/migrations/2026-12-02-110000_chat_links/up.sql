-- Who may do what in an organisation: the notifier's own copy of auth.membership.v1. The place of somebody who has left stays.
create table members (
    org_id      uuid    not null,
    membership  uuid    not null,
    user_id     uuid    not null,
    -- As a token's scope: words with a space between them.
    permissions text    not null,
    active      boolean not null,
    version     bigint  not null,
    primary key (org_id, membership)
);
create index members_by_user on members (org_id, user_id) where active;

alter table members enable row level security;
alter table members force row level security;
create policy tenant on members to notifier_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy batch on members to notifier_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
-- Whoever listens to the bot finds out who asks before any organisation is known.
create policy system on members for select to notifier_system using (true);
grant select, insert, update on members to notifier_app;
grant select on members to notifier_system;

-- Which account on Telegram is which person's, in an organisation. The person makes a code and sends it to the bot.
create table chat_links (
    org_id          uuid        not null,
    id              uuid        not null,
    user_id         uuid        not null,
    -- Telegram's id of the account; none before the code was sent.
    telegram_user   bigint,
    -- SHA-256 of the code, while it is waited for.
    code_hash       bytea       check (length(code_hash) = 32),
    code_expires_at timestamptz,
    created_at      timestamptz not null default now(),
    linked_at       timestamptz,
    primary key (org_id, id),
    constraint chat_links_waiting_has_code
        check ((telegram_user is null) = (code_hash is not null and code_expires_at is not null)),
    constraint chat_links_linked_since check ((telegram_user is null) = (linked_at is null))
);
-- A person waits with one code, and has one account; an account is one person's.
create unique index chat_links_waiting on chat_links (org_id, user_id) where telegram_user is null;
create unique index chat_links_of_person on chat_links (org_id, user_id) where telegram_user is not null;
create unique index chat_links_of_account on chat_links (org_id, telegram_user) where telegram_user is not null;
-- Whoever sends something to the bot names no organisation.
create unique index chat_links_code_system on chat_links (code_hash) where code_hash is not null;
create index chat_links_account_system on chat_links (telegram_user) where telegram_user is not null;

alter table chat_links enable row level security;
alter table chat_links force row level security;
create policy tenant on chat_links to notifier_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
-- Whoever listens to the bot links accounts and finds out who asks.
create policy system on chat_links to notifier_system using (true) with check (true);
grant select, insert, update, delete on chat_links to notifier_app;
grant select, update, delete on chat_links to notifier_system;
