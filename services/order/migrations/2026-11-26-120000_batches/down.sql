drop policy batch on sellable;
drop policy batch on sellable_products;
drop policy batch on order_history;
drop policy batch on order_lines;
drop policy batch on orders;
