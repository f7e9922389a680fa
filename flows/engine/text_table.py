"""Tables as text: cells short and stable, columns aligned, at most as wide as the terminal."""

import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any


def show(value: Any) -> str:
    """Return one cell: short, stable, without control characters a terminal would obey."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):  # a time with microseconds and a zone would be shortened to nothing readable
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in str(value))


def print_columns(
    names: Sequence[str], cells: list[list[str]], numeric: list[bool], *, say: Callable[[str], None]
) -> None:
    """Print columns aligned; text columns are shortened from the middle until the table fits the terminal."""
    widths = [max([len(name), *(len(cell) for cell in column)]) for name, column in zip(names, cells, strict=True)]
    room = terminal_width() - 2 - 2 * (len(names) - 1)
    while sum(widths) > room:
        texts = [index for index, is_number in enumerate(numeric) if not is_number and widths[index] > 12]
        if not texts:
            break
        widest = max(texts, key=lambda index: widths[index])
        widths[widest] = max(12, widths[widest] - (sum(widths) - room))
    if sum(widths) > room:
        print_stacked(names, cells, say=say)
        return
    header = "  ".join(
        f"{name:>{width}}" if is_number else f"{name:<{width}}"
        for name, width, is_number in zip(names, widths, numeric, strict=True)
    )
    say(f"  {header.rstrip()}")
    for row in zip(*cells, strict=True):
        line = "  ".join(
            f"{shorten(cell, width):>{width}}" if is_number else f"{shorten(cell, width):<{width}}"
            for cell, width, is_number in zip(row, widths, numeric, strict=True)
        )
        say(f"  {line.rstrip()}")


def print_stacked(names: Sequence[str], cells: list[list[str]], *, say: Callable[[str], None]) -> None:
    """Print each row as `column  value` lines: for tables with more columns than the terminal has room for."""
    width = max(map(len, names))
    for number, row in enumerate(zip(*cells, strict=True)):
        if number:
            say("")
        for name, cell in zip(names, row, strict=True):
            say(f"  {name:<{width}}  {shorten(cell, terminal_width() - width - 4)}")


def shorten(text: str, width: int) -> str:
    """Return text in at most width characters, the middle replaced by an ellipsis."""
    if len(text) <= width:
        return text
    left = (width - 1) // 2
    return f"{text[:left]}\N{HORIZONTAL ELLIPSIS}{text[len(text) - (width - 1 - left) :]}"


def terminal_width() -> int:
    """Return the columns of the terminal, 80 to 160; 100 when output goes to a file."""
    return min(160, max(80, shutil.get_terminal_size(fallback=(100, 24)).columns))
