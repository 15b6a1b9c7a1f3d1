-- The sweep moves the deadlines of orders whose placed event still waits in the outbox, up to a limit after placing.
grant select (placed_at) on orders to order_system;
