revoke update (quantity) on order_lines from order_app;
alter table orders drop column adding;
drop table order_additions;
