-- What is said of an order later edits its first message or replies to it: the message is found by the order, and what else it
-- tells by its number.
create index deliveries_of_order on deliveries (org_id, destination, (fact ->> 'order'), id)
    where state = 'sent' and destination is not null;
create index deliveries_in_message on deliveries (org_id, destination, message_id)
    where state = 'sent' and destination is not null;
-- Somebody deleted the message, so it can neither be edited nor replied to.
alter table deliveries add column gone boolean not null default false;
-- When the chat got another id: the messages of before have other numbers there.
alter table destinations add column moved_at timestamptz not null default 'epoch';
