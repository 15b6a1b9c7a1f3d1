-- What queries read: the orders of the organisation in `app.org` and no other, without what is never shown. A view reads as its
-- owner does, so the owner may see the rows; it has no other use for them.
create policy view_owner on orders for select to order_owner using (true);
create policy view_owner on order_lines for select to order_owner using (true);

create view searchable_orders as
    select id, status, payment_status, fulfilment_status, total_minor, currency, shopper_reference, cancel_cause, customer_id,
           version, placed_at, settled_at, updated_at
    from orders where org_id = nullif(current_setting('app.org', true), '')::uuid;
create view searchable_order_lines as
    select order_id, position, sku, product_id, variant_id, title, quantity, unit_price_minor
    from order_lines where org_id = nullif(current_setting('app.org', true), '')::uuid;
grant select on searchable_orders, searchable_order_lines to order_app;
