"""Sessions, and the token generations of users."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from flask_otpauth.adapters.memory.state import Memory, remove
from flask_otpauth.core.service import service
from flask_otpauth.core.sessions import Refresh, Rotation, Session, judge_refresh, rotated
from flask_otpauth.ports.storage import Purge, PurgedBatch


@service
class MemorySessionStore:
    """A :class:`~flask_otpauth.ports.storage.SessionStore`."""

    #: See the port. The users are not in this memory.
    find_with_user = None

    memory: Memory

    def open(self, session: Session, *, closing_others: bool) -> int:
        """See the port."""
        with self.memory.lock:
            closed = self._close(self._of(session.user_id), session.rotated_at) if closing_others else 0
            self.memory.sessions[session.id] = session
            return closed

    def rotate(self, refresh: Refresh) -> tuple[Rotation, Session | None]:
        """See the port."""
        with self.memory.lock:
            session = self.find(refresh.session_id)
            rotation = judge_refresh(session, refresh)
            if session is not None and rotation is Rotation.ROTATED:
                self.memory.sessions[session.id] = rotated(session, refresh.now_ms)
            if rotation is Rotation.REUSED:
                self.close(refresh.session_id, refresh.now_ms)
            return rotation, self.find(refresh.session_id)

    def find(self, session_id: str) -> Session | None:
        """See the port."""
        with self.memory.lock:
            return self.memory.sessions.get(session_id)

    def list_open(self, user_id: str, now_ms: int) -> Sequence[Session]:
        """See the port."""
        with self.memory.lock:
            live = [session for session in self._of(user_id) if session.is_live(now_ms)]
        return sorted(live, key=lambda session: (-session.authenticated_at, session.id))

    def close(self, session_id: str, now_ms: int) -> bool:
        """See the port."""
        with self.memory.lock:
            session = self.find(session_id)
            return session is not None and self._close([session], now_ms) > 0

    def close_all(self, user_id: str, now_ms: int) -> int:
        """See the port."""
        with self.memory.lock:
            self.memory.generations[user_id] = self.generation(user_id) + 1
            return self._close(self._of(user_id), now_ms)

    def delete_all(self, user_id: str) -> int:
        """See the port."""
        with self.memory.lock:
            return remove(self.memory.sessions, lambda session: session.user_id == user_id)

    def generation(self, user_id: str) -> int:
        """See the port."""
        with self.memory.lock:
            return self.memory.generations.get(user_id, 0)

    def purge(self, purge: Purge) -> Iterator[PurgedBatch]:
        """Delete sessions that ended or were closed before then."""
        return self.memory.purge(
            "sessions",
            lambda session: min(session.ends_at, session.closed_at or session.ends_at) < purge.before_ms,
            purge,
        )

    def _of(self, user_id: str) -> list[Session]:
        return [session for session in self.memory.sessions.values() if session.user_id == user_id]

    def _close(self, sessions: Iterable[Session], now_ms: int) -> int:
        """Close those of the sessions that are not closed. Return how many were open."""
        count = 0
        for session in sessions:
            if session.closed_at is None:
                count += session.is_live(now_ms)
                self.memory.sessions[session.id] = replace(session, closed_at=now_ms)
        return count
