create index deliveries_pending_of on deliveries (org_id, destination, id) where state = 'pending' and destination is not null;
create index deliveries_pending_system on deliveries (id) where state = 'pending' and destination is null;
drop index deliveries_due_system;
drop index deliveries_due;
alter table deliveries drop column collapsed, drop column not_before;
