drop table chat_links;
drop table members;
