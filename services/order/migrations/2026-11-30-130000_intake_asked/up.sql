-- When the turn of an order that still waits was asked for again; an event that is gone would leave it waiting for ever.
alter table order_intake add column asked_at timestamptz;
grant update (asked_at) on order_intake to order_app;
grant select (asked_at) on order_intake to order_system;
