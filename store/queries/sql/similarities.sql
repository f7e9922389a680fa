-- One dataset's similarities under a map and a bank; a filter on the concept prunes row groups through the join.
select
    {dataset} as dataset, {map} as map, {bank} as bank, {source} as source, {target} as target,
    c.concept, s.key, s.row, s.similarity, s.fold
from read_parquet({files}) as s
join read_parquet({stats}) as c on c.key = s.key
