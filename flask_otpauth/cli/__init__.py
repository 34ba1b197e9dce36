"""
The commands ``flask otpauth …``.

This package imports little, because Flask imports it for every ``flask`` command of the host, and a
broken import here would break all of them. A command imports what it needs when it runs.
"""

from __future__ import annotations

from flask_otpauth.cli.campaigns import campaigns
from flask_otpauth.cli.clients import clients
from flask_otpauth.cli.configuration import config, flows
from flask_otpauth.cli.deliveries import deliver
from flask_otpauth.cli.doctor import doctor
from flask_otpauth.cli.groups import OtpAuthGroup
from flask_otpauth.cli.routes import routes
from flask_otpauth.cli.sending import send_test
from flask_otpauth.cli.sessions import sessions
from flask_otpauth.cli.upkeep import backfill, init_db, purge, unlock, upgrade
from flask_otpauth.cli.users import users

__all__ = ["otpauth"]

otpauth = OtpAuthGroup("otpauth", help="Manage one-time codes.")
for command in (
    init_db,
    upgrade,
    backfill,
    users,
    sessions,
    clients,
    campaigns,
    unlock,
    purge,
    deliver,
    flows,
    routes,
    config,
    doctor,
    send_test,
):
    otpauth.add_command(command)
