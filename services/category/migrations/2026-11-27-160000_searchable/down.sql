drop view searchable_categories;
drop policy view_owner on categories;
