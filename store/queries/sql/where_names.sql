-- The names a table of imports holds.
select distinct {key} as name from {view}
