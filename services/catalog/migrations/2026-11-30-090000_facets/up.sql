-- Facets count every product that a filter leaves, so they read this index and no row. What may be long (tags, categories) is not in it:
-- an entry of a B-tree has at most some 2,700 bytes, and a product with more could not be saved.
create index products_by_facets on products (org_id, status, currency, price_from_minor) include (brand, category_id);
