"""
Which secret keys can be guessed.

A key is strong if it was generated at random, which a key does not show. But many keys show that they
were not: they are made of the words of sample keys, or each character follows from the ones before.
"""

from __future__ import annotations

import re
from itertools import pairwise

from flask_otpauth.core.keys import MIN_KEY_BYTES

#: A key with fewer surprises (:func:`_surprises`) is weak. The second number is for keys with sample
#: words. A random key of 32 characters has about 25 surprises.
_MIN_SURPRISES = 5
_MIN_SURPRISES_BESIDE_WORDS = 8
_MIN_DIFFERENT_BYTES = 8
_LONGEST_UNIT = 16

#: The words of sample keys and of hints to replace them, longer words first.
_SAMPLE_WORDS = re.compile(
    "placeholder|development|application|production|randomly|generate|insecure|password|replace|"
    "default|example|testing|change|random|sample|secret|please|string|enough|secure|super|flask|"
    "guess|never|local|dummy|admin|token|value|bytes|your|this|that|here|with|goes|long|must|least|"
    "some|demo|test|hard|prod|auth|will|foo|bar|baz|key|dev|app|not|the|for|own|and|you|me|my|to|is|in|at|it"
)
_TELLTALES = re.compile(
    "placeholder|development|production|insecure|password|replace|default|example|change|"
    "sample|secret|dummy|demo|your|test|dev"
)

#: A step along one of these, in either direction, is no surprise.
_RUNS = ("0123456789abcdef", "abcdefghijklmnopqrstuvwxyz", "1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_STEPS = frozenset(pair for run in _RUNS for way in (run, run[::-1]) for pair in pairwise(way))

#: Keys that well-known documentation shows (Flask's and FastAPI's).
_PUBLISHED = frozenset(
    {
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    }
)


def is_weak(key: bytes) -> bool:
    """Return whether ``key`` is too short, published, or made of sample words, runs and repetitions."""
    text = key.decode("latin-1").strip().lower()
    if len(key) < MIN_KEY_BYTES or len(set(key)) < _MIN_DIFFERENT_BYTES:
        return True
    if text in _PUBLISHED or _repeats(text):
        return True
    if _TELLTALES.search(text):
        return _surprises(_SAMPLE_WORDS.sub("", text)) < _MIN_SURPRISES_BESIDE_WORDS
    return _surprises(text) < _MIN_SURPRISES


def _repeats(text: str) -> bool:
    """Return whether the text repeats a short unit."""
    return any(text[length:] == text[:-length] for length in range(1, _LONGEST_UNIT + 1))


def _surprises(text: str) -> int:
    """Count the characters that neither repeat a pair nor step along a run."""
    seen: set[tuple[str, str]] = set()
    count = 0
    for pair in pairwise(text):
        if pair[0] != pair[1] and pair not in _STEPS and pair not in seen:
            count += 1
        seen.add(pair)
    return count
