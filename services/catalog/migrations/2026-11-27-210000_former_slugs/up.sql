-- The slugs that products had while, or after, they were for sale, so that their old addresses lead to the new ones. A product
-- that was never for sale has no old addresses; whatever was is never deleted, so no row outlives its product.
-- A slug that another product has now is that product's; when that one gives it up, the row says so. Both in a lookup and here
-- the last one wins.
create table former_slugs (
    org_id uuid not null,
    slug text collate "C" not null,
    product_id uuid not null,
    constraint former_slugs_pkey primary key (org_id, slug),
    constraint former_slugs_product_fkey foreign key (org_id, product_id) references products (org_id, product_id)
);

alter table former_slugs enable row level security;
alter table former_slugs force row level security;
create policy tenant on former_slugs to catalog_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update (product_id) on former_slugs to catalog_app;
