"""Audit image datasets with human concepts: a feature store, linear maps into a CLIP's space, and answers in words.

`t2c.flows` holds what a user can ask for, a folder a capability; `t2c.store` every byte on disk; `t2c.core` the science,
arrays in, arrays out; `t2c.schemas` the names and shapes of things. Importing this package loads none of them.
"""
