-- An attribute's value as text.
select row, value as found from attributes where name = {name}
