-- Ids of events are made unique (UUIDv7) and nobody looks a row up by them: an index less for each event to pass through.
alter table outbox drop constraint outbox_id_key;
