drop policy batch on reservations;
drop policy batch on movements;
drop policy batch on stock;
drop policy batch on variants;
drop policy batch on products;
drop policy batch on categories;
