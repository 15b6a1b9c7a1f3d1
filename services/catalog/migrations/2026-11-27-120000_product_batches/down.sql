drop policy batch_insert on variants;
drop policy batch_insert on products;
