"""How the desk stands, and who is told, by another way than mail, when it does not stand well."""
