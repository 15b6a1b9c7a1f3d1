-- One person, one e-mail address, one password, and a membership in each organisation that the person works for.
--
-- Accounts of the release before were per organisation. Where an address has accounts in several, they have several
-- passwords, and one of them would open the other organisations: the migration stops and names the addresses, and whoever
-- runs the installation decides which account stays (update its address, or set active = false). A "manager" becomes a
-- catalog manager and an order manager, which is what that role allowed. Replicas of the release before cannot log anybody
-- in afterwards: stop them first.

create table people (
    user_id             uuid        primary key,
    email               text        not null check (email = lower(email) and char_length(email) between 3 and 254),
    name                text        not null check (char_length(name) between 1 and 120),
    -- PHC string; never the password.
    password_hash       text        not null check (password_hash like '$argon2id$%'),
    active              boolean     not null default true,
    created_at          timestamptz not null,
    password_changed_at timestamptz not null,
    last_login_at       timestamptz,
    constraint people_email unique (email)
);

create table memberships (
    org_id        uuid        not null references organisations (org_id),
    membership_id uuid        not null,
    user_id       uuid        not null references people (user_id),
    roles         text[]      not null check (cardinality(roles) between 1 and 8),
    -- False once the person has left; the row stays, so that older tokens are known to be outdated.
    active        boolean     not null default true,
    version       bigint      not null check (version >= 1),
    joined_at     timestamptz not null,
    primary key (org_id, membership_id),
    constraint memberships_person unique (org_id, user_id)
);
create index memberships_user_system on memberships (user_id);

alter table users no force row level security;
do $$
declare
    shared text;
begin
    select string_agg(email, ', ' order by email) into shared
      from (select email from users where active group by email having count(*) > 1) as several;
    if shared is not null then
        raise exception 'these addresses have accounts in several organisations, each with its own password: %', shared
            using hint = 'Let one account of each address stay: give the others another address or set active = false.';
    end if;
end $$;
insert into people
    select user_id, email, name, password_hash, true, created_at, created_at, last_login_at from users where active;
insert into memberships
    select org_id, gen_random_uuid(), user_id,
           array(select distinct unnest(case role when 'manager' then array['catalog-manager', 'order-manager']
                                                  else array[role] end)
                   from unnest(roles) as role order by 1),
           true, 1, created_at
      from users where active;
drop table users;

-- Roles of an organisation's own. The built-in ones stand in the program.
create table roles (
    org_id      uuid        not null references organisations (org_id),
    name        text        not null check (name ~ '^[a-z0-9-]{1,64}$'),
    permissions text[]      not null check (cardinality(permissions) between 1 and 64),
    version     bigint      not null check (version >= 1),
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    primary key (org_id, name)
);

create table invitations (
    org_id        uuid        not null references organisations (org_id),
    invitation_id uuid        not null,
    email         text        not null check (email = lower(email) and char_length(email) between 3 and 254),
    roles         text[]      not null check (cardinality(roles) between 1 and 8),
    -- SHA-256 of the token that accepts it.
    token_hash    bytea       not null check (octet_length(token_hash) = 32),
    invited_by    text        not null,
    created_at    timestamptz not null,
    expires_at    timestamptz not null,
    accepted_at   timestamptz,
    revoked_at    timestamptz check (revoked_at is null or accepted_at is null),
    version       bigint      not null check (version >= 1),
    primary key (org_id, invitation_id)
);
create unique index invitations_open on invitations (org_id, email) where accepted_at is null and revoked_at is null;
create index invitations_id_system on invitations (invitation_id);

create table api_keys (
    org_id       uuid        not null references organisations (org_id),
    key_id       uuid        not null,
    name         text        not null check (char_length(name) between 1 and 120),
    -- SHA-256 of the whole key text.
    hash         bytea       not null check (octet_length(hash) = 32),
    permissions  text[]      not null check (cardinality(permissions) between 1 and 64),
    networks     text[]      not null check (cardinality(networks) <= 32),
    created_by   text        not null,
    created_at   timestamptz not null,
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    -- Whether the gateways were told to forget it, long after its end.
    withdrawn    boolean     not null default false,
    version      bigint      not null check (version >= 1),
    primary key (org_id, key_id)
);
create index api_keys_over_due on api_keys (revoked_at, expires_at)
    where not withdrawn and (revoked_at is not null or expires_at is not null);
create index api_keys_id_system on api_keys (key_id);

-- Who runs the installation, whatever organisations they also work for.
create table operators (
    user_id    uuid        primary key references people (user_id),
    created_at timestamptz not null
);

-- What allows making the first operator, once, where the environment names no secret for it.
create table setup_tokens (
    -- There is one at most.
    only_one   boolean     primary key default true check (only_one),
    -- SHA-256 of the token.
    token_hash bytea       not null check (octet_length(token_hash) = 32),
    created_at timestamptz not null
);

-- An organisation's customers, who have accounts in its shop and nowhere else.
create table customers (
    org_id              uuid        not null references organisations (org_id),
    customer_id         uuid        not null,
    email               text        not null check (email = lower(email) and char_length(email) between 3 and 254),
    name                text        not null check (char_length(name) between 1 and 120),
    -- PHC string; never the password.
    password_hash       text        not null check (password_hash like '$argon2id$%'),
    active              boolean     not null default true,
    created_at          timestamptz not null,
    last_login_at       timestamptz,
    primary key (org_id, customer_id),
    constraint customers_email unique (org_id, email)
);

-- Logins of people and of customers; org_id is the organisation that their next access token is for, none for an operator.
create table sessions (
    session_id   uuid        primary key,
    user_id      uuid        references people (user_id),
    customer_id  uuid,
    org_id       uuid        references organisations (org_id),
    -- SHA-256 of the one refresh token that is valid.
    refresh_hash bytea       not null check (octet_length(refresh_hash) = 32),
    -- How often the refresh token was replaced.
    generation   integer     not null default 0 check (generation >= 0),
    rotated_at   timestamptz not null,
    device       text        not null check (char_length(device) <= 200),
    address      text        not null check (char_length(address) <= 64),
    created_at   timestamptz not null,
    last_used_at timestamptz not null,
    expires_at   timestamptz not null,
    ended_at     timestamptz,
    check (num_nonnulls(user_id, customer_id) = 1 and (customer_id is null or org_id is not null)),
    foreign key (org_id, customer_id) references customers (org_id, customer_id)
);
create index sessions_user on sessions (user_id);
create index sessions_customer on sessions (org_id, customer_id) where customer_id is not null;
create index sessions_ended_due on sessions (ended_at) where ended_at is not null;
create index sessions_expired_due on sessions (expires_at);
create index sessions_idle_due on sessions (last_used_at);

-- What allows choosing a new password, once.
create table password_resets (
    -- A person's or a customer's.
    account_id uuid        primary key,
    token_hash bytea       not null check (octet_length(token_hash) = 32),
    created_at timestamptz not null,
    expires_at timestamptz not null
);

-- How often somebody guessed, by account, by address and by both; whether the account exists or not.
drop table login_attempts;
create table login_attempts (
    -- SHA-256 of what is counted: what a stranger typed is not kept.
    subject      bytea       primary key check (octet_length(subject) = 32),
    failures     integer     not null check (failures >= 0),
    -- Unlike the failures, these do not fade.
    tried        bigint      not null default 0 check (tried >= 0),
    locked_until timestamptz not null,
    -- Since when the oldest of the failures fades.
    fades_since  timestamptz not null,
    tried_at     timestamptz not null
);
create index login_attempts_due on login_attempts (tried_at);

alter table organisations
    add column country text check (country ~ '^[A-Z]{2}$'),
    add column time_zone text not null default 'UTC' check (char_length(time_zone) between 1 and 64),
    -- Whether its shop takes orders of people without an account.
    add column guests boolean not null default true;

-- When it was first found that the broker has a key. Those that are there have been published long ago.
alter table signing_keys add column announced_at timestamptz;
update signing_keys set announced_at = created_at;
grant select (announced_at), insert (announced_at), update (announced_at, signs_from) on signing_keys to auth_system;

alter table people enable row level security;
alter table people force row level security;
alter table memberships enable row level security;
alter table memberships force row level security;
alter table roles enable row level security;
alter table roles force row level security;
alter table invitations enable row level security;
alter table invitations force row level security;
alter table api_keys enable row level security;
alter table api_keys force row level security;
alter table operators enable row level security;
alter table operators force row level security;
alter table setup_tokens enable row level security;
alter table setup_tokens force row level security;
alter table customers enable row level security;
alter table customers force row level security;
alter table sessions enable row level security;
alter table sessions force row level security;
alter table password_resets enable row level security;
alter table password_resets force row level security;
alter table login_attempts enable row level security;
alter table login_attempts force row level security;

create policy tenant on memberships to auth_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select (org_id, membership_id, user_id, roles, active, version, joined_at),
      update (roles, active, version)
    on memberships to auth_app;

-- An organisation sees who its people are, and nothing of their passwords.
create policy member on people for select to auth_app
    using (exists (select 1 from memberships
                    where memberships.org_id = nullif(current_setting('app.org', true), '')::uuid
                      and memberships.user_id = people.user_id and memberships.active));
grant select (user_id, email, name, active, created_at) on people to auth_app;

create policy tenant on roles to auth_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update, delete on roles to auth_app;

create policy tenant on invitations to auth_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select (org_id, invitation_id, email, roles, invited_by, created_at, expires_at, accepted_at, revoked_at, version)
    on invitations to auth_app;
grant insert (org_id, invitation_id, email, roles, token_hash, invited_by, created_at, expires_at, version),
      update (token_hash, invited_by, expires_at, revoked_at, version)
    on invitations to auth_app;

create policy tenant on api_keys to auth_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select on api_keys to auth_app;
grant insert (org_id, key_id, name, hash, permissions, networks, created_by, created_at, expires_at, version),
      update (revoked_at, version)
    on api_keys to auth_app;

-- Logging in, looking after one's own account and accepting an invitation belong to no organisation.
create policy account on people to auth_system using (true) with check (true);
grant select (user_id, email, name, password_hash, active, created_at),
      insert (user_id, email, name, password_hash, active, created_at, password_changed_at),
      update (password_hash, password_changed_at, last_login_at)
    on people to auth_system;
create policy account on memberships for select to auth_system using (true);
create policy joining on memberships for insert to auth_system with check (active);
create policy rejoining on memberships for update to auth_system using (not active) with check (active);
grant select (org_id, membership_id, user_id, roles, active, version, joined_at),
      insert (org_id, membership_id, user_id, roles, active, version, joined_at),
      update (roles, active, version, joined_at)
    on memberships to auth_system;
create policy account on roles for select to auth_system using (true);
grant select (org_id, name, permissions, version, updated_at) on roles to auth_system;
create policy answering on invitations for select to auth_system using (revoked_at is null);
create policy accepting on invitations for update to auth_system
    using (accepted_at is null and revoked_at is null) with check (accepted_at is not null and revoked_at is null);
grant select (org_id, invitation_id, email, roles, token_hash, expires_at, accepted_at, revoked_at, version),
      update (accepted_at, version)
    on invitations to auth_system;
create policy exchange on api_keys to auth_system using (true) with check (true);
grant select (org_id, key_id, hash, permissions, expires_at, last_used_at, revoked_at, withdrawn, version),
      update (last_used_at, withdrawn, version)
    on api_keys to auth_system;
create policy account on sessions to auth_system using (true) with check (true);
grant select (session_id, user_id, customer_id, org_id, refresh_hash, generation, rotated_at, device, address, created_at,
              last_used_at, expires_at, ended_at),
      insert (session_id, user_id, customer_id, org_id, refresh_hash, generation, rotated_at, device, address, created_at,
              last_used_at, expires_at),
      update (org_id, refresh_hash, generation, rotated_at, last_used_at, ended_at)
    on sessions to auth_system;
grant delete on sessions to auth_system;
create policy account on password_resets to auth_system using (true) with check (true);
grant select (account_id, token_hash, created_at, expires_at),
      insert (account_id, token_hash, created_at, expires_at),
      update (token_hash, created_at, expires_at)
    on password_resets to auth_system;
grant delete on password_resets to auth_system;
create policy counting on login_attempts to auth_system using (true) with check (true);
grant select (subject, failures, tried, locked_until, fades_since, tried_at),
      insert (subject, failures, locked_until, fades_since, tried_at),
      update (failures, tried, locked_until, fades_since, tried_at)
    on login_attempts to auth_system;
grant delete on login_attempts to auth_system;
create policy account on operators to auth_system using (true) with check (true);
grant select (user_id, created_at), insert (user_id, created_at) on operators to auth_system;
create policy account on setup_tokens to auth_system using (true) with check (true);
grant select (only_one, token_hash, created_at),
      insert (only_one, token_hash, created_at),
      update (token_hash, created_at)
    on setup_tokens to auth_system;
grant delete on setup_tokens to auth_system;
create policy account on customers to auth_system using (true) with check (active);
grant select (org_id, customer_id, email, name, password_hash, active, created_at),
      insert (org_id, customer_id, email, name, password_hash, active, created_at),
      update (password_hash, last_login_at)
    on customers to auth_system;

-- An operator sees every organisation and suspends it; logging in looks for active ones by itself.
drop policy login on organisations;
create policy account on organisations for select to auth_system using (true);
create policy suspending on organisations for update to auth_system using (true) with check (true);
grant select (name, currency, country, time_zone, guests, version, created_at), update (active, version)
    on organisations to auth_system;
grant insert (country, time_zone) on organisations to auth_system;

-- The release before still created organisations and tended the keys in this role. No replica of it runs any more.
revoke insert on organisations from auth_app;
revoke select, insert, update, delete on signing_keys from auth_app;
revoke update on organisations from auth_app;
grant update (name, country, time_zone, guests, version) on organisations to auth_app;
