-- Which of them had served no orders is not known any more.
select 1;
