"""The fixtures of these tests are those of :mod:`tests.hosts`; here are the names that they import."""

from __future__ import annotations

from tests.hosts import SECRET_KEY, MakeApp

__all__ = ["SECRET_KEY", "MakeApp"]
