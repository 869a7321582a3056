"""Checking here who wrote, after the 250: DKIM, SPF, DMARC, and ARC of sealers that the settings believe (MAIL 14)."""
