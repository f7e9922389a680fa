-- One comparison of two sets.
select {answer} as answer, {reference} as reference, {current} as current, {created_at}::timestamptz as created_at, *
from read_parquet({files})
