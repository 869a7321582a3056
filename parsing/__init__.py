"""Raw bytes to ParsedMessage; knows nothing of tickets, settings or the database."""
