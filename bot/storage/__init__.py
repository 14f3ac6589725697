"""Files that many processes share: SQLite for what must last, a cache for what may be missing."""
