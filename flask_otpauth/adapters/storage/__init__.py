"""
Storage: an adapter of :class:`flask_otpauth.ports.storage.Storage` in each folder.

``sqlalchemy`` (SQLite, PostgreSQL) is for every deployment, ``memory`` for one process that may
forget. Another one is put through :class:`flask_otpauth.testing.StorageContract`.
"""
