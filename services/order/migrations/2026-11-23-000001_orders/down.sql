drop table order_history;
drop table order_lines;
drop table orders;
