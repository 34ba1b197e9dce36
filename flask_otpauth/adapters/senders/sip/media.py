"""The audio of a call: SDP, by which it is offered and answered (RFC 3264), and RTP packets (RFC 3550)."""

from __future__ import annotations

import ipaddress
import secrets
import socket
import struct
import time
from collections.abc import Callable, Iterator

from flask_otpauth.adapters.senders.sip.pcmu import SILENCE

#: One packet holds 20 ms of PCMU (RFC 3551 §4.2 and §4.5.14).
PACKET_SECONDS = 0.020
PACKET_BYTES = 160
_PCMU = 0
_MARKER = 0x80
_VERSION = 0x80


class Audio:
    """The socket that sends the audio of one call."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._version = 6 if ":" in host else 4
        self._socket = socket.socket(
            socket.AF_INET6 if self._version == 6 else socket.AF_INET, socket.SOCK_DGRAM
        )
        try:
            self._socket.bind((host, 0))
        except OSError:
            self._socket.close()
            raise

    def offer(self) -> bytes:
        """Return the session description that offers PCMU."""
        number = secrets.randbelow(2**31)
        here = f"IN IP{self._version} {self._host}"
        lines = (
            "v=0",
            f"o=- {number} {number} {here}",
            "s=-",
            f"c={here}",
            "t=0 0",
            f"m=audio {self._socket.getsockname()[1]} RTP/AVP {_PCMU}",
            f"a=rtpmap:{_PCMU} PCMU/8000",
            "a=ptime:20",
        )
        return "".join(f"{line}\r\n" for line in lines).encode()

    def target(self, answer: bytes) -> tuple[str, int] | None:
        """Return where the callee wants the audio, or ``None`` if this socket cannot send there."""
        found = target_in(answer)
        return found if found and (":" in found[0]) == (self._version == 6) else None

    def play(self, sound: bytes, target: tuple[str, int], wait: Callable[[float], bool]) -> bool:
        """
        Send ``sound`` to ``target``, at its own speed, and return whether all of it was sent.

        ``wait(until)`` waits until that instant of the monotonic clock. If it returns ``False``, the call has
        ended. After a delay the packets are not sent faster, because the phone would drop them.
        """
        due = time.monotonic()
        for packet in packets(sound):
            try:
                self._socket.sendto(packet, target)
            except OSError:  # there is no way to that address
                return False
            due = max(due + PACKET_SECONDS, time.monotonic())
            if not wait(due):
                return False
        return True

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def packets(sound: bytes) -> Iterator[bytes]:
    """Yield the RTP packets of ``sound`` (RFC 3550 §5.1). The last one is filled with silence."""
    source, sequence, timestamp = (secrets.randbits(bits) for bits in (32, 16, 32))
    for number, start in enumerate(range(0, len(sound), PACKET_BYTES)):
        kind = _PCMU if number else _MARKER | _PCMU
        place = (timestamp + start) % 2**32
        header = struct.pack("!BBHII", _VERSION, kind, (sequence + number) % 2**16, place, source)
        yield header + sound[start : start + PACKET_BYTES].ljust(PACKET_BYTES, SILENCE)


def target_in(answer: bytes) -> tuple[str, int] | None:
    """Return where the callee wants its PCMU, or ``None`` if it does not want any, or names no address."""
    host, section_host, port = "", "", 0
    for line in answer.decode("utf-8", "replace").splitlines():
        kind, _, value = line.partition("=")
        if kind == "m":
            if port:  # the next kind of media
                break
            port = _audio_port(value)
        elif kind == "c" and port:
            section_host = _address(value)
        elif kind == "c" and not host:
            host = _address(value)
    where = section_host or host
    return (where, port) if where and port else None


def _audio_port(value: str) -> int:
    """Return the port of an ``m=`` line of audio that takes PCMU, or 0."""
    kind, *rest = value.split() or [""]
    if kind != "audio" or len(rest) < 3 or str(_PCMU) not in rest[2:]:
        return 0
    port = rest[0].partition("/")[0]
    return int(port) if port.isascii() and port.isdigit() and len(port) < 6 and int(port) < 65_536 else 0


def _address(value: str) -> str:
    """Return the address of a ``c=`` line. A name is not looked up: that could take as long as it likes."""
    text = value.rpartition(" ")[2].partition("/")[0]
    if "%" in text:  # the name of an interface, which SDP does not have (RFC 8866 §9), and may be anything
        return ""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    return "" if address.is_unspecified or address.is_multicast else str(address)
