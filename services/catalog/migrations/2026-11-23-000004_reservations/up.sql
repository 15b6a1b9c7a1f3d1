-- What the catalog keeps aside for an order. A `void` row is the tombstone of an order that was cancelled
-- before its placing arrived.
create table reservations (
    org_id uuid not null,
    order_id uuid not null,
    state text not null,
    -- [{"variant":"<uuid>","sku":"<sku>","quantity":<n>}], one entry per SKU, sorted by SKU.
    lines jsonb not null,
    -- Set while the state is `reserved`, and only then.
    expires_at timestamptz,
    -- The order confirmed too late and was told so.
    confirm_refused boolean not null default false,
    version bigint not null,
    updated_at timestamptz not null,
    constraint reservations_pkey primary key (org_id, order_id),
    constraint reservations_state_known
        check (state in ('reserved', 'held', 'released', 'expired', 'rejected', 'void')),
    constraint reservations_expiry_stated check ((state = 'reserved') = (expires_at is not null)),
    constraint reservations_version_positive check (version > 0)
)
with (autovacuum_vacuum_scale_factor = 0.02);

-- Holds only what still waits for its order, so the sweep reads all of it, across organisations.
create index reservations_by_expiry on reservations (org_id, expires_at) where state = 'reserved';

alter table reservations enable row level security;
alter table reservations force row level security;
create policy tenant on reservations to catalog_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update on reservations to catalog_app;
-- The sweep finds due reservations; it changes them with an ordinary command in their organisation.
create policy system on reservations for select to catalog_system using (true);
grant select on reservations to catalog_system;
