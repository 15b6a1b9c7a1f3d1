drop table login_attempts;
drop table users;
drop table organisations;
