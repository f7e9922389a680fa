"""Deployments made while the flow had another name: found on the Prefect server, each with the sentence that mends it.

Prefect loads this module when a worker starts (entry point group `prefect.collections`): a run of such a deployment ends in
`No module named 'flows'`, in a process that knows nothing of this project, so the worker's log says it beforehand.
"""

import sys
from collections.abc import Iterator

from t2c.schemas.errors import expected

OLD = "flows.prefect_flows:audit"
"""Entrypoint of deployments made before everything was imported as `t2c`."""
NEW = "t2c.flows.audit.prefect_flows:audit"
"""Entrypoint of the audit's flow."""
AT_ONCE = 200
"""Deployments a Prefect server returns in one answer, at most."""


def outdated() -> Iterator[str]:
    """Yield a sentence for each deployment on the server that still names the old entrypoint."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        offset = 0
        while page := client.read_deployments(limit=AT_ONCE, offset=offset):
            for deployment in page:
                if deployment.entrypoint == OLD:
                    todo = "Put it into prefect.yaml and type: prefect deploy --all"
                    yield expected(f"deployment {deployment.name}", f"the entrypoint {NEW}", OLD, todo)
            offset += len(page)


def warn_worker() -> None:
    """Print the sentences where a worker starts; a server that does not answer is the worker's own to report."""
    try:
        for sentence in outdated():
            print(f"t2c: {sentence}", file=sys.stderr, flush=True)  # noqa: T201 - a worker has no other place for it
    except Exception as error:  # noqa: BLE001 - a warning must never keep a worker from starting
        print(f"t2c: deployments were not looked at ({error})", file=sys.stderr)  # noqa: T201


if sys.argv[1:3] == ["worker", "start"]:
    warn_worker()
