drop table order_intake;
