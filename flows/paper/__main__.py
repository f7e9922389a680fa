"""`python -m t2c.flows.paper`: the paper's experiments on the world of primitives, written to docs/paper.md."""

from t2c.flows.paper.command import main

main()
