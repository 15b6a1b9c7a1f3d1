-- One business table, as every service has them.
create table notes (org_id uuid not null, id uuid not null, text text not null, primary key (org_id, id));
alter table notes enable row level security;
alter table notes force row level security;
create policy tenant on notes to order_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy batch on notes to order_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
grant select, insert, update, delete on notes to order_app;

-- What belongs to no organisation: the system role's alone.
create table platform_notes (text text not null);
alter table platform_notes enable row level security;
alter table platform_notes force row level security;
create policy system on platform_notes to order_system using (true) with check (true);
grant select, insert on platform_notes to order_system;
