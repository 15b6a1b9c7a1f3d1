-- The sales channels that a product is sold in; null is every one. A replica of the release before writes none, so until all of them are
-- of this release a restriction may be missed; a rebuild of the copy brings it.
alter table sellable add column channels text[];
