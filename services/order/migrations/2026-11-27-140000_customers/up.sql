-- Whose an order is, where a customer of the shop placed or claimed it, and from where it was placed. Orders of the release
-- before have neither; replicas of it write neither.

alter table orders
    add column customer_id uuid,
    -- SHA-256 of the client's address, which is counted and never shown.
    add column placed_from bytea check (octet_length(placed_from) = 32);

create index orders_customer on orders (org_id, customer_id, id) where customer_id is not null;
create index orders_placed_from on orders (org_id, placed_from, placed_at) where placed_from is not null;
