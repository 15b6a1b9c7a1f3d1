-- What a category shows beside its name, what other systems call it, and when it was taken out of the tree.
alter table categories
    add column icon text check (char_length(icon) between 1 and 40),
    add column image text check (char_length(image) between 1 and 2000 and image like 'https://%'),
    -- System code -> value. A value is unique per organisation and system, which the tree keeps under its lock.
    add column external_references jsonb not null default '{}' check (jsonb_typeof(external_references) = 'object'),
    -- The category and everything below it are retired. A category below it has no time of its own for that.
    add column retired_at timestamptz;

-- This service's own copy of which product stands in which categories, fed by catalog.product.v1 and rebuildable from it.
-- A product's row is written by that product's records only, so records of different products may arrive in any order.
create table product_placements (
    org_id     uuid        not null,
    product_id uuid        not null,
    -- Sorted and without repetitions; empty for a product without a category and for one that is gone.
    categories uuid[]      not null,
    -- Whether it is sold.
    active     boolean     not null,
    -- 0 before the first record was applied.
    version    bigint      not null check (version >= 0),
    -- When a record last spoke of the row: a rebuild removes what no record spoke of.
    touched_at timestamptz not null,
    primary key (org_id, product_id)
);

-- How many products stand in exactly this set of categories. With the set as the key, a product that stands in two
-- categories below a third one is counted once there. A row may be 0 for the moment between two statements.
create table product_counts (
    org_id     uuid   not null,
    categories uuid[] not null check (cardinality(categories) > 0),
    products   bigint not null,
    active     bigint not null,
    primary key (org_id, categories)
);

alter table product_placements enable row level security;
alter table product_placements force row level security;
create policy tenant on product_placements to category_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy batch on product_placements to category_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
grant select, insert, update, delete on product_placements to category_app;
-- The end of a rebuild visits every organisation that has rows.
create policy rebuild on product_placements for select to category_system using (true);
grant select (org_id) on product_placements to category_system;

alter table product_counts enable row level security;
alter table product_counts force row level security;
create policy tenant on product_counts to category_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy batch on product_counts to category_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
grant select, insert, update, delete on product_counts to category_app;
create policy rebuild on product_counts for select to category_system using (true);
grant select (org_id) on product_counts to category_system;
