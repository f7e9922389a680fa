"""The report's section on the zero-shot suite: what the store holds for the report's CLIP; nothing is classified."""

import pyarrow as pa

from t2c.flows.page.section import Context, Gathered
from t2c.flows.suite.figures import suite_figures
from t2c.schemas.tables.answers.suite import SUITE
from t2c.store.artifacts.answers import answer_table, list_answers
from t2c.store.disk.manifest import Manifest


def gather(context: Context) -> Gathered | None:
    """Return figures 5 and 6 of every model that was tested against the report's target, or None without its source.

    Of several rows of one model, map and task (another snapshot of its pictures) the newest counts; of several maps of
    one model the one the report is about, else the newest.
    """
    source, target = context.linear_map.source.name, context.linear_map.target.name
    stored = [answer for answer in list_answers(context.asked.store, "suite") if answer.spec["target"] == target]
    if not any(answer.spec["model"] == source for answer in stored):
        return None
    chosen = list(_newest(stored, preferred=context.linear_map.digest).values())
    tables = [answer_table(context.asked.store, answer) for answer in chosen]
    rows = pa.concat_tables([SUITE.empty_table(), *tables]).to_pylist()
    rows.sort(key=lambda row: row["model"] != source)  # the report's own source first, the others as they were made
    table = pa.Table.from_pylist(rows, schema=SUITE)
    return Gathered(suite_figures(table, target=target), tuple(chosen))


def _newest(stored: list[Manifest], *, preferred: str) -> dict[tuple[str, str], Manifest]:
    """Return (model, task) to its answer, of answers oldest first."""
    newest: dict[tuple[str, str], Manifest] = {}
    for answer in stored:
        cell = str(answer.spec["model"]), str(answer.spec["task"])
        if cell not in newest or answer.spec["map"] == preferred or newest[cell].spec["map"] != preferred:
            newest[cell] = answer
    return newest
