"""The first data: the people of the documents' examples, clients and campaigns."""

from __future__ import annotations

from flask import current_app
from sqlalchemy import inspect
from werkzeug.security import generate_password_hash

from example_app.client import buy_token
from example_app.extensions import db, otpauth
from example_app.models import Key, User

#: The flows that a client calls, and the name of the client that is made for each.
CLIENTS = {"sms": "Mobile app", "flashcall": "Web shop", "voice": "Call center", "account": "Merchant"}

#: A campaign of the voice client speaks one language and shows one number.
CAMPAIGNS = {
    "vi": "+84247300100",
    "en": "+442079460123",
    "lo": "+85621300100",
    "ru": "+74872600100",
    "id": "+622150300100",
}

#: The people in the documents, with their ids, names and passwords.
PEOPLE = (
    {"id": 1, "email": "foo@bar.com", "full_name": "Foo"},
    {"id": 2, "email": "test@gmail.com", "full_name": "Test"},
    {
        "id": 123,
        "email": "customer@stamps.co.id",
        "phone": "+6281234567890",
        "member_id": "STAMPS-123",
        "full_name": "Siti Rahma",
    },
    {
        "id": 12345,
        "email": "user@example.com",
        "phone": "+84912345678",
        "full_name": "Nguyen Van A",
        "avatar_url": "https://example.com/avatar.jpg",
    },
)
PASSWORDS = {"customer@stamps.co.id": "secret123", "test@gmail.com": "secure_password"}


#: Marks the app's database file as its own (SQLite keeps this number in the file's header).
APPLICATION_ID = int.from_bytes(b"1otp")


def first_start() -> None:
    """
    Create the tables, and fill them unless they are filled.

    :raises RuntimeError: if the file has tables that were not made by this app.
    """
    _claim_file()
    db.create_all()
    if db.session.get(Key, "account") is None:
        _fill()


def start_over() -> None:
    """
    Delete all data, and begin as on the first start, with new keys.

    This is only called after :func:`first_start`, so the tables that are dropped are the app's own.
    """
    db.session.remove()
    db.drop_all()
    db.create_all()
    current_app.extensions["inbox"].clear()
    _fill()


def _claim_file() -> None:
    with db.engine.begin() as connection:
        owner = connection.exec_driver_sql("PRAGMA application_id").scalar()
        if owner != APPLICATION_ID and inspect(connection).get_table_names():
            raise RuntimeError(
                f"{db.engine.url.database} was not made by this version of the example app: "
                "move it away, or give create_app another folder"
            )
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")


def _fill() -> None:
    for person in PEOPLE:
        password = PASSWORDS.get(str(person["email"]))
        hashed = generate_password_hash(password) if password else None
        db.session.merge(User(**person, password_hash=hashed))
    db.session.commit()
    keys = [_key(flow, name) for flow, name in CLIENTS.items()]
    for language, caller_id in CAMPAIGNS.items():
        voice = next(key for key in keys if key.flow == "voice")
        otpauth.campaigns.create(voice.client_id, f"Codes ({language})", caller_id, language)
    db.session.add_all(keys)  # Last: if these rows exist, all the others do.
    db.session.commit()


def _key(flow: str, name: str) -> Key:
    made = otpauth.clients.create(name, flows=(flow,))
    return Key(flow=flow, client_id=made.id, secret=made.secret, token=buy_token(flow, made.id, made.secret))
