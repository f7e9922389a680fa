"""The audit as a Prefect flow: tasks that decorate the audit's stages, retried on I/O errors, side by side where it helps.

What is done and what is left to do is known to the store alone, so a flow run that was killed, repeated or left
behind as a zombie changes nothing: a new run goes on, and of two at once the lease lets one work.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import Task
from prefect.utilities.annotations import quote

from t2c.flows.audit import stages as audit_stages
from t2c.flows.audit.extras import EXTRAS
from t2c.flows.audit.markdown import shift_rows, summary_markdown
from t2c.flows.audit.run import AuditReport
from t2c.flows.audit.run import audit as run
from t2c.flows.audit.stages import Job
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.runner import runner_for
from t2c.schemas.errors import ConflictError, T2CError
from t2c.schemas.specs.audit import load_audit

RETRY_DELAYS_S = (2, 10, 30)
"""Seconds before each retry of a task that failed on I/O."""
AT_ONCE = 4
"""Tasks side by side at most."""


@dataclass(slots=True)
class Caller:
    """What a caller in this process shares with the flow besides its parameters, which must be JSON."""

    progress: Progress
    """Who watches."""
    started: bool = False
    """Whether the flow's own code has begun."""
    report: AuditReport | None = None
    """The report, once there is one."""


_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


@contextmanager
def called_by(caller: Caller) -> Iterator[None]:
    """Let the flows that this thread runs inside the block share `caller`."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


def worth_retrying(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001 - Prefect's names
    """Say whether a failed task may do better next time: lost connections and lost races, never what is wrong for good."""
    error = state.data if isinstance(state.data, BaseException) else getattr(state.data, "result", None)
    return is_passing(error)


def is_passing(error: object) -> bool:
    """Say whether an error is one of I/O that may pass: not a missing file, a permission, or an error of ours."""
    if isinstance(error, T2CError):
        return isinstance(error, ConflictError)
    return isinstance(error, OSError) and not isinstance(error, FileNotFoundError | PermissionError)


def _decorated(stage: Callable[..., Any]) -> Task[..., Any]:
    decorate = task(
        name=stage.__name__.replace("_", " "),
        retries=len(RETRY_DELAYS_S),
        retry_delay_seconds=list(RETRY_DELAYS_S),
        retry_condition_fn=worth_retrying,
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    decorated: Task[..., Any] = decorate(stage)
    return decorated


ALONE: tuple[Callable[..., Any], ...] = (
    audit_stages.extract_dataset,
    audit_stages.align_encoders,
    audit_stages.add_bank,
    audit_stages.classify,
    *EXTRAS.values(),
    audit_stages.write_report,
)
"""Stages that use the whole machine by themselves."""
TOGETHER: tuple[Callable[..., Any], ...] = (
    audit_stages.index_dataset,
    audit_stages.score_dataset,
    audit_stages.compare,
    audit_stages.ask,
    audit_stages.summarise,
)
"""Stages that run side by side for several datasets or questions."""
TASKS = {stage: _decorated(stage) for stage in (*ALONE, *TOGETHER)}
"""The task of each stage."""


def each(stage: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Run a stage's task for each of the arguments: side by side for those that may, else one after the other."""
    run_task = TASKS[stage]
    if stage not in TOGETHER or len(arguments) < 2:
        return [run_task(*(quote(value) for value in call)) for call in arguments]
    futures = [run_task.submit(*(quote(_silent(value)) for value in call)) for call in arguments]
    return [future.result() for future in futures]


def _silent(value: Any) -> Any:
    """Return a job that tells no progress: a bar cannot be shared by threads."""
    return replace(value, progress=NoProgress()) if isinstance(value, Job) else value


_threads: Any = ThreadPoolTaskRunner(max_workers=AT_ONCE)  # its futures are narrower than the decorator asks for


@flow(name="audit", task_runner=_threads, persist_result=False)
def audit(path: str, store: str | None = None, dask: str | None = None) -> State[None]:
    """Run the audit file at `path`, block work on the Dask scheduler at `dask`.

    The store is the file's; else `store`, else $T2C_STORE; else `t2c-store` beside the file (see `load_audit`).
    Ends Completed; named AlreadyRunning when another run holds the store, Drift when a verdict is `changed`, Unsure when
    one is `cannot tell`; ends Failed under those names where the file says `fail_on_drift`, `fail_on_unsure`. Leaves the artifacts `audit-summary` and `shift`.
    """
    caller = _caller.get() or Caller(NoProgress())
    caller.started = True
    spec = load_audit(path, store=store)
    with runner_for(dask) as runner:
        report = run(spec, runner=runner, progress=caller.progress, each=each)
    caller.report = report
    _publish(report)
    return _end(report)


def _publish(report: AuditReport) -> None:
    """Leave the summary and the first comparison's table where Prefect shows them."""
    create_markdown_artifact(summary_markdown(report), key="audit-summary", description="What the audit found")
    for shift in report.shifts[:1]:
        create_table_artifact(shift_rows(shift), key="shift", description=f"{shift.current} against {shift.reference}")


def _end(report: AuditReport) -> State[None]:
    """Return the state that the flow run ends in."""
    if report.busy:
        return Completed(name="AlreadyRunning", message=report.busy)
    message = "; ".join(str(shift.verdict) for shift in report.shifts) or report.verdict
    if not report.drift and not report.unsure:
        return Completed(message=message)
    name = "Drift" if report.drift else "Unsure"
    return Failed(name=name, message=message) if report.exit_code else Completed(name=name, message=message)
