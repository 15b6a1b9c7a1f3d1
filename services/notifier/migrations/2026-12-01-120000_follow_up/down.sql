alter table destinations drop column moved_at;
alter table deliveries drop column gone;
drop index deliveries_in_message;
drop index deliveries_of_order;
