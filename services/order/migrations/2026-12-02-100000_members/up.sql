-- Who may do what in an organisation: order's own copy of auth.membership.v1, for what people ask for without a token of theirs. The
-- place of somebody who has left stays.
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
create policy tenant on members to order_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy batch on members to order_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
grant select, insert, update on members to order_app;

-- What people asked for in a chat, each once: a request that comes again, however late, is not carried out a second time.
create table answered_actions (
    org_id      uuid        not null,
    action_id   uuid        not null,
    answered_at timestamptz not null default now(),
    primary key (org_id, action_id)
);
create index answered_actions_removal_due on answered_actions using brin (answered_at);

alter table answered_actions enable row level security;
alter table answered_actions force row level security;
create policy tenant on answered_actions to order_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy batch on answered_actions to order_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
-- The system removes what nobody can ask for again.
create policy system on answered_actions to order_system using (true);
grant select, insert on answered_actions to order_app;
grant select, delete on answered_actions to order_system;
