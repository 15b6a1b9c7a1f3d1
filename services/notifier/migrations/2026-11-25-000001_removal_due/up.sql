-- What was told long ago is looked for every ten minutes; without this the whole table would be read for it.
create index deliveries_removal_due on deliveries using brin (settled_at);
