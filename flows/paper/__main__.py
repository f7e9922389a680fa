"""`python -m flows.paper`: the paper's experiments on the world of primitives, written to docs/paper.md."""

from flows.paper.command import main

main()
