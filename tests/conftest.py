"""The servers that tests talk to, one of each for a test process, and a fresh database for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.dovecot import Dovecot
from servers.postfix import Postfix
from servers.postgres import Postgres
from servers.process import need
from servers.sink import Sink

from storage import schema
from storage.database import Database


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("real"):
        need(*marker.args)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """Any user, password `pw`: give each test users of its own."""
    server = Dovecot()
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="session")
def relay_sink() -> Iterator[Sink]:
    """What the session's Postfix gives away."""
    server = Sink().start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def postfix(dovecot: Dovecot, relay_sink: Sink) -> Iterator[Postfix]:
    """Mails for acme.example and staff.example lie in Dovecot's mailboxes; others go to `relay_sink`."""
    server = Postfix(
        local=("acme.example", "staff.example"),
        maildirs=dovecot.folder / "mail",
        other=f"smtp:[127.0.0.1]:{relay_sink.port}",
    )
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def sink() -> Iterator[Sink]:
    """An SMTP server of the test's own that keeps what it is given."""
    server = Sink().start()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real("postgresql-15"))])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, SQLite and PostgreSQL in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'mailgate.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.new()
    yield url
    server.drop(url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with the schema made, SQLite and PostgreSQL in turn."""
    db = Database(database_url)
    schema.create(db)
    yield db
    db.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """A database with the schema made, SQLite only: where the database is not what is tested."""
    db = Database(f"sqlite:///{tmp_path / 'mailgate.db'}")
    schema.create(db)
    yield db
    db.close()
