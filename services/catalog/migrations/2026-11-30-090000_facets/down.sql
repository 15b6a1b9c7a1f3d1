drop index products_by_facets;
