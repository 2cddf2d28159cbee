"""Run by Alembic inside the transaction that `engine.store.database` opened; there is no other way in."""

from alembic import context

from engine.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
