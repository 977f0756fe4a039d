"""A real SMTP server (aiosmtpd) with STARTTLS or TLS, AUTH, certificates made by openssl, and scripted refusals."""
import asyncio
import collections
import contextlib
import email
import email.policy
import ipaddress
import socket
import ssl
import subprocess
import threading

from aiosmtpd.smtp import SMTP, AuthResult


def certificate(folder, *names):
    """A self-signed certificate for these host names and addresses: (certificate, key)."""
    def kind(name):
        try:
            ipaddress.ip_address(name)
            return f"IP:{name}"
        except ValueError:
            return f"DNS:{name}"
    cert, key = f"{folder}/mail-cert.pem", f"{folder}/mail-key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                    "-out", cert, "-days", "2", "-subj", "/CN=sheaf test", "-addext",
                    "subjectAltName=" + ",".join(kind(n) for n in names)], check=True, stderr=subprocess.DEVNULL)
    return cert, key


class Message:
    def __init__(self, session, envelope):
        self.peer_tls = session.ssl is not None
        self.login = session.auth_data.login.decode() if session.auth_data else None
        self.hello = session.host_name
        self.sender, self.recipients, self.raw = envelope.mail_from, list(envelope.rcpt_tos), envelope.content
        self.mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.id = self.mail["Message-ID"]


class Slow(SMTP):
    """aiosmtpd's, which greets when `after` seconds are over."""

    def __init__(self, *args, after, **options):
        super().__init__(*args, **options)
        self.after = after

    async def _handle_client(self):
        await asyncio.sleep(self.after)
        await super()._handle_client()


class MailServer:
    """`with MailServer(folder, tls="starttls", users={"u": "p"}) as server:`"""

    def __init__(self, folder, tls="starttls", users=None, host="127.0.0.1", port=0):
        self.tls, self.users, self.host, self.port = tls, users, host, port
        self.cert, self.key = certificate(folder, "localhost", host)
        self.messages, self.logins, self.sessions = [], [], 0
        self.at_rcpt = collections.defaultdict(collections.deque)  # address → replies to come; then 250
        self.at_data = collections.deque()  # replies to come; "cut": takes the message and says nothing any more
        self.greets_after = self.answers_after = 0.0  # seconds

    # -- aiosmtpd's hooks
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.sessions += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.at_rcpt[address]:
            return self.at_rcpt[address].popleft()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        reply = self.at_data.popleft() if self.at_data else "250 OK"
        if reply == "cut" or reply.startswith("2"):
            self.messages.append(Message(session, envelope))
        await asyncio.sleep(self.answers_after)
        if reply == "cut":
            server.transport.abort()
        return reply

    def authenticate(self, server, session, envelope, mechanism, data):
        login, password = data.login.decode(), data.password.decode()
        self.logins.append((login, password, session.ssl is not None))
        if self.users.get(login) == password:
            return AuthResult(success=True, auth_data=data)
        return AuthResult(success=False, handled=False)

    def _smtp(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        starttls = self.tls == "starttls"
        return Slow(self, after=self.greets_after, hostname="mail.example.org", loop=self.loop, tls_context=context if starttls else None, require_starttls=starttls,
                    authenticator=self.authenticate if self.users else None, auth_required=bool(self.users),
                    auth_require_tls=starttls, enable_SMTPUTF8=False)

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        context = None
        if self.tls == "tls":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.cert, self.key)
        try:
            self.server = self.loop.run_until_complete(self.loop.create_server(self._smtp, self.host, self.port, ssl=context))
        except BaseException:
            self.loop.close()
            raise
        self.port = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.server.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    @property
    def settings(self):
        return {"SMTP_HOST": self.host, "SMTP_PORT": self.port, "SHEAF_SMTP_CA": self.cert}


class Refusing:
    """No real server: one that says what a real one cannot be made to say, to each verb (or as its greeting) what is scripted."""

    def __init__(self, **replies):
        self.replies = {"greeting": "220 mail.example.org", "EHLO": "250-mail.example.org\r\n250 AUTH PLAIN", "QUIT": "221 bye",
                        "let in": "235 in", **replies}
        self.said = collections.Counter()

    def serve(self, connection):
        with connection, connection.makefile("rb") as lines:
            connection.sendall(self.replies["greeting"].encode() + b"\r\n")
            for line in lines:
                verb = line.split()[0].decode().upper() if line.split() else ""
                self.said[verb] += 1
                if verb == "AUTH" and verb not in self.replies:  # the password comes on a line of its own
                    connection.sendall(b"334\r\n")
                    lines.readline()
                    verb = "let in"
                connection.sendall(self.replies.get(verb, "250 OK").encode() + b"\r\n")
                if verb == "QUIT":
                    return

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                self.serve(connection)

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.run, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    @property
    def settings(self):
        return {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": self.listener.getsockname()[1], "SMTP_USE_TLS": "no"}
