"""What other programs ask: is it alive (`/health`), does it take mail (`/ready`), how does it fare (`/metrics`)."""
