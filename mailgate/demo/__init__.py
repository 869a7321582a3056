"""A desk in a temporary folder and the mails that are played to it: what `mailgate demo` shows."""
