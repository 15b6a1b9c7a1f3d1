-- A service made of one counter per aggregate and one row per effect.
create table aggregates (org_id uuid not null, id uuid not null, version bigint not null, primary key (org_id, id));
create table effects (org_id uuid not null, id bigint generated always as identity, aggregate uuid not null,
                      version bigint not null, event uuid not null, primary key (org_id, id));
alter table aggregates enable row level security;
alter table aggregates force row level security;
alter table effects enable row level security;
alter table effects force row level security;
create policy tenant on aggregates to order_app using (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy tenant on effects to order_app using (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy batch on aggregates to order_app using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
create policy batch on effects to order_app using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
grant select, insert, update on aggregates, effects to order_app;
-- For the relay that must not be.
create table relay_cursor (position bigint not null);
insert into relay_cursor values (0);
grant select, update on relay_cursor to order_system;
