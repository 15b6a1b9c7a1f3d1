-- Confirmed orders that nobody pays for end after a while, where that is wanted: they hold stock that nobody else can buy.

-- For the sweep, which sees these orders, which of them are packed in part, and nothing else.
create index orders_unpaid_due on orders (settled_at)
    where status = 'confirmed' and payment_status = 'unpaid' and source = 'shop' and not adding;
create policy unpaid on orders for select to order_system
    using (status = 'confirmed' and payment_status = 'unpaid' and source = 'shop' and not adding);
grant select (payment_status, source, settled_at, adding) on orders to order_system;
create policy packed on order_lines for select to order_system using (packed > 0);
grant select (org_id, order_id, packed) on order_lines to order_system;

-- The history says `unpaid`. Whoever asks what cancelled an order is told that a time had passed.
create or replace view searchable_orders as
    select id, status, payment_status, fulfilment_status, total_minor, currency, shopper_reference,
           (select case h.cause when 'unpaid' then 'deadline' else h.cause end
            from order_history h where h.org_id = o.org_id and h.order_id = o.id and h.to_status = 'cancelled'
            order by h.version limit 1) as cancel_cause,
           customer_id, version, placed_at, settled_at, updated_at, channel, authorised_minor, paid_minor, refunded_minor,
           number, source, external_reference, raw_status, raw_status_at, stock_policy, oversold
    from orders o where org_id = nullif(current_setting('app.org', true), '')::uuid;
