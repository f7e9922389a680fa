-- The rows that a checked predicate chooses.
select images.row from images
{joins}
where (
{predicate}
)
