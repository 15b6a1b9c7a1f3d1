-- The release before knows one time that passes.
alter table order_history no force row level security;
update order_history set cause = 'deadline' where cause = 'unpaid';
alter table order_history force row level security;
create or replace view searchable_orders as
    select id, status, payment_status, fulfilment_status, total_minor, currency, shopper_reference,
           (select h.cause from order_history h where h.org_id = o.org_id and h.order_id = o.id and h.to_status = 'cancelled'
            order by h.version limit 1) as cancel_cause,
           customer_id, version, placed_at, settled_at, updated_at, channel, authorised_minor, paid_minor, refunded_minor,
           number, source, external_reference, raw_status, raw_status_at, stock_policy, oversold
    from orders o where org_id = nullif(current_setting('app.org', true), '')::uuid;
revoke select (org_id, order_id, packed) on order_lines from order_system;
drop policy packed on order_lines;
revoke select (payment_status, source, settled_at, adding) on orders from order_system;
drop policy unpaid on orders;
drop index orders_unpaid_due;
