"""The sessions of a user, as the host and its administrators see them (``otpauth.sessions``)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask_otpauth.core.instants import from_epoch_ms
from flask_otpauth.core.record import frozen
from flask_otpauth.core.service import service
from flask_otpauth.engine.users import Users
from flask_otpauth.ports.directory import UserReference


@frozen
class OpenSession:
    """A session that is open. All times are aware datetimes in UTC."""

    id: str
    user_id: str
    #: When the user logged in.
    authenticated_at: datetime
    #: When its newest refresh token was issued.
    refreshed_at: datetime
    #: When it ends, however often it is refreshed.
    ends_at: datetime


@service
class UserSessions:
    """Lists sessions and revokes them (``otpauth.sessions``)."""

    users: Users

    def list(self, whom: UserReference) -> Sequence[OpenSession]:
        """
        List the open sessions of a user.

        :param whom: a user, the id of one, or what ``users.find`` accepts.
        :returns: the sessions, the newest first.
        :raises ValueError: if there is no such user.
        """
        user = self.users.look_up(whom)
        if user is None:
            raise ValueError("there is no such user")
        return [
            OpenSession(
                session.id,
                session.user_id,
                from_epoch_ms(session.authenticated_at),
                from_epoch_ms(session.rotated_at),
                from_epoch_ms(session.ends_at),
            )
            for session in self.users.sessions.of_user(user)
        ]

    def revoke(self, session_id: str) -> bool:
        """
        End one session.

        :returns: whether it was open.
        """
        return self.users.sessions.revoke(session_id)

    def revoke_all(self, whom: UserReference) -> int:
        """
        End all sessions and account tokens of a user.

        :returns: how many sessions were open.
        """
        return self.users.revoke_sessions(whom)
