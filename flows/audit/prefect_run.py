"""`t2c audit` on Prefect without a server of the user's: a temporary one, and none at all where it does not come up."""

import os
import tempfile
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from t2c.flows.audit.run import AuditReport, audit
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.runner import runner_for
from t2c.schemas.extras import require
from t2c.schemas.specs.audit import load_audit

SETTINGS = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "ERROR",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
}
"""Defaults, each kept only where the environment does not say otherwise. The first start in an empty home takes 15 to
20 seconds on two cores; Prefect's own limit is 20."""


def prepare() -> None:
    """Set the defaults in this process's environment; call before Prefect is imported, which is when it reads them.

    What the user has set stays: with PREFECT_API_URL the run goes to that server. A Prefect profile in ~/.prefect is not
    read, so that `t2c audit` never reports to a server by accident.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if "PREFECT_HOME" not in os.environ:
        os.environ["PREFECT_HOME"] = str(own_home())


def own_home() -> Path:
    """Return a folder for Prefect's database: in the user's cache, or a temporary one where that cannot be written."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.environ.get("HOME", "/nonexistent")) / ".cache")
    home = cache / "t2c" / "prefect"
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            return home
    except OSError:
        return Path(tempfile.mkdtemp(prefix="t2c-prefect-"))


def run_audit(
    path: str | Path, *, store: str | None = None, dask: str | None = None, progress: Progress | None = None
) -> AuditReport:
    """Run an audit file as the Prefect flow and return its report; `load_audit` says which store is used.

    Raises what the steps raise, MissingExtra without Prefect.

    With PREFECT_API_URL the run shows on that server; otherwise a temporary server is started in a home of our own. If
    no server answers before the flow has begun, the audit runs without one: the store holds the same either way.
    """
    require("flows", subject="an audit as a Prefect flow", todo="or run it as plain functions: --no-prefect")
    spec = load_audit(path, store=store)  # a mistake in the file is said before a server is waited for
    if spec.encoders.extracted:
        threading.Thread(target=_warm_up, daemon=True).start()
    prepare()
    from t2c.flows.audit.prefect_flows import Caller, called_by
    from t2c.flows.audit.prefect_flows import audit as audit_flow

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
        import t2c.core.encoders.forward  # noqa: F401
