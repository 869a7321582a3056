"""What other programs are told over HTTP by a real daemon: alive, ready, and its metrics."""

from __future__ import annotations

import json
import os
import signal
import smtplib
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from servers.daemon import Daemon, free_port
from servers.postgres import Postgres
from servers.process import until
from servers.sink import Sink

from mailgate.monitoring.catalogue import METRICS

SETTINGS = """
[desk]
name = "Example Service Desk"
address = "help@desk.example"
[storage]
url = "{url}"
[smtp]
listen = ["127.0.0.1:{{port}}"]
[lmtp]
listen = ["unix:lmtp"]
[relay]
host = "127.0.0.1"
port = {relay}
[[staff]]
name = "First Agent"
email = "agent@desk.example"
[http]
listen = "127.0.0.1:{http}"
"""
SECONDS = 30.0


class Page:
    """A daemon and the page that it answers at."""

    def __init__(self, folder: Path, relay: int, url: str = "sqlite:///mailgate.db") -> None:
        self.port = free_port()
        self.daemon = Daemon(folder, SETTINGS.format(url=url, relay=relay, http=self.port))

    def get(self, path: str, accept: str = "", method: str = "GET") -> tuple[int, str, str]:
        """Status, content type, body."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Accept": accept})
        request.method = method
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["Content-Type"], error.read().decode()

    def asked(self, path: str) -> tuple[int, Any]:
        status, kind, body = self.get(path)
        assert kind == "application/json"
        return status, json.loads(body)

    def samples(self) -> dict[tuple[str, str], float]:
        """Every sample of a scrape, by its name and the values of its labels."""
        status, kind, body = self.get("/metrics")
        assert (status, kind.partition(";")[0]) == (200, "text/plain")
        return {
            (sample.name, ",".join(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(body)
            for sample in family.samples
        }

    def sample(self, name: str, label: str = "") -> float | None:
        return self.samples().get((name, label))

    def wait_for(self, name: str, label: str, value: float) -> dict[tuple[str, str], float]:
        """A scrape in which that sample has that value."""

        def look() -> dict[tuple[str, str], float] | None:
            found = self.samples()
            return found if found.get((name, label)) == value else None

        return until(look, f"{name}{{{label}}} {value}") or {}

    def wait(self, path: str, holds: Callable[[int, Any], bool]) -> Any:
        """The document of `path` once it is as wanted."""

        def look() -> Any:
            status, document = self.asked(path)
            return document if holds(status, document) else None

        return until(look, f"{path} as wanted")


@pytest.fixture
def page(tmp_path: Path, sink: Sink) -> Iterator[Page]:
    page = Page(tmp_path, sink.port)
    try:
        page.daemon.start()
        yield page
    finally:
        page.daemon.close()


def refused(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


def send(port: int, number: int) -> None:
    text = (
        f"From: Anna <anna@acme.example>\r\nTo: help@desk.example\r\nSubject: Printer secret{number}\r\n"
        f"Date: Mon, 5 Jan 2026 08:00:00 +0000\r\nMessage-ID: <m{number}@acme.example>\r\n\r\nBroken.\r\n"
    )
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("anna@acme.example", ["help@desk.example"], text.encode())


def test_scrape_counts_what_came_was_worked_and_went_out_and_a_restart_forgets_nothing(page: Page) -> None:
    before = page.samples()
    assert before["mailgate_mails_received_total", "smtp"] == 0  # so that the first mail is a step
    for number in range(3):
        send(page.daemon.port, number)
    page.daemon.settled()
    wanted = {
        ("mailgate_mails_received_total", "smtp"): 3,
        ("mailgate_mails_worked_total", "open"): 3,
        ("mailgate_deliveries_total", "sent"): 6,
        ("mailgate_mail_handling_seconds_count", ""): 3,
        ("mailgate_tickets", "new"): 3,
        ("mailgate_outbox_mails", "pending"): 0,
        ("mailgate_oldest_mail_age_seconds", ""): 0,
        ("mailgate_database_up", ""): 1,
        ("mailgate_relay_up", ""): 1,
        ("mailgate_role_up", "work"): 1,
    }
    found = page.wait_for("mailgate_deliveries_total", "sent", 6)
    assert {key: found[key] for key in wanted} == wanted
    assert found["mailgate_relay_last_success_timestamp_seconds", ""] > 1.7e9
    assert found["mailgate_work_busy_seconds_total", ""] >= 0
    assert page.daemon.stop() == 0
    page.daemon.start()
    again = page.samples()
    counters = [key for key in wanted if key[0].endswith(("_total", "_count"))]
    assert {key: again[key] for key in counters} == {key: wanted[key] for key in counters}


def test_scrape_has_only_what_the_catalogue_says_and_nothing_of_mails(page: Page) -> None:
    send(page.daemon.port, 1)
    page.daemon.settled()
    for accept, parse in (("", text_string_to_metric_families), (OPEN, openmetrics.text_string_to_metric_families)):
        status, kind, body = page.get("/metrics", accept)
        assert status == 200
        assert kind.startswith("application/openmetrics-text" if accept else "text/plain")
        for family in parse(body):
            told = METRICS[family.name + ("_total" if family.type == "counter" else "")]
            assert (family.type, family.documentation) == (told.kind, told.says)
            for sample in family.samples:
                assert set(sample.labels) - {"le"} == set(told.labels)
        assert not any(word in body for word in ("acme", "anna", "secret1", "help@", "agent@"))


OPEN = "application/openmetrics-text; version=1.0.0"


def test_daemon_is_healthy_until_a_role_dies_and_again_when_it_stays(page: Page) -> None:
    status, document = page.asked("/health")
    assert (status, document["healthy"], document["reasons"]) == (200, True, [])
    assert set(document["roles"]) == {"work", "door", "post", "http"}
    os.kill(document["roles"]["work"]["pid"], signal.SIGKILL)
    ill = page.wait("/health", lambda status, _: status == 503)
    assert ill["healthy"] is False
    assert any(reason.startswith("work ") for reason in ill["reasons"])
    well = page.wait("/health", lambda status, _: status == 200)
    assert well["roles"]["work"]["deaths"] == 1
    assert until(lambda: page.sample("mailgate_role_deaths_total", "work"), "a death that is counted") == 1
    assert page.sample("mailgate_role_deaths_total", "door") == 0


def test_door_that_does_not_greet_is_not_ready(page: Page) -> None:
    assert page.asked("/ready") == (200, {"ready": True, "reasons": []})
    pid = page.asked("/health")[1]["roles"]["door"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        document = page.wait("/ready", lambda status, _: status == 503)
        assert f"smtp 127.0.0.1:{page.daemon.port}: no answer (timed out)" in document["reasons"]
        assert any(reason.startswith("lmtp unix:") for reason in document["reasons"])
        assert page.asked("/health")[0] == 200  # a restart would not help it more than this does
    finally:
        os.kill(pid, signal.SIGCONT)
    page.wait("/ready", lambda status, _: status == 200)


def test_schema_of_another_program_is_not_ready(page: Page) -> None:
    import sqlite3

    with sqlite3.connect(page.daemon.folder / "mailgate.db") as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    document = page.wait("/ready", lambda status, _: status == 503)
    assert any("it has schema 9999" in reason for reason in document["reasons"])


def test_mail_is_put_off_while_the_file_of_the_database_is_gone_and_nobody_makes_another(page: Page) -> None:
    file = page.daemon.folder / "mailgate.db"
    send(page.daemon.port, 1)
    away = file.rename(page.daemon.folder / "away.db")
    with pytest.raises(smtplib.SMTPDataError) as put_off:
        send(page.daemon.port, 2)
    assert put_off.value.smtp_code == 451
    document = page.wait("/ready", lambda status, _: status == 503)
    assert document["reasons"] == [f"database: there is no file {file}"]
    page.daemon.run("status", status=1)
    assert page.samples()["mailgate_database_up", ""] == 0
    assert not file.exists()
    assert "was deleted or replaced while it was open" in page.daemon.log()
    away.rename(file)
    page.wait("/ready", lambda status, _: status == 200)
    send(page.daemon.port, 3)


@pytest.mark.real("postgresql-15")
def test_desk_is_not_ready_while_postgresql_is_stopped_and_ready_again_afterwards(tmp_path: Path, sink: Sink) -> None:
    server = Postgres()
    try:
        page = Page(tmp_path, sink.port, server.start().new().replace("postgres@", "postgres:hunter2@"))
        try:
            page.daemon.start()
            page.wait("/ready", lambda status, _: status == 200)
            assert page.sample("mailgate_database_up") == 1
            server.stop()
            document = page.wait("/ready", lambda status, _: status == 503)
            assert any(reason.startswith("database: ") for reason in document["reasons"])
            assert "hunter2" not in str(document)
            away = page.wait_for("mailgate_database_up", "", 0)
            assert away["mailgate_problems", "database"] == 1
            assert ("mailgate_mails", "new") not in away  # nobody knows
            assert ("mailgate_disk_free_bytes", "") in away
            assert page.asked("/health")[0] == 200
            server.start()
            page.wait("/ready", lambda status, _: status == 200)
            until(lambda: page.sample("mailgate_database_up"), "the database again")
            send(page.daemon.port, 1)
            page.daemon.settled()
        finally:
            page.daemon.close()
    finally:
        server.close()


def test_other_paths_and_methods_are_refused_with_what_there_is(page: Page) -> None:
    status, _, body = page.get("/")
    assert (status, body) == (404, "/health, /ready and /metrics are here\n")
    assert page.get("/metrics", method="POST")[0] == 501
    assert page.get("/metrics", method="HEAD")[::2] == (200, "")


def test_new_settings_move_the_page_and_a_place_that_is_taken_keeps_the_old(page: Page) -> None:
    daemon, old = page.daemon, page.port
    assert daemon.process is not None
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        daemon.file.write_text(daemon.file.read_text().replace(f":{old}", f":{busy}"))
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: f"http.listen: cannot listen on 127.0.0.1:{busy}" in daemon.log(), "the refusal")
    assert page.asked("/health")[0] == 200
    page.port = free_port()
    daemon.file.write_text(daemon.file.read_text().replace(f":{busy}", f":{page.port}"))
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: "the new settings are in use" in daemon.log(), "new settings")
    page.wait("/health", lambda status, _: status == 200)
    assert until(lambda: refused(old), "nobody at the old place")


def test_page_whose_place_is_taken_is_said_at_the_start(tmp_path: Path) -> None:
    page = Page(tmp_path, 25)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", page.port))
        taken.listen()
        with pytest.raises(AssertionError, match=rf"http\.listen: cannot listen on 127\.0\.0\.1:{page.port}"):
            page.daemon.start()


def test_clients_that_say_nothing_do_not_keep_others_out_for_long(page: Page) -> None:
    silent = [socket.create_connection(("127.0.0.1", page.port)) for _ in range(40)]
    try:

        def answered() -> bool:
            try:
                return page.get("/health")[0] == 200
            except OSError:
                return False

        assert until(answered, "an answer beside them")
    finally:
        for client in silent:
            client.close()
