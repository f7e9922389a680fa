-- A view: the empty table, which gives the column types, and every artifact's select.
create view {name} as
{selects}
