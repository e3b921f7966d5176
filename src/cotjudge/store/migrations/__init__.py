"""What rows that are older than a column hold in it: one script per schema version, named after it.

A database of an older version gets today's tables, and its rows are taken over by the names of their columns. A script
fills what that leaves NULL and a reader of today's version does not expect to be. It changes nothing when it runs again.
"""

from __future__ import annotations

from importlib import resources


def fills(after: int) -> list[str]:
    """The scripts of the versions after this one, oldest first."""
    found = {
        int(entry.name.removesuffix(".sql")): entry
        for entry in resources.files(__package__).iterdir()
        if entry.name.endswith(".sql")
    }
    return [found[number].read_text(encoding="utf-8") for number in sorted(found) if number > after]
