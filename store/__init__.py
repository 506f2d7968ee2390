"""SQLAlchemy, and only here: tables, transactions, locks and queries on SQLite and PostgreSQL."""
