"""The limits of the flows under load: those of all workers, and those of a worker with other settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How many codes one subject gets, how many guesses a code takes, and how many an application gets."""

    flow: str
    sends: int
    guesses: int
    cap: int | None = None

    @property
    def settings(self) -> dict[str, object]:
        """
        The settings of the app.

        The quota is that of a day, so that a clock that is an hour ahead has no quota of its own.
        """
        prefix = f"OTPAUTH_{self.flow.upper()}_"
        values: dict[str, object] = {"SEND_QUOTAS": (f"{self.sends} per day",), "MAX_GUESSES": self.guesses}
        if self.cap is not None:
            values["DAILY_CAP"] = self.cap
        return {f"{prefix}{name}": value for name, value in values.items()}


#: By flow. The other limits are lower, so that the usual ones hold wherever both are used.
USUAL = {"email": Limits("email", 4, 5), "flashcall": Limits("flashcall", 4, 3, 5)}
OTHER = {"email": Limits("email", 3, 4), "flashcall": Limits("flashcall", 3, 2, 4)}
