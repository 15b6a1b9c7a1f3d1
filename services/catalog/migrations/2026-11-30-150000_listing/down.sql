drop view searchable_products;
alter table products drop column channels;
create view searchable_products as
    select * from products where org_id = nullif(current_setting('app.org', true), '')::uuid;
grant select on searchable_products to catalog_app;
