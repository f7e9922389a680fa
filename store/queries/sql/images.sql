-- One dataset's image index with the outcome that decoding found and whether a row is current.
select
    {dataset} as dataset,
    i.row, i.image_id, i.uri, i.content_hash, i.label, i.split, i.captured_at, i.width, i.height, i.format, i.bytes,
    coalesce(o.outcome, i.outcome) as outcome,
    case when o.row is null then i.error else o.error end as error,
    i.duplicate_of, i.supersedes,
    s.row is null as current
from read_parquet({files}) as i
left join {outcomes} as o on o.row = i.row
left join (select supersedes as row from read_parquet({files}) where supersedes is not null) as s on s.row = i.row
