"""One file a schema; the number is its name."""
