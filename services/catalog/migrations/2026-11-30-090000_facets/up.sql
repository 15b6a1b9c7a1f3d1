-- A product none of whose variants is sold stands in no shop.
alter table products no force row level security;
alter table variants no force row level security;
alter table products add column for_sale boolean not null default true;
update products p set for_sale = false
where not exists (select from variants v where v.org_id = p.org_id and v.product_id = p.product_id and v.active);
alter table products force row level security;
alter table variants force row level security;
create or replace view searchable_products as
    select * from products where org_id = nullif(current_setting('app.org', true), '')::uuid;

-- Facets count every product that a filter leaves, so they read this index and no row. What may be long (tags, categories) is not in it:
-- an entry of a B-tree has at most some 2,700 bytes, and a product with more could not be saved.
create index products_by_facets on products (org_id, status, currency, price_from_minor) include (brand, category_id, for_sale);
create index products_by_brand on products (org_id, brand, product_id);

-- What shoppers are told of a stock, as the program's own rule says it (domain/availability.rs), the best first, for filters and facets.
create function availability_rank(available bigint, low_threshold bigint, backorder_limit bigint) returns integer
    language sql immutable parallel safe
    as $$ select case when available > low_threshold then 1 when available > 0 then 2
                      when backorder_limit is null or available + backorder_limit > 0 then 3 else 4 end $$;
create function availability(rank integer) returns text
    language sql immutable parallel safe
    as $$ select (array['in-stock', 'few-left', 'backorder', 'sold-out'])[coalesce(rank, 4)] $$;
