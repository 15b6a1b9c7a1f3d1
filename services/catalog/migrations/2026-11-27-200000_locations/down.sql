drop view searchable_stock;
-- All pieces are at one place again, so a transfer says nothing.
alter table movements drop column location;
alter table stock
    drop constraint stock_located_is_there,
    drop column located;
drop table location_levels;
drop table locations;
create view searchable_stock as
    select * from stock where org_id = nullif(current_setting('app.org', true), '')::uuid;
grant select on searchable_stock to catalog_app;
