drop table sellable;
drop table sellable_products;
