"""`python -m t2c.flows.demo`: the main job on the embedded default; exit code 1 when a check does not hold."""

from t2c.flows.demo.command import main

main()
