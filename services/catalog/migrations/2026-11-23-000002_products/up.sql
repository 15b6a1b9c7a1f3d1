create table products (
    org_id uuid not null,
    product_id uuid not null,
    slug text not null,
    title text not null,
    description text not null default '',
    category_id uuid,
    status text not null,
    -- The lowest price of an active variant, kept here so that a list can be sorted by it.
    price_from_minor bigint not null,
    currency text not null,
    variant_count integer not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint products_pkey primary key (org_id, product_id),
    constraint products_slug_key unique (org_id, slug),
    constraint products_status_known check (status in ('draft', 'active', 'retired')),
    constraint products_price_not_negative check (price_from_minor >= 0),
    constraint products_version_positive check (version > 0)
);

-- One index per sort and leading filter, so that every page is read from an index in its final order.
-- Creation order is the order of the ids (UUIDv7): the primary key serves it.
create index products_by_title on products (org_id, title, product_id);
create index products_by_updated on products (org_id, updated_at, product_id);
create index products_by_price on products (org_id, price_from_minor, product_id);
create index products_by_status_title on products (org_id, status, title, product_id);
create index products_by_status_created on products (org_id, status, product_id);
create index products_by_status_updated on products (org_id, status, updated_at, product_id);
create index products_by_status_price on products (org_id, status, price_from_minor, product_id);
create index products_by_category_title on products (org_id, category_id, title, product_id);
create index products_by_category_created on products (org_id, category_id, product_id);
create index products_by_category_updated on products (org_id, category_id, updated_at, product_id);
create index products_by_category_price on products (org_id, category_id, price_from_minor, product_id);

alter table products enable row level security;
alter table products force row level security;
create policy tenant on products to catalog_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
-- No delete: a product that is no longer sold is retired.
grant select, insert, update on products to catalog_app;

create table variants (
    org_id uuid not null,
    variant_id uuid not null,
    product_id uuid not null,
    -- Order within the product, from 0.
    position integer not null,
    sku text not null,
    title text not null,
    price_minor bigint not null,
    currency text not null,
    active boolean not null,
    constraint variants_pkey primary key (org_id, variant_id),
    constraint variants_sku_key unique (org_id, sku),
    constraint variants_product_fkey foreign key (org_id, product_id) references products (org_id, product_id),
    constraint variants_price_not_negative check (price_minor >= 0)
);

create index variants_by_product on variants (org_id, product_id, position);

alter table variants enable row level security;
alter table variants force row level security;
create policy tenant on variants to catalog_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
-- No delete: a variant that is no longer sold is inactive, and its stock history stays.
grant select, insert, update on variants to catalog_app;
