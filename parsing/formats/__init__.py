"""The forms of monitoring mails, a TOML file for each system; `parsing.alerts` says what a file may hold."""
