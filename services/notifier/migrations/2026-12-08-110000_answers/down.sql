drop policy batch on chat_links;
drop index deliveries_answers;
