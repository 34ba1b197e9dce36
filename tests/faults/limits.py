"""The limits of the flows under load: those of all workers, and those of a worker with other settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What one subject, one code and one application get in a day."""

    flow: str
    #: Codes for a subject.
    sends: int
    #: Wrong guesses at a code, and at all codes of a subject.
    guesses: int
    budget: int
    #: Codes of an application.
    cap: int | None = None

    @property
    def settings(self) -> dict[str, object]:
        """
        The settings of the app.

        The quota is that of a day, so that a clock that is an hour ahead has no quota of its own.
        """
        prefix = f"OTPAUTH_{self.flow.upper()}_"
        values: dict[str, object] = {
            "SEND_QUOTAS": (f"{self.sends} per day",),
            "MAX_GUESSES": self.guesses,
            "GUESS_BUDGET": f"{self.budget} per day",
        }
        if self.cap is not None:
            values["DAILY_CAP"] = self.cap
        return {f"{prefix}{name}": value for name, value in values.items()}


#: By flow. The other limits are lower, so that the usual ones hold wherever both are used.
USUAL = {"email": Limits("email", 4, 5, 7), "flashcall": Limits("flashcall", 4, 3, 4, cap=5)}
OTHER = {"email": Limits("email", 3, 4, 6), "flashcall": Limits("flashcall", 3, 2, 3, cap=4)}
