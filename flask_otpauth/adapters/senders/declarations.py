"""What is wrong with the declaration of a sender."""

from __future__ import annotations

from collections.abc import Sequence

from flask_otpauth.core.record import frozen


@frozen
class Problem:
    """What is wrong with one key of a declaration."""

    #: The keys that lead to it, such as ``("headers", "Accept")``. Empty: the declaration as a whole.
    path: tuple[str | int, ...]
    #: A sentence for the start-up error. It must not hold a secret.
    sentence: str

    def under(self, key: str) -> str:
        """Return the sentence after the full name of the key. ``key`` names the declaration."""
        return f"{key}{''.join(f'[{each!r}]' for each in self.path)}: {self.sentence}"


class WrongDeclaration(ValueError):
    """A declaration that no sender can be made of. It has all problems."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(each.under("") for each in problems))
        self.problems = tuple(problems)
