"""A provider's prompt cache: how much of a prompt began another one before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

BLOCK_TOKENS = 128
_BLOCK = 4 * BLOCK_TOKENS  # characters, at the four to a token that the fake server counts


class PrefixCache:
    """Remembers the beginnings of prompts, in whole blocks of 128 tokens as OpenAI does."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def look_up(self, text: str) -> int:
        """Tokens at the beginning of a prompt that began an earlier one, too; the prompt is remembered."""
        prefixes = list(_prefixes(text))
        known = next((nth for nth, prefix in enumerate(prefixes) if prefix not in self._seen), len(prefixes))
        self._seen.update(prefixes)
        return known * BLOCK_TOKENS


def _prefixes(text: str) -> Iterator[bytes]:
    so_far = hashlib.blake2b(digest_size=8)
    for start in range(0, len(text) - _BLOCK + 1, _BLOCK):
        so_far.update(text[start : start + _BLOCK].encode())
        yield so_far.digest()
