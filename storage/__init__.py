"""Tables, migrations and queries: gathers facts, writes changes, never commits on its own."""
