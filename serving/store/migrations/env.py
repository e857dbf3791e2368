"""Alembic's entry: brings a store's database, already connected and locked, to the newest schema."""

from alembic import context

from serving.store.tables import WORK

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=WORK)
context.run_migrations()
