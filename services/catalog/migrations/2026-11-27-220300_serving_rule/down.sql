drop policy batch_promise on location_levels;
alter table location_levels drop column promised;
drop table order_places;
drop table stock_settings;
