-- Whether it was ever for sale. A replica of the release before does not write it, so whatever is not known counts as sold.
alter table products add column was_active boolean not null default true;
-- The owner has to see the rows of every organisation for once.
alter table products no force row level security;
update products set was_active = false where status = 'draft' and version = 1;
alter table products force row level security;

-- A draft that was never for sale may be deleted, with its variants and their stock rows. The ledger stays.
grant delete on products, variants, stock to catalog_app;
create policy never_sold on products as restrictive for delete to catalog_app
    using (status = 'draft' and not was_active);
create policy never_sold on variants as restrictive for delete to catalog_app
    using (exists (select from products p
                   where p.org_id = variants.org_id and p.product_id = variants.product_id
                     and p.status = 'draft' and not p.was_active));
create policy never_sold on stock as restrictive for delete to catalog_app
    using (exists (select from variants v join products p on p.org_id = v.org_id and p.product_id = v.product_id
                   where v.org_id = stock.org_id and v.variant_id = stock.variant_id
                     and p.status = 'draft' and not p.was_active));
