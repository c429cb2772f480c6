"""reversa's own tables in a SQL database: SQLite, PostgreSQL, MariaDB (reference: docs/adapters/sql.md)."""
