-- One dataset's concept statistics under a map and a bank, over the rows that were current when it was scored.
select {dataset} as dataset, {map} as map, {bank} as bank, {source} as source, {target} as target, *
from read_parquet({files})
