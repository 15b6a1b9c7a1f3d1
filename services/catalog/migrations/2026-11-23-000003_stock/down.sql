drop table movements;
drop table stock;
