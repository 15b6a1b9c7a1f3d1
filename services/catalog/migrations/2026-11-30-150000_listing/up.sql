-- The sales channels that a product is sold in. `*` stands for every one, which no code of a channel is. From now on `for_sale` says
-- whether the organisation's own shop shows the product while it is active. A replica of the release before goes on saying it of the
-- variants alone, and publishes no channels, so restrict products once all replicas are of this release.
alter table products add column channels text[] not null default '{*}';
create or replace view searchable_products as
    select * from products where org_id = nullif(current_setting('app.org', true), '')::uuid;
