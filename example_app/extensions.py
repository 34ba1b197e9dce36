"""The extensions of the app: its database, and one-time codes."""

from __future__ import annotations

from flask_sqlalchemy import SQLAlchemy

from flask_otpauth import OtpAuth

db = SQLAlchemy()
otpauth = OtpAuth()
