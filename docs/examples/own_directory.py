"""An app whose customers are in an existing table with its own column names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flask import Flask
from sqlalchemy import Connection, Engine, create_engine, text

from flask_otpauth import OtpAuth
from flask_otpauth.users import NewUser, User, UserExists


@dataclass(frozen=True)
class Customer:
    """A customer, with the attributes of a user of flask_otpauth."""

    id: int
    email: str | None
    is_enabled: bool
    full_name: str = ""
    phone: str | None = None
    member_id: str | None = None
    avatar_url: str | None = None
    password_hash: str | None = None
    email_verified: bool = True
    phone_verified: bool = False


class Customers:
    """Reads and writes customers, each time in a short transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, user_id: str) -> User | None:
        """Return the customer with this number."""
        return self.find("id", user_id)

    def find(self, kind: str, value: str, client_id: str | None = None) -> User | None:
        """Return the customer with this number or address. The shop stores no other identifiers."""
        column = {"id": "customer_no", "email": "mail"}.get(kind)
        if column is None or (kind == "id" and not value.isdecimal()):
            return None
        with self._engine.begin() as connection:
            return next(iter(_customers(connection, column, value)), None)

    def create(self, user: NewUser) -> User:
        """Create a customer. Existing customers are not changed."""
        values = {"mail": user.email, "name": user.full_name}
        added = "INSERT INTO customers (mail, name) VALUES (:mail, :name) ON CONFLICT (mail) DO NOTHING"
        with self._engine.begin() as connection:
            if connection.execute(text(added), values).rowcount == 0:
                raise UserExists("email")
            return _customers(connection, "mail", user.email)[0]

    def mark_verified(self, user_id: str, kind: Literal["email", "phone"]) -> None:
        """Do nothing: the shop does not store this."""

    def set_enabled(self, user_id: str, enabled: bool) -> bool:
        """Open or close an account. Return whether the customer exists."""
        with self._engine.begin() as connection:
            changed = connection.execute(
                text("UPDATE customers SET closed = :closed WHERE customer_no = :number"),
                {"closed": int(not enabled), "number": user_id},
            )
        return changed.rowcount == 1

    def delete(self, user_id: str) -> bool:
        """Delete a customer. Return whether the customer existed. The table never reuses numbers."""
        with self._engine.begin() as connection:
            deleted = connection.execute(
                text("DELETE FROM customers WHERE customer_no = :number"), {"number": user_id}
            )
        return deleted.rowcount == 1


def _customers(connection: Connection, column: str, value: str | None) -> list[Customer]:
    query = f"SELECT customer_no, mail, closed, name FROM customers WHERE {column} = :value"  # noqa: S608 - our name
    rows = connection.execute(text(query), {"value": value})
    return [Customer(row.customer_no, row.mail, not row.closed, row.name) for row in rows]


def create_app(config: Mapping[str, Any], uri: str) -> Flask:
    """Create the app."""
    app = Flask(__name__)
    app.config.from_mapping(config)
    app.config["OTPAUTH_USERS"] = Customers(create_engine(uri))
    otpauth = OtpAuth(app)
    with app.app_context():
        otpauth.create_all()
    return app
