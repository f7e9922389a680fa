-- One bank's concepts.
select {bank} as bank, {space} as space, {text_encoder} as text_encoder, *
from read_parquet({files})
