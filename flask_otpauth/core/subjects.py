"""Whom a code or a limit is about."""

from __future__ import annotations

from typing import Literal, TypeAlias

#: What kind of subject limits are about.
SubjectKind: TypeAlias = Literal["email", "phone", "user"]
