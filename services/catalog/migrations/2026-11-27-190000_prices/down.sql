drop view searchable_variants;
alter table variants drop column shop_price_minor;
create view searchable_variants as
    select * from variants where org_id = nullif(current_setting('app.org', true), '')::uuid;
grant select on searchable_variants to catalog_app;
drop table prices;
