"""The host's own tables: its users, and the keys that its clients would keep on their servers."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from example_app.extensions import db
from flask_otpauth.users import UserMixin


class Model(DeclarativeBase):
    """The base class of both tables. The extension's tables are in the same metadata."""

    metadata = db.metadata


class User(UserMixin, Model):
    """A person. The mixin has the columns that the extension needs."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)


class Key(Model):
    """
    The secret of the client of one flow, and the token that it got for the secret, if any.

    The extension stores only digests. This app stores the secrets themselves, because it also plays the
    part of the clients.
    """

    __tablename__ = "keys"

    flow: Mapped[str] = mapped_column(String(16), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(32))
    secret: Mapped[str] = mapped_column(String(64))
    token: Mapped[str] = mapped_column(String(2000), default="")
