drop view searchable_order_lines;
drop view searchable_orders;
drop policy view_owner on order_lines;
drop policy view_owner on orders;
