drop table availability_marks;
