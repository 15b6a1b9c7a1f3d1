drop table stocks;
drop table orders;
