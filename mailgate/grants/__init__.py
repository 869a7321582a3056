"""Signing in without a password: tokens that Microsoft and Google grant (RFC 6749), kept and renewed in one place."""
