drop table variants;
drop table products;
