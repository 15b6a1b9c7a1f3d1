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
