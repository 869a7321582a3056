"""Tokens of a real endpoint over https: asked for, kept, renewed, rotated, taken back; and nothing of them told."""

from __future__ import annotations

import json
import logging
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from servers.granting import CLIENT, Granting
from servers.process import until

from mailgate.grants import ends, google, kept, microsoft, tokens
from mailgate.grants.errors import GrantError
from mailgate.settings import Grant, Settings

pytestmark = [pytest.mark.real("openssl"), pytest.mark.timeout(60)]


@pytest.fixture
def granting() -> Iterator[Granting]:
    server = Granting().start()
    yield server
    server.close()


def desk(folder: Path, *grants: dict[str, Any], users: tuple[str, ...] = ("help@desk.example",)) -> Settings:
    boxes = [
        {"name": f"box{n}", "host": "localhost", "user": user, "auth": grants[0]["provider"]}
        for n, user in enumerate(users)
    ]
    tree = {"desk": {"name": "Desk", "address": "help@desk.example"}, "grant": grants, "imap": boxes}
    return msgspec.structs.replace(msgspec.convert(tree, Settings), folder=str(folder))


def access(settings: Settings, number: int = 0) -> str:
    return tokens.access(settings, settings.imap[number])


def signed_in(settings: Settings, granting: Granting) -> Grant:
    """By device code, as a person would."""
    granting.approved.set()
    (grant,) = settings.grant
    tokens.keep(settings, grant, microsoft.sign_in(grant, settings, lambda _: None))
    return grant


# --- Microsoft ----------------------------------------------------------------------------------------------------


def test_an_application_signs_in_by_itself_and_asks_once(granting: Granting, tmp_path: Path) -> None:
    settings = desk(tmp_path, granting.settings(client_secret_file=str(granting.secret_file())))
    first = access(settings)
    assert granting.whose(first) == "*"
    assert access(settings) == first
    (asked,) = granting.asked
    assert asked["scope"] == "https://outlook.office365.com/.default"


def test_a_wrong_secret_is_a_dead_grant_and_is_not_told(
    granting: Granting, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = desk(tmp_path, granting.settings(client_secret_file=str(granting.secret_file("hunter2"))))
    with pytest.raises(GrantError, match=r"invalid_client: AADSTS7000215") as caught:
        access(settings)
    assert caught.value.dead
    with pytest.raises(GrantError, match="invalid_client"):
        access(settings)
    assert len(granting.asked) == 1  # the second one did not ask again at once
    assert "hunter2" not in caplog.text + str(caught.value) + (tmp_path / "grant-m365.json").read_text()


def test_a_person_signs_in_by_a_code_and_the_grant_lives_on(granting: Granting, tmp_path: Path) -> None:
    settings = desk(tmp_path, granting.settings())
    with pytest.raises(GrantError, match="nobody has signed in yet"):
        access(settings)
    shown: list[str] = []
    granting.user = "anna@desk.example"
    threading.Timer(0.2, granting.approved.set).start()
    (grant,) = settings.grant
    tokens.keep(settings, grant, microsoft.sign_in(grant, settings, shown.append))
    assert shown == [f"Open {granting.url}/enter in any browser and enter ABCD-EFGH"]
    assert granting.whose(access(settings)) == "anna@desk.example"
    assert ends_error(settings) is None


def test_what_is_kept_is_readable_by_its_owner_alone(granting: Granting, tmp_path: Path) -> None:
    signed_in(desk(tmp_path, granting.settings()), granting)
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(file.name for file in tmp_path.iterdir()) == ["grant-m365.json", "grant-m365.lock"]


def test_a_hundred_renewals_rotate_the_refresh_token_a_hundred_times(
    granting: Granting, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = desk(tmp_path, granting.settings())
    granting.life = 0.03
    signed_in(settings, granting)
    seen = set()
    until(lambda: seen.add(access(settings)) or len(seen) > 100, "a hundred tokens")
    assert granting.renewals >= 100
    used = [form["refresh_token"] for form in granting.asked if form["grant_type"] == "refresh_token"]
    assert len(set(used)) == len(used)  # each was used once
    ours = [record for record in caplog.records if record.name.startswith("mailgate")]
    assert len(ours) >= 100
    assert not [r for r in ours if any(token in r.getMessage() for token in (*used, *seen))]


def test_many_threads_at_once_renew_once(granting: Granting, tmp_path: Path) -> None:
    settings = desk(tmp_path, granting.settings())
    granting.life = 0.2
    signed_in(settings, granting)
    time.sleep(0.2)  # the life of a token, and nothing less: it is what is tested
    granting.life = 3600.0
    with ThreadPoolExecutor(16) as threads:
        found = set(threads.map(lambda _: access(settings), range(64)))
    assert len(found) == 1
    assert granting.renewals == 1


def test_an_outage_costs_nothing_while_the_token_lives(granting: Granting, tmp_path: Path) -> None:
    settings = desk(tmp_path, granting.settings())
    granting.life = 1.5
    signed_in(settings, granting)
    first = access(settings)
    with granting.outage():
        until(lambda: access(settings) and ends_error(settings), "a renewal that failed")
        assert access(settings) == first  # it lives, and is used
        assert "it is tried again" in trouble(settings)
        until(lambda: dead_token(settings), "the end of the token")
    granting.life = 3600.0
    second = until(lambda: alive(settings), "a token after the outage")
    assert second != first
    assert trouble(settings) is None


def ends_error(settings: Settings) -> str | None:
    (secret,) = ends.secrets(settings)
    return secret.error


def trouble(settings: Settings) -> str | None:
    (secret,) = ends.secrets(settings)
    return ends.trouble(secret)


def alive(settings: Settings) -> str | None:
    try:
        return access(settings)
    except GrantError:
        return None


def dead_token(settings: Settings) -> bool:
    return alive(settings) is None


def test_a_grant_that_is_taken_back_is_known_before_its_token_ends(granting: Granting, tmp_path: Path) -> None:
    settings = desk(tmp_path, granting.settings())
    granting.life = 6.0
    grant = signed_in(settings, granting)
    granting.revoke()
    until(lambda: access(settings) and ends_error(settings), "the renewal that fails")
    token = access(settings)
    assert granting.whose(token)  # mail still flows
    said = trouble(settings) or ""
    assert "invalid_grant" in said
    assert said.endswith("`mailgate login m365`")
    assert tokens.look(settings, grant).refresh not in said
    signed_in(settings, granting)
    assert trouble(settings) is None


def test_a_token_that_a_server_refused_is_not_given_again(granting: Granting, tmp_path: Path) -> None:
    settings = desk(tmp_path, granting.settings())
    signed_in(settings, granting)
    first = access(settings)
    tokens.refused(settings, settings.imap[0], first)
    second = access(settings)
    assert second != first
    tokens.refused(settings, settings.imap[0], first)  # a late word about an old one
    assert access(settings) == second


def test_tokens_of_other_settings_are_not_used(granting: Granting, tmp_path: Path) -> None:
    signed_in(desk(tmp_path, granting.settings()), granting)
    elsewhere = desk(tmp_path, granting.settings(client_id="another"))
    with pytest.raises(GrantError, match="nobody has signed in yet"):
        access(elsewhere)


def test_no_token_is_asked_for_that_could_not_be_kept(
    granting: Granting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = desk(tmp_path, granting.settings())
    granting.life = 0.05
    signed_in(settings, granting)
    granting.life = 3600.0
    asked = len(granting.asked)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(kept.os, "posix_fallocate", full)
        with pytest.raises(GrantError, match="No space left on device"):
            until(lambda: access(settings) and False, "the end of the token")
        assert len(granting.asked) == asked
    assert access(settings)


def test_a_damaged_file_shows_nothing_of_itself(granting: Granting, tmp_path: Path) -> None:
    settings = desk(tmp_path, granting.settings())
    (tmp_path / "grant-m365.json").write_text('{"refresh": "geheim')
    with pytest.raises(GrantError, match="is damaged; sign in again") as caught:
        access(settings)
    assert "geheim" not in str(caught.value)
    assert "is damaged" in (trouble(settings) or "")


def test_an_endpoint_of_an_unknown_authority_gets_no_secret(granting: Granting, tmp_path: Path) -> None:
    given = granting.settings(client_secret_file=str(granting.secret_file()), tls_ca=None)
    with pytest.raises(GrantError, match="its certificate is not to be trusted") as caught:
        access(desk(tmp_path, given))
    assert not caught.value.dead
    assert granting.asked == []


def test_a_page_that_is_no_authority_is_said(granting: Granting, tmp_path: Path) -> None:
    secret = str(granting.secret_file())
    with pytest.raises(GrantError, match="the authority gives no sensible answer"):
        access(desk(tmp_path, granting.settings(client_secret_file=secret, tenant="nowhere.example")))


# --- Google -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def account_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key file of a service account."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    file = tmp_path_factory.mktemp("google") / "google.json"
    info = {"type": "service_account", "client_email": "desk@project.example", "private_key": pem}
    file.write_text(json.dumps({**info, "private_key_id": "1", "token_uri": "https://oauth2.googleapis.example/token"}))
    return file


def test_a_service_account_acts_for_each_mailbox_by_a_token_of_its_own(
    granting: Granting, tmp_path: Path, account_key: Path
) -> None:
    given = granting.settings("google", client_id=None, service_account_file=str(account_key))
    settings = desk(tmp_path, given, users=("a@desk.example", "b@desk.example", "nobody@desk.example"))
    assert granting.whose(access(settings, 0)) == "a@desk.example"
    assert granting.whose(access(settings, 1)) == "b@desk.example"
    with pytest.raises(GrantError, match="unauthorized_client: no such delegation"):
        access(settings, 2)
    assert access(settings, 0)  # one that is refused does not hold up the others
    assert len(granting.asked) == 3


def test_a_key_that_is_none_is_said_without_it(granting: Granting, tmp_path: Path, account_key: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps({**json.loads(account_key.read_text()), "private_key": "geheim"}))
    given = granting.settings("google", client_id=None, service_account_file=str(broken))
    with pytest.raises(GrantError, match="is no key of a service account") as caught:
        access(desk(tmp_path, given))
    assert "geheim" not in str(caught.value)


def test_a_person_consents_in_a_browser_of_this_machine(granting: Granting, tmp_path: Path) -> None:
    given = granting.settings("google", client_secret_file=str(granting.secret_file()))
    settings = desk(tmp_path, given)
    granting.user, granting.refresh_life = "anna@desk.example", 604_800
    (grant,) = settings.grant
    said: list[str] = []

    def browse(text: str) -> None:
        url = text.rpartition("\n")[2]

        def visit() -> None:
            home = "http" + url.split("redirect_uri=http")[1].split("&")[0].replace("%3A", ":").replace("%2F", "/")
            said.append(requests.get(f"{home}?code=forged&state=guessed", timeout=10).text)  # somebody else's page
            said.append(requests.get(url, verify=str(granting.certificates.ca), timeout=10).text)

        threading.Thread(target=visit, daemon=True).start()

    tokens.keep(settings, grant, google.sign_in(grant, settings, browse))
    until(lambda: len(said) == 2, "both pages")
    assert "Not signed in" in said[0]
    assert "Signed in" in said[1]
    assert granting.whose(access(settings)) == "anna@desk.example"
    (secret,) = ends.secrets(settings)
    assert secret.ends == pytest.approx(time.time() + 604_800, abs=60)
    assert "its secret ends in 6 days; `mailgate login m365`" in (trouble(settings) or "")


def test_a_consented_grant_is_renewed_and_rotates(granting: Granting, tmp_path: Path) -> None:
    given = granting.settings("google", client_secret_file=str(granting.secret_file()))
    settings = desk(tmp_path, given)
    (grant,) = settings.grant
    granting.life = 0.5
    code = granting.authorize({"redirect_uri": "x", "state": "y", "code_challenge": ""})
    assert code
    made = granting._answer("anna@desk.example")
    tokens.keep(settings, grant, google.Renewed(made["access_token"], 0.1, made["refresh_token"]))
    seen: set[str] = set()
    until(lambda: seen.add(access(settings)) or len(seen) > 3, "three renewals")
    assert granting.asked[0]["client_id"] == CLIENT
    assert len({form["refresh_token"] for form in granting.asked}) == len(granting.asked)
    granting.revoke()
    until(lambda: alive(settings) is None, "no token")
    assert "invalid_grant" in (trouble(settings) or "")
