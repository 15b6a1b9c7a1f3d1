-- What is in the house. available = on_hand - reserved - held: `reserved` waits for its order's confirmation
-- and expires, `held` belongs to confirmed orders until it is shipped.
create table stock (
    org_id uuid not null,
    variant_id uuid not null,
    -- Copied from the variant, whose SKU never changes: rows are locked in the order of it.
    sku text collate "C" not null,
    on_hand bigint not null,
    reserved bigint not null default 0,
    held bigint not null default 0,
    low_threshold bigint not null default 0,
    version bigint not null default 1,
    updated_at timestamptz not null,
    constraint stock_pkey primary key (org_id, variant_id),
    constraint stock_sku_key unique (org_id, sku),
    -- The last defence: the program decides before these do.
    constraint stock_reserved_not_negative check (reserved >= 0),
    constraint stock_held_not_negative check (held >= 0),
    constraint stock_never_oversold check (on_hand >= reserved + held),
    constraint stock_threshold_not_negative check (low_threshold >= 0)
)
-- Levels change far more often than rows appear; room in the page keeps the updates off the indexes.
with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

alter table stock enable row level security;
alter table stock force row level security;
create policy tenant on stock to catalog_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update on stock to catalog_app;

-- The ledger. Per SKU the sum of each delta column is the level of the same name in `stock`.
create table movements (
    org_id uuid not null,
    sku text collate "C" not null,
    movement_id bigint generated always as identity,
    variant_id uuid not null,
    kind text not null,
    on_hand_delta bigint not null,
    reserved_delta bigint not null,
    held_delta bigint not null,
    order_id uuid,
    reason text not null default '',
    actor text not null,
    occurred_at timestamptz not null,
    constraint movements_pkey primary key (org_id, sku, movement_id),
    constraint movements_kind_known
        check (kind in ('adjust', 'reserve', 'hold', 'release', 'expire', 'commit')),
    -- An adjustment is nobody's order; everything else is somebody's.
    constraint movements_order_stated check ((kind = 'adjust') = (order_id is null))
);

-- An order reserves, holds, releases, loses or takes a SKU at most once each.
create unique index movements_once_per_order on movements (org_id, order_id, sku, kind)
    where order_id is not null;

alter table movements enable row level security;
alter table movements force row level security;
create policy tenant on movements to catalog_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
-- Append only.
grant select, insert on movements to catalog_app;
