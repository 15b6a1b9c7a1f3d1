-- Whether it is the channel that holds an order back, or where somebody asked to cancel it: what the channel says later takes that away,
-- and nothing else. Replicas of the release before hold and release without saying who.
alter table orders add column held_by_channel boolean not null default false;
alter table orders add column cancel_asked_by_channel boolean not null default false;
