-- What a variant costs in other sales channels than the shop, as the topic says it:
-- {"channels": {"market": {"amount": "…", "currency": "…"}}, "elsewhere": {…}}; null where it costs the same everywhere.
-- What was copied before has none, and a replica of the release before leaves what is there beside what it writes. Until the copy is
-- rebuilt, orders of such channels are priced as they were, and catalog refuses those whose price is wrong, with both prices.
alter table sellable add column other_prices jsonb;
