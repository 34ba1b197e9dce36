"""The host's own tables: its users, and the keys that its clients would keep on their own servers."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from example_app.extensions import db
from flask_otpauth.users import UserMixin


class Model(DeclarativeBase):
    """What both tables are. The extension's tables are in the same metadata."""

    metadata = db.metadata


class User(UserMixin, Model):
    """A person. The mixin brings the columns that the extension needs."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)


class Key(Model):
    """
    What the client of one flow holds: its secret, and the token that it bought with it, if any.

    The extension stores digests alone; here they are in the clear, since this app plays the
    clients, too.
    """

    __tablename__ = "keys"

    flow: Mapped[str] = mapped_column(String(16), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(32))
    secret: Mapped[str] = mapped_column(String(64))
    token: Mapped[str] = mapped_column(String(2000), default="")
