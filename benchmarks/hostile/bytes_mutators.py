"""Damage to the bytes of any file, as a bad disk, a cut copy or a stranger makes it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Mutator = Callable[[bytes, Random], bytes]


def flip(content: bytes, rng: Random) -> bytes:
    """Give one to sixteen bytes other values."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16)) if content else 0):
        changed[rng.randrange(len(changed))] ^= rng.randrange(1, 256)
    return bytes(changed)


def flip_at_start(content: bytes, rng: Random) -> bytes:
    """Change bytes among the first 512, where most formats keep what the rest is read by."""
    return flip(content[:512], rng) + content[512:]


def cut(content: bytes, rng: Random) -> bytes:
    """Leave the end away."""
    return content[: rng.randrange(len(content) + 1)]


def cut_start(content: bytes, rng: Random) -> bytes:
    """Leave the beginning away."""
    return content[rng.randrange(len(content) + 1) :]


def zero(content: bytes, rng: Random) -> bytes:
    """Fill a part with zeros."""
    start, end = _part(content, rng)
    return content[:start] + bytes(end - start) + content[end:]


def ones(content: bytes, rng: Random) -> bytes:
    """Fill a few bytes with 0xFF: lengths and offsets become -1 or the greatest number."""
    start = rng.randrange(len(content) + 1)
    end = min(start + rng.choice((1, 2, 4, 8)), len(content))
    return content[:start] + b"\xff" * (end - start) + content[end:]


def swap(content: bytes, rng: Random) -> bytes:
    """Let two parts that follow each other change places."""
    first, second, third = sorted(rng.randrange(len(content) + 1) for _ in range(3))
    return content[:first] + content[second:third] + content[first:second] + content[third:]


def repeat(content: bytes, rng: Random) -> bytes:
    """Write a part twice or more."""
    start, end = _part(content, rng)
    return content[:end] + content[start:end] * rng.choice((1, 1, 2, 20)) + content[end:]


def insert(content: bytes, rng: Random) -> bytes:
    """Put random bytes somewhere."""
    start = rng.randrange(len(content) + 1)
    return content[:start] + rng.randbytes(rng.choice((1, 3, 64, 4096))) + content[start:]


def nothing(content: bytes, rng: Random) -> bytes:
    """Leave nothing, or nothing but noise."""
    return rng.choice((b"", rng.randbytes(len(content)), bytes(len(content))))


BYTES: dict[str, Mutator] = {
    mutator.__name__: mutator
    for mutator in (flip, flip_at_start, cut, cut_start, zero, ones, swap, repeat, insert, nothing)
}


def _part(content: bytes, rng: Random) -> tuple[int, int]:
    start = rng.randrange(len(content) + 1)
    return start, min(start + rng.choice((1, 8, 100, 2000)), len(content))
