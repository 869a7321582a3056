"""The terminal: one module for each noun."""
