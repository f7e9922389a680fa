select {columns} from (
{select}
)
