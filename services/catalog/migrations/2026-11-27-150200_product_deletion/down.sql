drop policy never_sold on stock;
drop policy never_sold on variants;
drop policy never_sold on products;
revoke delete on products, variants, stock from catalog_app;
alter table products drop column was_active;
