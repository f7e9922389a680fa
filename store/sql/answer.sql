-- answer
-- One answer: its name, what its question says, when it was committed, and its table.
select {answer} as answer, {says} {created_at}::timestamptz as created_at, *
from read_parquet({files})
