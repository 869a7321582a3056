"""`mailgate init` at a real terminal where a person signs in at a provider: by a code, and by a page of consent."""

from __future__ import annotations

import os
import re
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from servers.dovecot import Dovecot
from servers.granting import CLIENT, TENANT, Granting
from servers.postfix import Postfix, submission
from servers.terminal import Terminal

from mailgate.settings import load

pytestmark = pytest.mark.real("dovecot-imapd", "postfix", "openssl")

MAILGATE = str(Path(sys.executable).with_name("mailgate"))
USER = "help@desk.example"


@dataclass
class Provider:
    """Tokens, a mailbox that opens with one, and a relay that takes mail from who has one."""

    granting: Granting
    dovecot: Dovecot
    postfix: Postfix
    folder: Path
    stack: ExitStack

    def sit(self, *words: str) -> Terminal:
        """Down before `mailgate init`, all of it answered but for what is asked for at the provider."""
        assert self.dovecot.certificates
        environment = {**os.environ, "SSL_CERT_FILE": str(self.dovecot.certificates.ca)}
        person = Terminal(
            [
                *(MAILGATE, "init", "--desk", f"Desk <{USER}>", "--mailbox", f"localhost:{self.dovecot.tls_port}"),
                *("--user", USER, "--relay", f"localhost:{self.postfix.port}", "--timezone", "UTC", "--staff", "none"),
                *("--auth-results", "none", "--live", "--tls-ca", str(self.granting.certificates.ca), *words),
            ],
            self.folder,
            environment,
        )
        self.stack.callback(person.close)
        return person

    def microsoft(self) -> Terminal:
        return self.sit(
            *("--sign-in", "microsoft", "--client-id", CLIENT, "--tenant", TENANT, "--authority", self.granting.url)
        )

    def google(self) -> Terminal:
        url, secret = self.granting.url, str(self.granting.secret_file())
        return self.sit(
            *("--sign-in", "google", "--client-id", CLIENT, "--client-secret-file", secret),
            *("--token-url", f"{url}/token", "--authorize-url", f"{url}/authorize"),
        )


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    with ExitStack() as stack:
        granting = Granting(user=USER).start()
        stack.callback(granting.close)
        dovecot = Dovecot(introspection=granting.plain_port, mechanisms="plain login xoauth2 oauthbearer")
        stack.callback(dovecot.close)
        dovecot.start().deliver(USER, b"Subject: old\r\n\r\n")
        postfix = submission(dovecot, "desk.example")
        stack.callback(postfix.close)
        yield Provider(granting, dovecot, postfix.start(), tmp_path, stack)


def first_ticket(person: Terminal, provider: Provider, grant: str) -> None:
    person.sees(f"Signed in for {grant}.")
    person.sees("came back in, and is a ticket:")
    person.sees("INC-1001")
    assert person.end() == 0
    kept = provider.folder / f"grant-{grant}.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    settings = load(provider.folder / "mailgate.toml")
    assert settings.relay is not None
    assert settings.granted(settings.relay) == settings.granted(settings.imap[0]) == settings.grant[0]
    assert (settings.imap[0].tls, settings.relay.tls) == ("implicit", "starttls")
    assert [len(provider.dovecot.mails(USER, folder)) for folder in ("INBOX", "Processed")] == [1, 1]


def test_a_code_at_microsofts_leads_to_the_first_ticket(provider: Provider) -> None:
    person = provider.microsoft()
    person.sees("Wrote mailgate.toml.")
    person.sees(f"Open {provider.granting.url}/enter in any browser and enter ABCD-EFGH")
    assert not (provider.folder / "grant-m365.json").exists()
    provider.granting.approved.set()
    first_ticket(person, provider, "m365")


def test_consent_at_googles_leads_to_the_first_ticket(provider: Provider) -> None:
    person = provider.google()
    person.sees("Open in a browser of this machine:\n")
    person.sees("\n")
    (url,) = re.findall(rf"{provider.granting.url}/authorize\S+", person.shown)
    visit = threading.Thread(
        target=lambda: requests.get(url, verify=str(provider.granting.certificates.ca), timeout=30).close()
    )
    visit.start()
    first_ticket(person, provider, "google")
    visit.join(30)


def test_provider_that_says_no_is_told_and_the_settings_stay(provider: Provider) -> None:
    with provider.granting.outage():
        person = provider.microsoft()
        person.sees("✗ the authority gives no sensible answer: HTTP Error: 503")
        person.sees("nobody has signed in yet")
        person.sees("Mend it, then: mailgate check")
        assert person.end() == 1
    assert load(provider.folder / "mailgate.toml").grant[0].authority == provider.granting.url
