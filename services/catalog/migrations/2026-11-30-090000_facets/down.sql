drop function availability(integer);
drop function availability_rank(bigint, bigint, bigint);
drop index products_by_brand;
drop index products_by_facets;
drop view searchable_products;
alter table products drop column for_sale;
create view searchable_products as
    select * from products where org_id = nullif(current_setting('app.org', true), '')::uuid;
grant select on searchable_products to catalog_app;
