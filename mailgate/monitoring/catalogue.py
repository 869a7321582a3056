"""Every metric: its name, kind, labels and what it says. `docs/metrics.md` is made from it.

Names follow Prometheus: base units, `_total` for what only grows, `_timestamp_seconds` for a moment since 1970 UTC.
No label holds an address, a subject or a secret: doors, states and the names that the settings give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One family. A counter's name ends with `_total`; a histogram has `_bucket`, `_sum` and `_count`."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    says: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """Metrics that belong together."""

    title: str
    metrics: tuple[Metric, ...]


SUBJECTS = (
    Subject(
        "The daemon",
        (
            Metric("mailgate_build_info", "gauge", "1; the label has the program's version.", ("version",)),
            Metric("mailgate_role_up", "gauge", "1 where the role's process runs, else 0.", ("role",)),
            Metric("mailgate_role_start_timestamp_seconds", "gauge", "When its process was started.", ("role",)),
            Metric(
                "mailgate_role_deaths_total",
                "counter",
                "How often it ended by itself and was started again, since the daemon started.",
                ("role",),
            ),
            Metric("mailgate_role_cpu_seconds_total", "counter", "CPU time of its process.", ("role",)),
            Metric("mailgate_role_resident_memory_bytes", "gauge", "Memory of its process.", ("role",)),
            Metric("mailgate_scrape_seconds", "gauge", "How long it took to find out what stands here."),
        ),
    ),
    Subject(
        "Database and disk",
        (
            Metric(
                "mailgate_database_up",
                "gauge",
                "1 where the database could be read. Where it is 0, what only the database knows is left out.",
            ),
            Metric("mailgate_database_size_bytes", "gauge", "What the database takes."),
            Metric("mailgate_disk_free_bytes", "gauge", "Room on the disk of the SQLite file, or of `storage.state`."),
            Metric("mailgate_disk_size_bytes", "gauge", "The size of that disk."),
        ),
    ),
    Subject(
        "Mail in",
        (
            Metric(
                "mailgate_mails_received_total",
                "counter",
                "Mails stored, by the door that took them: smtp, lmtp, pipe, import, imap:NAME, imap:NAME/junk. A "
                "second delivery of the same arrival is none.",
                ("door",),
            ),
            Metric(
                "mailgate_mails_worked_total",
                "counter",
                "Mails worked, by what became of them: open, append, note, hold, quarantine, duplicate, record, "
                "unmatched (as `mailgate explain` says it), and parked.",
                ("outcome",),
            ),
            Metric(
                "mailgate_mails",
                "gauge",
                "Mails that are not done: new (to be worked, or in hand), parked, quarantine (for a person).",
                ("state",),
            ),
            Metric("mailgate_oldest_mail_age_seconds", "gauge", "Age of the oldest mail that is not worked yet, or 0."),
            Metric(
                "mailgate_mail_handling_seconds",
                "histogram",
                "From a mail's being stored to its being worked, the checking of its sender included.",
            ),
            Metric(
                "mailgate_work_busy_seconds_total",
                "counter",
                "Time that workers spent on mails; its rate is 1 where one worker has no pause.",
            ),
            Metric("mailgate_tickets", "gauge", "Tickets that are not closed, by state.", ("state",)),
        ),
    ),
    Subject(
        "Mail out",
        (
            Metric(
                "mailgate_outbox_mails",
                "gauge",
                "Outgoing mails that are not sent: pending, deferred (the relay said not now), held (for a "
                "confirmation, a relay, the end of shadow).",
                ("state",),
            ),
            Metric(
                "mailgate_outbox_oldest_age_seconds",
                "gauge",
                "Age of the oldest of them, or 0.",
                ("state",),
            ),
            Metric(
                "mailgate_deliveries_total",
                "counter",
                "Tries to hand a mail to the relay, by result: sent, deferred, failed (refused for good, or given up "
                "after five days); and bounced: those that came back later.",
                ("result",),
            ),
            Metric(
                "mailgate_breakers_open",
                "gauge",
                "Limits of automatic answers that keep answers back now, by the setting in [answers].",
                ("limit",),
            ),
        ),
    ),
    Subject(
        "Mailboxes, relay, DNS and grants",
        (
            Metric("mailgate_mailbox_up", "gauge", "1 where the last look had no error.", ("mailbox", "folder")),
            Metric(
                "mailgate_mailbox_last_success_timestamp_seconds",
                "gauge",
                "When the mailbox was last looked at in full, or 0.",
                ("mailbox", "folder"),
            ),
            Metric("mailgate_relay_up", "gauge", "1 where the last try to reach the relay had no error."),
            Metric(
                "mailgate_relay_last_success_timestamp_seconds",
                "gauge",
                "When the relay last took a mail, or 0. Nothing is sent where there is nothing to send.",
            ),
            Metric("mailgate_dns_up", "gauge", "1 where the DNS answers; only where senders are checked here."),
            Metric("mailgate_grant_up", "gauge", "1 where the [[grant]] has no error.", ("grant",)),
            Metric(
                "mailgate_grant_end_timestamp_seconds",
                "gauge",
                "When its secret or its sign-in ends, where that is known.",
                ("grant",),
            ),
        ),
    ),
    Subject(
        "What is wrong",
        (
            Metric(
                "mailgate_problems",
                "gauge",
                "What `mailgate status` says in red, by kind: mailbox, relay, grant, disk, backlog, database, and look "
                "(a person should, and no alarm rings).",
                ("kind",),
            ),
            Metric(
                "mailgate_alarms_active",
                "gauge",
                "Alarms that `[alarm]` has told somebody of and that are not over, by kind.",
                ("kind",),
            ),
        ),
    ),
)
METRICS = {metric.name: metric for subject in SUBJECTS for metric in subject.metrics}
