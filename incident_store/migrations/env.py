"""Runs the migrations on the URL that `database.alembic_config` hands over."""

from alembic import context

from incident_store.database import open_store
from incident_store.mail_models import NoticeRow

engine = open_store(context.config.attributes["url"])
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=NoticeRow.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
