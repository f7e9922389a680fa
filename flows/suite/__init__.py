"""The zero-shot suite: tasks as data, readers of their files as their authors distribute them, models times tasks."""
