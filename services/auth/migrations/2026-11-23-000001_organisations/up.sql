-- Organisations, the people who work for them, and how often somebody guessed at a password.
-- search_path decides the schema; no name of one stands here.

create table organisations (
    org_id     uuid        primary key,
    slug       text        not null check (slug ~ '^[a-z0-9-]{1,64}$'),
    name       text        not null check (char_length(name) between 1 and 120),
    currency   text        not null check (currency ~ '^[A-Z]{3}$'),
    active     boolean     not null default true,
    version    bigint      not null check (version >= 1),
    created_at timestamptz not null,
    -- The one key that is not per organisation: the slug is how the world tells organisations apart.
    constraint organisations_slug unique (slug)
);

create table users (
    org_id        uuid        not null references organisations (org_id),
    user_id       uuid        not null,
    email         text        not null check (email = lower(email) and char_length(email) between 3 and 254),
    name          text        not null check (char_length(name) between 1 and 120),
    -- PHC string; never the password.
    password_hash text        not null check (password_hash like '$argon2id$%'),
    roles         text[]      not null check (cardinality(roles) between 1 and 8),
    active        boolean     not null default true,
    created_at    timestamptz not null,
    last_login_at timestamptz,
    primary key (org_id, user_id),
    constraint users_email unique (org_id, email)
);

-- One row per account that somebody tried recently, whether it exists or not: a lock must not tell which do.
create table login_attempts (
    org_id       uuid        not null references organisations (org_id),
    -- SHA-256 of the e-mail address: what a stranger typed is not kept.
    account      bytea       not null check (octet_length(account) = 32),
    failures     integer     not null check (failures >= 0),
    locked_until timestamptz not null,
    tried_at     timestamptz not null,
    primary key (org_id, account)
);
create index login_attempts_tried_at on login_attempts (org_id, tried_at);

alter table organisations enable row level security;
alter table organisations force row level security;
create policy tenant on organisations to auth_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update on organisations to auth_app;

alter table users enable row level security;
alter table users force row level security;
create policy tenant on users to auth_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update on users to auth_app;

alter table login_attempts enable row level security;
alter table login_attempts force row level security;
create policy tenant on login_attempts to auth_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update, delete on login_attempts to auth_app;

-- Who logs in has no organisation yet: the system role finds the account by slug and e-mail, sees the columns
-- that this takes, and of what is active only.
create policy login on organisations for select to auth_system using (active);
grant select (org_id, slug, active) on organisations to auth_system;
create policy login on users for select to auth_system using (active);
grant select (org_id, user_id, email, password_hash, roles, active) on users to auth_system;
