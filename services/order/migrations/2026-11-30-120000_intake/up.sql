-- Orders that were taken in and wait to be placed. What is wanted and who wants it stands here alone, and goes once it is decided.
create table order_intake (
    org_id        uuid         not null,
    -- The identity that the order has once it is placed.
    id            uuid         not null,
    status        text         not null default 'queued' check (status in ('queued', 'placed', 'refused')),
    -- Who asked, as in access::Caller::actor.
    actor         text         not null check (length(actor) between 1 and 200),
    token_digest  bytea        not null check (length(token_digest) = 32),
    customer_id   uuid,
    wanted        jsonb,
    -- As in `buyers`, so that it is found when the person is forgotten.
    buyer_key     text         check (length(buyer_key) between 1 and 300),
    placed_from   bytea        check (length(placed_from) = 32),
    refusal       jsonb,
    queued_at     timestamptz  not null default now(),
    decided_at    timestamptz,
    primary key (org_id, id),
    check ((status = 'queued') = (wanted is not null)),
    check ((status = 'queued') = (decided_at is null)),
    check ((status = 'refused') = (refusal is not null)),
    check (status = 'queued' or num_nonnulls(buyer_key, placed_from) = 0)
);
create index order_intake_by_buyer on order_intake (org_id, buyer_key) where buyer_key is not null;
-- For the sweep: what waits, and what was decided long ago.
create index order_intake_waiting_due on order_intake (queued_at) where status = 'queued';
create index order_intake_decided_due on order_intake (decided_at) where decided_at is not null;
-- A row is written twice: its page keeps room for the second version.
alter table order_intake set (fillfactor = 60);

alter table order_intake enable row level security;
create policy tenant on order_intake to order_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy batch on order_intake to order_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
create policy sweep on order_intake for select to order_system using (true);
create policy clear on order_intake for delete to order_system using (decided_at is not null);
alter table order_intake force row level security;
grant select, insert on order_intake to order_app;
grant update (status, wanted, buyer_key, placed_from, refusal, decided_at) on order_intake to order_app;
grant select (org_id, id, status, queued_at, decided_at), delete on order_intake to order_system;
