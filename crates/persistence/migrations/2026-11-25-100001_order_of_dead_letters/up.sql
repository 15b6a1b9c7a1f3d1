-- What is brought back may free its key only if nothing waits behind it that was not brought back as well.
alter table parked_keys
    -- Offset of the newest dead letter's record on its own topic.
    add column last_offset bigint not null default -1,
    -- Offset of the newest redriven record that failed again.
    add column failed_again_offset bigint not null default -1;
grant update on parked_keys to {service}_app;
