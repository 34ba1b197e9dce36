"""Text as speech: by the program espeak-ng, or by the host."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

#: Turns a text and the name of its language (``vi``) into WAV, or into 16-bit samples of 8 kHz mono.
TextToSpeech = Callable[[str, str], bytes]

#: So slow that digits can be written down.
_WORDS_A_MINUTE = "130"
_LANGUAGE = re.compile("[A-Za-z]{2,8}(-[A-Za-z0-9]{2,8})*")


class EspeakNg:
    """Speaks by the program ``espeak-ng``, which must be on the path."""

    def __init__(self, seconds: float = 10.0) -> None:
        self._seconds = seconds

    def __call__(self, text: str, locale: str) -> bytes:
        """
        Return ``text`` as WAV.

        The text is not among the arguments, which every user of the machine can read.

        :raises ValueError: if the program is missing, has no such voice, fails, or takes too long.
        """
        voice = locale.replace("_", "-")
        if not _LANGUAGE.fullmatch(voice):
            raise ValueError("not the name of a language")
        command = ["espeak-ng", "-v", voice, "-s", _WORDS_A_MINUTE, "--stdin", "--stdout"]
        try:
            done = subprocess.run(  # noqa: S603 - no shell, and the voice is checked above
                command, input=text.encode(), capture_output=True, timeout=self._seconds, check=False
            )
        except FileNotFoundError:
            raise ValueError("espeak-ng is not installed") from None
        except subprocess.TimeoutExpired:
            raise ValueError("espeak-ng took too long") from None
        if done.returncode or not done.stdout:
            raise ValueError(f"espeak-ng failed for the language {voice!r}")
        return done.stdout
