drop trigger orders_numbered on orders;
drop function number_order();
