drop index categories_by_parent;
