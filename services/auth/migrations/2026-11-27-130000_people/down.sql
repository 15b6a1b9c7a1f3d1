-- Back to one account per organisation. What the release before has no place for goes: roles of an organisation's own,
-- invitations, API keys and logins.
create table users (
    org_id        uuid        not null references organisations (org_id),
    user_id       uuid        not null,
    email         text        not null check (email = lower(email) and char_length(email) between 3 and 254),
    name          text        not null check (char_length(name) between 1 and 120),
    password_hash text        not null check (password_hash like '$argon2id$%'),
    roles         text[]      not null check (cardinality(roles) between 1 and 8),
    active        boolean     not null default true,
    created_at    timestamptz not null,
    last_login_at timestamptz,
    primary key (org_id, user_id),
    constraint users_email unique (org_id, email)
);
grant insert, update on organisations to auth_app;
grant select, insert, update, delete on signing_keys to auth_app;
alter table memberships no force row level security;
alter table people no force row level security;
insert into users
    select org_id, user_id, email, name, password_hash,
           case when 'owner' = any(roles) then array['owner']
                when 'admin' = any(roles) or roles @> array['catalog-manager', 'order-manager'] then array['manager']
                else array['viewer'] end,
           memberships.active and people.active, joined_at, last_login_at
      from memberships join people using (user_id);
drop policy member on people;
revoke insert (country, time_zone) on organisations from auth_system;
revoke select (name, currency, country, time_zone, guests, version, created_at), update (active, version)
    on organisations from auth_system;
drop policy suspending on organisations;
drop policy account on organisations;
create policy login on organisations for select to auth_system using (active);
revoke update (signs_from) on signing_keys from auth_system;
alter table signing_keys drop column announced_at;
alter table organisations drop column country, drop column time_zone, drop column guests;
drop table password_resets, sessions, customers, setup_tokens, operators, api_keys, invitations, roles, memberships,
    people, login_attempts;
alter table users enable row level security;
alter table users force row level security;
create policy tenant on users to auth_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update on users to auth_app;
create policy login on users for select to auth_system using (active);
grant select (org_id, user_id, email, password_hash, roles, active) on users to auth_system;
create policy creation on users for insert to auth_system with check (active and roles = array['owner']);
grant insert (org_id, user_id, email, name, password_hash, roles, active, created_at) on users to auth_system;
create table login_attempts (
    org_id       uuid        not null references organisations (org_id),
    account      bytea       not null check (octet_length(account) = 32),
    failures     integer     not null check (failures >= 0),
    locked_until timestamptz not null,
    tried_at     timestamptz not null,
    primary key (org_id, account)
);
create index login_attempts_tried_at on login_attempts (org_id, tried_at);
alter table login_attempts enable row level security;
alter table login_attempts force row level security;
create policy tenant on login_attempts to auth_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update, delete on login_attempts to auth_app;
