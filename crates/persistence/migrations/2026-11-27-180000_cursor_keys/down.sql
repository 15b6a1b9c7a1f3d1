drop table cursor_keys;
