"""`python -m mailgate` is the command `mailgate`."""

from mailgate.cli.main import main

main()
