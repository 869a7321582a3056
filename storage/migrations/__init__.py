"""Migrations, a file for each schema that was ever released; `mailgate db upgrade` runs them."""
