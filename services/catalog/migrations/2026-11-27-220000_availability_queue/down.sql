drop index availability_marks_due;
alter table availability_marks drop column said_version;
