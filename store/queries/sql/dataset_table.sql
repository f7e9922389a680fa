-- A table that the user imported for a dataset: attributes or predictions.
select {dataset} as dataset, *
from read_parquet({files})
