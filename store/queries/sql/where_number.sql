-- An attribute's value as a number.
select row, number as found from attributes where name = {name}
