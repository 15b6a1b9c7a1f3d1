drop view searchable_categories;
drop view searchable_stock;
drop view searchable_variants;
drop view searchable_products;
drop policy view_owner on categories;
drop policy view_owner on stock;
drop policy view_owner on variants;
drop policy view_owner on products;
drop index products_by_content;
-- contract: search_text is read by this release only.
alter table products drop column search_text;
drop function search_text(text);
drop function fold(text);
