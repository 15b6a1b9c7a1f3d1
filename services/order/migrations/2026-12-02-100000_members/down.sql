drop table answered_actions;
drop table members;
