"""What a host needs to bring its own users."""

from __future__ import annotations

from flask_otpauth.adapters.sqlalchemy.directory.model import UserMixin
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import ModelDirectory
from flask_otpauth.ports.directory import Directory, IdentifierKind, NewUser, User, UserExists, UserReference

__all__ = [
    "Directory",
    "IdentifierKind",
    "ModelDirectory",
    "NewUser",
    "User",
    "UserExists",
    "UserMixin",
    "UserReference",
]
