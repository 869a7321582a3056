"""Real servers from Debian's packages, each in a temporary folder, on loopback ports of its own, and surely stopped."""
