"""A relational database, through SQLAlchemy: the storage, and the directory of users."""
