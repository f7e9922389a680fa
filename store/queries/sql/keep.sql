-- A small table computed in Python.
create table {name} as select * from {table}
