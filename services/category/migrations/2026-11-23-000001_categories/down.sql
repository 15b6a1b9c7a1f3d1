drop table categories;
drop table trees;
