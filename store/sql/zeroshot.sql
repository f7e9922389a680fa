-- One zero-shot classification of a dataset.
select {answer} as answer, {dataset} as dataset, {created_at}::timestamptz as created_at, *
from read_parquet({files})
