"""Alerts by the forms in parsing/formats, and forms that a test adds as data."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsing.alerts import catalogue, read
from parsing.message import Alert

NAGIOS = (
    "***** {who} *****\n\nNotification Type: PROBLEM\n\nService: /var\n"
    "Host: web1\nAddress: 192.0.2.1\nState: CRITICAL\n"
)
ICINGA2 = (
    "***** Service Monitoring on mon1 *****\n\ndisk on Web server is CRITICAL!\n\nInfo:    DISK CRITICAL\n\n"
    "When:    2026-03-10 04:01:22 +0100\nService: disk\nHost:    web1.ops.example\nIPv4:    192.0.2.1\n"
)
ICINGA2_ASKS = (
    "***** Icinga 2 Host Monitoring on mon1 *****\n\n==> Web server is DOWN! <==\n\nInfo?    PING CRITICAL\n\n"
    'When?    2026-03-10 04:01:22 +0100\nHost?    web1.ops.example (aka "Web server")\nIPv4?    192.0.2.1\n'
)
CHECKMK = (
    "Host:                web1 (Web server)\nService:             CPU load\n"
    "Event:               OK -> CRIT\nAddress:   x\n"
)
CHECKMK_1 = (
    "Host:     web1\nAlias:    Web server\nAddress:  192.0.2.1\nService:  CPU load\nEvent:    OK -> CRIT\n\n"
    "Output:   CRIT - 15 min load 9.9\nPerfdata: load15=9.9\n"
)
CHECKMK_1_HOST = CHECKMK_1.replace("Service:  CPU load\n", "").replace("OK -> CRIT", "UP -> DOWN")
ZABBIX = "Problem started at 09:00:12 on 2026.03.21\nProblem name: Memory > 90%\nHost: web1\nSeverity: High\n"
LEGACY = (
    "Trigger: Tank < 40 %\nTrigger status: PROBLEM\nTrigger severity: Warning\n\n"
    "Item values:\n\n1. Level (gen1:tank.level): 38 %\n"
)
MONIT = (
    "Connection failed Service nginx \n\n\tDate:        Tue\n\tAction:      restart\n"
    "\tHost:        web1\n\tDescription: no\n"
)

CASES = {
    "nagios": (
        "** PROBLEM Service Alert: Web/Disk /var is CRITICAL **",
        NAGIOS.format(who="Nagios"),
        "web1",
        "/var",
        "CRITICAL",
    ),
    "icinga1": (
        "** PROBLEM Service Alert: Web/Disk is CRITICAL **",
        NAGIOS.format(who="Icinga"),
        "web1",
        "/var",
        "CRITICAL",
    ),
    "icinga2": ("[PROBLEM] disk on Web server is CRITICAL!", ICINGA2, "web1.ops.example", "disk", "CRITICAL"),
    "icinga2 with marks": ("[PROBLEM] Host Web server is DOWN!", ICINGA2_ASKS, "web1.ops.example", "", "DOWN"),
    "checkmk": ("Check_MK: web1/CPU load OK -> CRIT", CHECKMK, "web1", "CPU load", "CRIT"),
    "checkmk before 2.0": ("Check_MK: web1/CPU load OK -> CRIT", CHECKMK_1, "web1", "CPU load", "CRIT"),
    "checkmk before 2.0, host": ("Check_MK: web1 - UP -> DOWN", CHECKMK_1_HOST, "web1", "", "DOWN"),
    "zabbix": ("Problem: Memory > 90%", ZABBIX, "web1", "Memory > 90%", "Problem"),
    "zabbix legacy": ("PROBLEM: Tank < 40 %", LEGACY, "gen1", "Tank < 40 %", "PROBLEM"),
    "monit": ("monit alert --  Connection failed nginx", MONIT, "web1", "nginx", "Connection failed"),
}


@pytest.mark.parametrize(("name", "case"), CASES.items(), ids=CASES)
def test_host_service_and_state_are_read_in_the_senders_words(name, case):
    subject, text, host, service, state = case
    assert read(subject, text, {}) == Alert(name.split()[0], host, service, state)


def test_body_is_believed_before_the_subject():
    text = NAGIOS.format(who="Nagios").replace("CRITICAL", "OK")
    assert read("** PROBLEM Service Alert: x/y is CRITICAL **", text, {}).state == "OK"  # type: ignore[union-attr]


def test_host_alert_has_no_service():
    text = "***** Nagios *****\n\nNotification Type: RECOVERY\nHost: web1\nState: UP for 0d 0h 0m 0s\n"
    assert read("** RECOVERY Host Alert: web1 is UP **", text, {}) == Alert("nagios", "web1", "", "UP")


def test_subject_fills_in_what_an_edited_body_lacks():
    assert read("[PROBLEM] ping on web1 is WARNING!", "***** Service Monitoring on mon1 *****\n\nhelp\n", {}) == Alert(
        "icinga2", "web1", "ping", "WARNING"
    )


def test_checkmk_events_that_are_no_change_are_told_whole():
    text = CHECKMK.replace("OK -> CRIT", "Acknowledged (CRIT)")
    assert read("Checkmk: web1/CPU load Acknowledged (CRIT)", text, {}).state == "Acknowledged (CRIT)"  # type: ignore[union-attr]


def test_zabbix_is_known_by_its_own_id_whatever_its_text():
    fields = {"in-reply-to": f"<482113.{'0a' * 16}.1.{'5e' * 16}@zabbix.com>"}
    found = read("Störung: Speicher", "Host: web1\nStatus: PROBLEM\n", fields)
    assert found == Alert("zabbix", "web1", "Speicher", "PROBLEM")
    assert read("Störung: Speicher", "Host: web1\nStatus: PROBLEM\n", {"in-reply-to": "<x@zabbix.com>"}) is None


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("prefix", ["Re: ", "AW: ", "Fwd: ", "WG: "])
def test_alert_that_somebody_answers_or_forwards_is_none(case, prefix):
    assert read(prefix + case[0], case[1], {}) is None


@pytest.mark.parametrize("case", [CASES[name] for name in ("nagios", "icinga1", "icinga2", "monit")])
def test_alert_below_somebodys_words_is_none(case):
    assert read("What is this?", f"Hello, we get this:\n\n{case[1]}", {}) is None


def test_words_about_monitoring_are_no_alert():
    assert read("Nagios licence", "Your Nagios host web1 is DOWN? Buy more.\nState: NY\nHost: us", {}) is None


def test_another_system_is_another_file_without_code():
    pager = tomllib.loads(
        """
        system = "pager"
        [[form]]
        [form.recognise]
        text = '\\APAGER '
        [form.recognise.headers]
        X-Mailer = '^Pager'
        [form.text]
        host = 'on (\\S+)'
        state = 'PAGER (\\w+)'
        [form.subject]
        service = '\\[(.+)\\]'
        """
    )
    known = catalogue([pager])
    assert read("[disk]", "PAGER RED on web1", {"x-mailer": "Pager 2"}, known) == Alert("pager", "web1", "disk", "RED")
    assert read("[disk]", "PAGER RED on web1", {"x-mailer": "Mutt"}, known) is None
    assert read("[disk]", "no PAGER", {"x-mailer": "Pager 2"}, known) is None


@given(st.text(), st.text(), st.dictionaries(st.text(), st.text()))
def test_no_mail_raises(subject, text, fields):
    read(subject, text, fields)
    read("Problem: " + subject, ZABBIX + text, fields)
