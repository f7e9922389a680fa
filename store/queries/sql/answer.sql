-- answer
-- One answer: its name, what its question says, when it was committed, and its table; columns it is too old to have are null.
select {answer} as answer, {says} {created_at}::timestamptz as created_at, *
from (select * from {blank} union all by name select * from read_parquet({files}))
