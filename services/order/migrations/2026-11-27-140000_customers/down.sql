drop index orders_placed_from;
drop index orders_customer;
alter table orders drop column placed_from, drop column customer_id;
