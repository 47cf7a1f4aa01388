//! Comity's durable storage: SQLite, one writer, group commit.
