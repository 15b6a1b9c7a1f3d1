-- This service's own copy of what catalog sells, fed by catalog.product.v1 and rebuildable from it.
-- A product's rows are written by that product's records only, so records of different products may arrive in any
-- order. `touched_at` says when a record last spoke of the row: a rebuild removes what no record spoke of.

create table sellable_products (
    org_id      uuid        not null,
    product_id  uuid        not null,
    version     bigint      not null,
    -- A removed product stays as a tombstone, so that an older record that comes late cannot revive it.
    removed     boolean     not null,
    touched_at  timestamptz not null,
    primary key (org_id, product_id)
);

create table sellable (
    org_id           uuid    not null,
    product_id       uuid    not null,
    variant_id       uuid    not null,
    sku              text    not null,
    title            text    not null,
    variant_title    text    not null,
    price_minor      bigint  not null,
    currency         text    not null,
    -- The product is active and so is the variant.
    for_sale         boolean not null,
    product_version  bigint  not null,
    primary key (org_id, product_id, variant_id)
);

-- Not unique: a SKU that moves to another product may stand twice until both products' records have arrived.
create index sellable_by_sku on sellable (org_id, sku);

alter table sellable_products enable row level security;
alter table sellable_products force row level security;
create policy tenant on sellable_products to order_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update, delete on sellable_products to order_app;
-- The end of a rebuild visits every organisation that has rows.
create policy rebuild on sellable_products for select to order_system using (true);
grant select (org_id) on sellable_products to order_system;

alter table sellable enable row level security;
alter table sellable force row level security;
create policy tenant on sellable to order_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update, delete on sellable to order_app;
create policy rebuild on sellable for select to order_system using (true);
grant select (org_id) on sellable to order_system;
