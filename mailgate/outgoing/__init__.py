"""Letters: composed with the change that caused them, sent by lease."""
