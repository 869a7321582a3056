"""What `mailgate check` tries, from the settings to a mail that goes round."""
