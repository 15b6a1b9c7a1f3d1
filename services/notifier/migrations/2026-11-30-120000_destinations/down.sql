drop table askers;
drop table readings;
revoke insert on deliveries from notifier_system;
revoke update, delete on deliveries from notifier_app;
delete from deliveries where destination is not null;
alter table deliveries drop column destination;
drop table destinations;
