"""`python -m flows.demo`: the main job on the embedded default; exit code 1 when a check does not hold."""

from flows.demo.command import main

main()
