"""What every verb runs on: the runner of blocks, progress, a polite stop, memory, stored answers."""
