"""`t2c audit` on Prefect without a server of the user's: a temporary one, and none at all where it does not come up."""

import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from flows.audit.run import AuditReport, audit
from flows.engine.progress import NoProgress, Progress
from flows.engine.runner import runner_for
from flows.prefect_home import prepare
from schemas.specs.audit import load_audit


def run_audit(
    path: str | Path, *, store: str | None = None, dask: str | None = None, progress: Progress | None = None
) -> AuditReport:
    """Run an audit file as the Prefect flow and return its report; `load_audit` says which store is used.

    Raises what the steps raise.

    With PREFECT_API_URL the run shows on that server; otherwise a temporary server is started in a home of our own. If
    no server answers before the flow has begun, the audit runs without one: the store holds the same either way.
    """
    spec = load_audit(path, store=store)  # a mistake in the file is said before a server is waited for
    if spec.encoders.extracted:
        threading.Thread(target=_warm_up, daemon=True).start()
    prepare()
    from flows.audit.prefect_flows import Caller, called_by
    from flows.audit.prefect_flows import audit as audit_flow

    watcher = progress or NoProgress()
    caller, failed = Caller(watcher), "it did not start"
    watcher.start("start Prefect", None, "seconds")
    watcher.done()
    try:
        with called_by(caller):
            audit_flow(str(Path(path).absolute()), spec.store, dask, return_state=True).result(
                raise_on_failure=not caller.report
            )
    except Exception as error:
        if caller.started and caller.report is None:
            raise
        failed = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
    if caller.report is not None:
        return caller.report
    with runner_for(dask) as runner:
        report = audit(spec, runner=runner, progress=watcher)
    return replace(report, notes=(f"no Prefect server answered ({failed}), so the audit ran without one",))


def _warm_up() -> None:
    """Import torch while the server starts: both take seconds, and one mostly waits."""
    with suppress(Exception):  # whatever is wrong is said by the step that needs it
        import t2c_core.encoders.forward  # noqa: F401
