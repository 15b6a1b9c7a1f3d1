-- What staff look orders up by, beside their status and their time. None of it ever changes, so an order's later life writes into
-- these only when its row moves to another page.
create index order_lines_by_sku on order_lines (org_id, sku, order_id);
create index order_lines_by_product on order_lines (org_id, product_id, order_id);
create index orders_by_reference on orders (org_id, shopper_reference, id) where shopper_reference is not null;
create index orders_by_total on orders (org_id, total_minor, id);
