alter table budgets drop column obstacle;
