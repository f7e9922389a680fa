-- The rows that a checked predicate chooses.
select row from images where (
{predicate}
)
