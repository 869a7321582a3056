"""The settings: one file of TOML, checked, as one frozen object that is handed down by constructors."""

from mailgate.settings.access import Grant
from mailgate.settings.doors import Imap, Smtp, junk_door
from mailgate.settings.files import load, locate
from mailgate.settings.kinds import Tls, nameserver, rate, seconds, size
from mailgate.settings.people import Form
from mailgate.settings.sections import OURS, Alarm, Desk, Settings, Storage, networks
from mailgate.settings.sending import Answers, Relay
from mailgate.settings.trusting import Degrees, Trust

__all__ = [
    "OURS",
    "Alarm",
    "Answers",
    "Degrees",
    "Desk",
    "Form",
    "Grant",
    "Imap",
    "Relay",
    "Settings",
    "Smtp",
    "Storage",
    "Tls",
    "Trust",
    "junk_door",
    "load",
    "locate",
    "nameserver",
    "networks",
    "rate",
    "seconds",
    "size",
]
