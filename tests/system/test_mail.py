"""Mails by a real SMTP server, and webhooks: what arrives, what is refused, what comes again, what people get to see."""
import random
import socket
import subprocess
import time

import pytest

import documents
from engine import SHARD, token_of
from stack import BUILD, SLOW, Stack, wait_for
from fakes.base import Answer
from fakes.mail import MailServer, Refusing
from fakes.webhook import Webhook

FIVE = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "gateway")
TO = "ana@example.org"
LOGIN = {"SMTP_USER": "sheaf@example.org", "SMTP_PASS": "geheim geheim"}
USERS = {"sheaf@example.org": "geheim geheim"}
SOON = {"SHEAF_NOTIFY_WAIT": "300ms", "SHEAF_NOTIFY_TO": TO}


@pytest.fixture(scope="module")
def stack():
    with Stack(*FIVE, SHEAF_OCR="null") as s:
        yield s


class Notify:
    """A notify-svc with these settings, for one test; `upload` is a job whose message it sends."""

    def __init__(self, stack, **settings):
        self.stack, self.settings = stack, settings

    def __enter__(self):
        self.label = f"notify-{random.randrange(10**9)}"
        self.stack.start("notify-svc", label=self.label, **self.settings)
        return self

    def __exit__(self, kind, *_):
        log = self.stack.log(self.label)
        if kind:
            print(log)
        self.stack[self.label].kill()
        for key in self.stack.redis.scan_iter("sheaf:throttle:*"):
            self.stack.redis.delete(key)  # the next test's server has done nothing wrong
        assert "geheim" not in log and TO not in log

    @property
    def log(self):
        return self.stack.log(self.label)

    def upload(self, name="a.pdf"):
        status, answer = self.stack.upload((name, documents.pdf([["a page"]], note=str(random.random()))))
        assert status == 202
        job = answer["job_ids"][0]["job_id"]
        assert self.stack.job_done(job)["status"] == "finished"
        return job

    def done(self, job):
        wait_for(lambda: token_of(self.stack.redis, job, "notify"), 60, "the message's end")

    def said(self, job):
        """What the job's page says of its message."""
        return self.stack.get(f"/api/job_status/{job}")[1]["status_message"] or ""

    def dead(self, job):
        """The message was given up: what people see of it, also on the job's page. The job stays finished."""
        def buried():
            return [d for d in self.stack.get("/api/admin/dead")[1]["tasks"] if d["job_id"] == job]
        row = wait_for(buried, 60, "a buried message")[0]
        assert row["stage"] == "notify" and self.stack.job_done(job)["status"] == "finished"
        assert self.said(job) == row["error"]
        return row

    def kick(self, job):
        assert self.stack.post(f"/api/admin/dead/notify:{job}:0/kick")[0] == 202


# ---- what arrives ----------------------------------------------------------------------------------------------------

def test_mail_arrives_encrypted_after_a_login_with_names_beyond_ascii(stack):
    with MailServer(stack.folder, users=USERS) as server:
        people = {'FROM_EMAIL': '"Oficina de becas, Peñíscola" <noreply@example.org>', "SHEAF_NOTIFY_TO": f"Íñigo Núñez <{TO}>"}
        with Notify(stack, **server.settings, **LOGIN, **people, APP_URL="https://sheaf.example.org/") as notify:
            job = notify.upload("niño ☃ con un nombre bastante largo para una sola línea.pdf")
            wait_for(lambda: server.messages, 60, "the mail")
            notify.done(job)
        [message] = server.messages
        assert message.peer_tls and message.login == "sheaf@example.org" and server.logins[0][2]
        assert message.hello == "example.org"
        assert (message.sender, message.recipients) == ("noreply@example.org", [TO])
        assert str(message.mail["From"].addresses[0]) == '"Oficina de becas, Peñíscola" <noreply@example.org>'
        assert str(message.mail["To"].addresses[0]) == f"Íñigo Núñez <{TO}>"
        assert message.mail["Subject"] == "niño ☃ con un nombre bastante largo para una sola línea.pdf: completed"
        assert message.id.startswith(f"<{job}.finished.") and message.mail["Date"] and message.mail["Auto-Submitted"]
        text = message.mail.get_body(("plain",)).get_content()
        assert f"https://sheaf.example.org/jobs/{job}" in text and "niño ☃" in text
        assert f"https://sheaf.example.org/jobs/{job}" in message.mail.get_body(("html",)).get_content()
        assert max(len(line) for line in message.raw.split(b"\r\n")) <= 998 and b"\n" not in message.raw.replace(b"\r\n", b"")


def test_mail_by_tls_from_the_first_byte(stack):
    host = f"127.{random.randrange(2, 250)}.{random.randrange(1, 250)}.{random.randrange(2, 250)}"  # port 465 of nobody else
    try:
        server = MailServer(stack.folder, tls="tls", users=USERS, host=host, port=465).__enter__()
    except PermissionError:
        pytest.skip("port 465 needs root")
    try:
        with Notify(stack, **server.settings, **LOGIN, **SOON) as notify:
            notify.done(notify.upload())
        assert len(server.messages) == 1 and server.messages[0].login == "sheaf@example.org"
    finally:
        server.__exit__()


def test_connection_is_kept_for_the_next_mail(stack):
    with MailServer(stack.folder) as server, Notify(stack, **server.settings, **SOON, SHEAF_THREADS=1) as notify:
        for n in range(3):
            notify.done(notify.upload())
        assert len(server.messages) == 3 and server.sessions == 2  # EHLO, and once more behind STARTTLS


def test_each_recipient_gets_a_transfer_of_its_own(stack):
    with MailServer(stack.folder) as server:
        with Notify(stack, **server.settings, SHEAF_NOTIFY_TO=f"{TO}, Bo <bo@example.org>") as notify:
            notify.done(notify.upload())
        assert [m.recipients for m in server.messages] == [[TO], ["bo@example.org"]]
        assert len({m.id for m in server.messages}) == 1 and "bo@example.org" in server.messages[0].mail["To"]


# ---- what does not ---------------------------------------------------------------------------------------------------

def test_server_without_starttls_gets_neither_password_nor_mail(stack):
    with MailServer(stack.folder, tls="none", users=USERS) as server, Notify(stack, **server.settings, **LOGIN, **SOON) as notify:
        row = notify.dead(notify.upload())
        assert "STARTTLS" in row["error"] and row["code"] == "provider_refused"
        assert not server.messages and not server.logins


def test_server_whose_certificate_nobody_vouches_for_gets_nothing(stack):
    with MailServer(stack.folder, users=USERS) as server:
        with Notify(stack, **{**server.settings, "SHEAF_SMTP_CA": ""}, **LOGIN, **SOON) as notify:
            assert "certificate" in notify.dead(notify.upload())["error"]
        assert not server.messages and not server.logins


def test_wrong_password_is_said_and_mended_by_a_kick(stack):
    with MailServer(stack.folder, users=USERS) as server:
        wrong = {**LOGIN, "SMTP_PASS": "geheimnis"}
        with Notify(stack, **server.settings, **wrong, **SOON) as notify:
            job = notify.upload()
            assert "does not accept the user and password (535" in notify.dead(job)["error"]
            found = stack.doctor(**server.settings, **wrong)["messages"]
            assert found["verdict"] == "wrong" and "535" in found["text"] and "sheaf kick" in found["mend"]
        with Notify(stack, **server.settings, **LOGIN, **SOON) as notify:
            notify.kick(job)
            wait_for(lambda: server.messages, 60, "the mail")
            notify.done(job)
        found = stack.doctor(**server.settings, **LOGIN)["messages"]
        assert found["verdict"] == "ok" and "STARTTLS, logged in" in found["text"]
        assert len(server.messages) == 1  # a look sends nothing


def test_later_means_later_and_spends_no_attempt(stack):
    with MailServer(stack.folder) as server, Notify(stack, **server.settings, **SOON, SHEAF_MAX_ATTEMPTS=2) as notify:
        server.at_rcpt[TO].extend(["421 4.3.2 closing", "450 4.2.1 greylisted", "451 4.3.0 trouble", *["452 4.3.1 no storage"] * 1000])
        job = notify.upload()
        wait_for(lambda: notify.said(job).startswith("The message waits. The mail server cannot take the message now"), 60, "the reason on the job's page")
        wait_for(lambda: "452 4.3.1" in notify.log, 60, "the fourth kind")
        server.at_rcpt[TO].clear()
        wait_for(lambda: server.messages, 90, "the mail")
        notify.done(job)
        wait_for(lambda: notify.said(job) == "", 30, "the end of waiting")
        assert token_of(stack.redis, job, "notify").split(".")[1] == "1" and len(server.messages) == 1
        said = notify.log
        assert all(f"cannot take the message now ({code})" in said for code in ("421 4.3.2", "450 4.2.1", "451 4.3.0", "452 4.3.1"))
        assert '"message_again"' not in said


def test_full_mailbox_is_named_on_the_jobs_page_and_by_doctor(stack):
    with MailServer(stack.folder) as server, Notify(stack, **server.settings, **SOON) as notify:
        server.at_rcpt[TO].extend(["452 4.2.2 The mailbox is over its quota"] * 1000)
        job = notify.upload()
        wait_for(lambda: notify.said(job) == "The message waits. The receiver's mailbox is full (452 4.2.2): there must be room in it first.", 60, "the reason")
        server.at_rcpt[TO].clear()
        wait_for(lambda: server.messages, 60, "the mail, once there is room")
        notify.done(job)
        server.at_rcpt[TO].append("552 5.2.2 full")
        later = notify.upload()
        assert "mailbox is full (552 5.2.2)" in notify.dead(later)["error"]
        for reply in ("452 4.2.2 full", "552 quota", "550 5.1.1 unknown", "553 5.1.3 no"):
            server.at_rcpt[TO].append(reply)
            found = stack.doctor(**server.settings, SHEAF_NOTIFY_TO=TO)["messages"]
            assert found["verdict"] == "wrong" and TO in found["text"] and reply[:3] in found["text"] and found["mend"], found
            assert ("mailbox is full" in found["text"]) == (reply[1:3] == "52")
        assert stack.doctor(**server.settings, SHEAF_NOTIFY_TO=TO)["messages"]["verdict"] == "ok" and len(server.messages) == 1


def test_refused_recipient_is_shown_and_the_others_get_their_mail_once(stack):
    with MailServer(stack.folder) as server:
        with Notify(stack, **server.settings, SHEAF_NOTIFY_TO=f"gone@example.org, {TO}") as notify:
            server.at_rcpt["gone@example.org"].extend(["550 5.1.1 <gone@example.org> unknown"] * 2)
            job = notify.upload()
            row = notify.dead(job)
            assert row["error"] == "The mail server refused the message for this address (550 5.1.1)."
            notify.kick(job)
            wait_for(lambda: not server.at_rcpt["gone@example.org"], 60, "the second try")
            notify.dead(job)
            notify.kick(job)  # somebody made the mailbox
            notify.done(job)
        assert [m.recipients for m in server.messages] == [[TO], ["gone@example.org"]]


@pytest.mark.parametrize("replies, kind, text", [  # what a server may say before there is a message, by its codes (4xx later, 5xx never)
    ({"greeting": "421 4.7.0 try later"}, "later", "421 4.7.0"),
    ({"greeting": "554 5.7.1 no service"}, "never", "554 5.7.1"),
    ({"EHLO": "451 no", "HELO": "451 no"}, "later", "451"),
    ({"EHLO": "502 no", "HELO": "502 no"}, "never", "502"),
    ({"AUTH": "454 4.7.0 trouble"}, "later", "454 4.7.0"),
    ({"AUTH": "535 5.7.8 no"}, "never", "does not accept the user and password (535 5.7.8)"),
    ({"MAIL": "451 4.3.0 trouble"}, "later", "451 4.3.0"),
    ({"MAIL": "550 5.7.1 this sender may not"}, "never", "550 5.7.1"),
    ({"DATA": "452 4.3.1 no room"}, "later", "452 4.3.1"),
    ({"DATA": "554 5.5.1 no recipients"}, "never", "554 5.5.1"),
], ids=lambda value: "".join(value) if isinstance(value, dict) else value[:3])
def test_each_refusal_before_the_message_has_its_class(stack, replies, kind, text):
    with Refusing(**replies) as server, Notify(stack, **server.settings, **LOGIN, **SOON, SHEAF_NOTIFY_PATIENCE="5s") as notify:
        job = notify.upload()
        if kind == "later":
            wait_for(lambda: notify.said(job).startswith("The message waits.") and text in notify.said(job), 60, "the reason")
            notify.dead(job)  # or the next test's server would get it
        else:
            assert text in notify.dead(job)["error"]
        assert '"message_again"' not in notify.log
        found = stack.doctor(**server.settings, **LOGIN, SHEAF_NOTIFY_TO=TO)["messages"]
        assert "DATA" in replies or (found["verdict"] == "wrong" and text in found["text"]), found


@pytest.mark.parametrize("reply, arrives", [("554 5.6.0 no", False), ("451 4.3.0 not now", True)])
def test_refusal_behind_the_message_leaves_nothing_in_doubt(stack, reply, arrives):
    with MailServer(stack.folder) as server, Notify(stack, **server.settings, **SOON) as notify:
        server.at_data.append(reply)
        job = notify.upload()
        if arrives:
            wait_for(lambda: server.messages, 60, "the mail")
            notify.done(job)
        else:
            assert "(554 5.6.0)" in notify.dead(job)["error"]
        assert len(server.messages) == arrives and '"message_again"' not in notify.log


def test_message_about_a_batch_is_dated_by_its_end_waits_like_any_other_and_a_kick_repeats_it_to_nobody():
    gone = "gone@example.org"
    with Stack(*FIVE, SHEAF_OCR="null", SHEAF_NOTIFY_WHEN="batch") as s, MailServer(s.folder) as server:
        with Notify(s, **server.settings, SHEAF_NOTIFY_TO=f"{gone}, {TO}", SHEAF_NOTIFY_WAIT="300ms"):
            server.at_rcpt[TO].append("450 4.2.1 greylisted")
            server.at_rcpt[gone].extend(["550 5.1.1 unknown"] * 2)
            status, answer = s.upload(*((f"{n}.pdf", documents.pdf([[f"page {n}"]])) for n in range(2)))
            assert status == 202
            [row] = wait_for(lambda: s.get("/api/admin/dead")[1]["tasks"], 60, "the burial for the address that is gone")
            assert "550 5.1.1" in row["error"]
            assert s.post(f"/api/admin/dead/{row['task']}/kick")[0] == 202
            wait_for(lambda: len(server.messages) > 1, 60, "its mail, now that somebody made the mailbox")
            wait_for(lambda: not s.redis.xpending(SHARD + "tasks:notify", "dispatchers")["pending"], 60, "the message's end")
        assert [m.recipients for m in server.messages] == [[TO], [gone]] and len({m.id for m in server.messages}) == 1
        assert server.messages[0].mail["Subject"] == "Your essays have been processed"
        assert abs(server.messages[0].mail["Date"].datetime.timestamp() - time.time()) < 300


def test_link_cut_behind_the_message_is_the_one_window(stack):
    with MailServer(stack.folder) as server, Notify(stack, **server.settings, **SOON) as notify:
        server.at_data.append("cut")
        job = notify.upload()
        wait_for(lambda: len(server.messages) == 2, 60, "the mail once more")
        notify.done(job)
        assert server.messages[0].id == server.messages[1].id and server.messages[0].raw == server.messages[1].raw
        assert notify.log.count('"message_again"') == 1


def test_server_that_greets_late_and_looks_long_at_a_message_gets_it_once(stack):
    with MailServer(stack.folder) as server, Notify(stack, **server.settings, **SOON) as notify:
        server.greets_after, server.answers_after = 11, 31
        notify.done(notify.upload())
        assert len(server.messages) == 1 and '"message_again"' not in notify.log


def test_server_that_stays_away_is_given_up_at_last(stack):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with Notify(stack, SMTP_HOST="127.0.0.1", SMTP_PORT=nobody.getsockname()[1], SHEAF_NOTIFY_PATIENCE="2s", **SOON) as notify:
            row = notify.dead(notify.upload())
    assert row["code"] == "timeout" and row["error"].startswith("The message could not be sent in time.")


def test_message_older_than_the_patience_that_was_hardly_tried_yet_survives_a_first_later(stack):
    job = stack.job_done(stack.upload(("old.pdf", documents.pdf([["an old page"]])))[1]["job_ids"][0]["job_id"])["job_id"]
    time.sleep(2)  # a weekend without notify-svc
    with MailServer(stack.folder) as server, Notify(stack, **server.settings, **SOON, SHEAF_NOTIFY_PATIENCE="1s") as notify:
        server.at_rcpt[TO].append("450 4.2.1 greylisted")
        notify.done(job)
        assert len(server.messages) == 1


def test_settings_that_could_inject_a_header_are_refused_at_start(stack):
    for name, value in {"SHEAF_NOTIFY_TO": "a@b\r\nBcc: c@d", "FROM_EMAIL": "A\nBcc: c@d <a@b>", "SMTP_USER": "u\r\nQUIT"}.items():
        env = stack.env(SHEAF_ADMIN_PORT=0, SMTP_HOST="127.0.0.1", SMTP_PASS="p", **{"SMTP_USER": "u", name: value})
        ran = subprocess.run([str(BUILD / "notify-svc")], env=env, capture_output=True, text=True, timeout=20 * SLOW)
        assert ran.returncode == 100 and name in ran.stdout + ran.stderr


def test_secrets_are_read_from_files_and_never_printed(stack, tmp_path):
    (tmp_path / "password").write_text("geheim geheim\n")
    with MailServer(stack.folder, users=USERS) as server:
        given = {**server.settings, "SMTP_USER": LOGIN["SMTP_USER"], "SMTP_PASSWORD_FILE": tmp_path / "password"}
        ran = subprocess.run([str(BUILD / "notify-svc"), "--print-config"], env=stack.env(**given), capture_output=True, text=True)
        assert "SMTP_PASSWORD=***" in ran.stdout and "geheim" not in ran.stdout
        with Notify(stack, **given, **SOON) as notify:
            notify.done(notify.upload())
        assert server.messages[0].login == LOGIN["SMTP_USER"]


# ---- webhooks --------------------------------------------------------------------------------------------------------

def hook(server, **more):
    return {"SHEAF_WEBHOOK_URL": server.url + "/hook?key=geheim", "SHEAF_WEBHOOK_SECRET": "geheim", "SHEAF_WEBHOOK_PRIVATE": "yes",
            "SHEAF_NOTIFY_WAIT": "300ms", **more}


def test_webhook_tells_what_happened_and_signs_it(stack):
    with Webhook("geheim") as server, Notify(stack, **hook(server)) as notify:
        job = notify.upload("niño.pdf")
        notify.done(job)
        [event] = server.events
        assert (event["event"], event["job_id"], event["filename"], event["status"]) == ("job.finished", job, "niño.pdf", "completed")
        assert event["error"] is None and event["url"].endswith(f"/jobs/{job}") and event["id"].startswith(job)
        assert server.complaints == []


def test_webhook_receiver_with_another_secret_refuses(stack):
    with Webhook("another") as server, Notify(stack, **hook(server)) as notify:
        row = notify.dead(notify.upload())
        assert "does not accept the key" in row["error"] and server.events == []


@pytest.mark.parametrize("trouble", [Answer(500), Answer(429, headers={"Retry-After": "1"}), Answer(cut=True)], ids=["500", "429", "cut"])
def test_webhook_is_tried_again_with_the_same_event(stack, trouble):
    with Webhook("geheim") as server, Notify(stack, **hook(server)) as notify:
        server.script.extend([trouble] * 2)
        job = notify.upload()
        notify.done(job)
        assert len(server.events) == 1 and server.complaints == []
        assert len({r.headers["Sheaf-Event-Id"] for r in server.requests}) == 1 and len(server.requests) == 3
        assert token_of(stack.redis, job, "notify").split(".")[1] == "1"
        assert ('"message_again"' in notify.log) == trouble.cut  # only then it may have arrived before


def test_webhook_that_asks_for_one_pause_after_another_is_given_up_at_last(stack):
    with Webhook("geheim") as server, Notify(stack, **hook(server), SHEAF_NOTIFY_PATIENCE="3s") as notify:
        server.script.extend([Answer(429, headers={"Retry-After": "1"})] * 1000)
        row = notify.dead(notify.upload())
        assert row["code"] == "timeout" and row["error"].startswith("The message could not be sent in time.") and server.calls > 1


def test_webhook_that_is_gone_is_shown(stack):
    with Webhook("geheim") as server, Notify(stack, **hook(server)) as notify:
        server.script.append(Answer(410))
        assert "does not know the address" in notify.dead(notify.upload())["error"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"])
def test_webhook_at_a_private_address_is_refused_however_it_is_written(stack, host):
    with Webhook("geheim") as server:
        private = hook(server, SHEAF_WEBHOOK_PRIVATE="no", SHEAF_WEBHOOK_URL=server.url.replace("127.0.0.1", host))
        with Notify(stack, **private) as notify:
            assert "private network" in notify.dead(notify.upload())["error"]
        assert server.calls == 0


def test_mail_and_webhook_side_by_side_each_once_though_one_fails_first(stack):
    with MailServer(stack.folder) as mails, Webhook("geheim") as server:
        with Notify(stack, **mails.settings, **{**hook(server), **SOON}) as notify:
            server.script.extend([Answer(503)] * 2)
            notify.done(notify.upload())
            assert '"notify":"smtp,webhook"' in notify.log
        assert len(mails.messages) == len(server.events) == 1


def test_doctor_asks_the_webhook_without_telling_it_anything(stack):
    with Webhook("geheim") as server:
        found = stack.doctor(**hook(server))
        assert found["webhook"]["verdict"] == "ok" and server.events == []
    assert stack.doctor(**hook(server))["webhook"]["verdict"] == "wrong"
