drop index orders_by_total;
drop index orders_by_reference;
drop index order_lines_by_product;
drop index order_lines_by_sku;
