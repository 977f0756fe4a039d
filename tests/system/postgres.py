"""A PostgreSQL of a test's own: a fresh cluster in a temporary folder, on a Unix socket, ended by pid."""
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from stack import wait_for

PROGRAMS = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1:]


class Postgres:
    """`with Postgres() as db: db.url, db.query("SELECT 1")`. The server refuses to run as root, so root lends it a user."""

    def __init__(self):
        self.bin = PROGRAMS[0]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sheaf-pg-"))
        self.options = {}
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def __enter__(self):
        subprocess.run([self.bin / "initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8",
                        "--locale=C.UTF-8", "--no-sync"], check=True, capture_output=True, cwd=self.folder, **self.options)
        self.start()
        self.query("CREATE ROLE sheaf LOGIN NOBYPASSRLS", "CREATE DATABASE sheaf OWNER sheaf")
        self.query("ALTER SCHEMA public OWNER TO sheaf", database="sheaf")
        return self

    @contextlib.contextmanager
    def standby(self):
        """A second server that follows this one and only takes reads until promote()."""
        other = Postgres()
        subprocess.run([self.bin / "pg_basebackup", "-D", other.folder / "data", "-h", self.folder, "-U", "postgres", "-R", "-X", "stream", "-c", "fast"],
                       check=True, capture_output=True, cwd=other.folder, **other.options)
        try:
            other.start()
            yield other
        finally:
            other.__exit__()

    def promote(self):
        self.query("SELECT pg_promote()")

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([self.bin / "postgres", "-D", self.folder / "data", "-k", self.folder, "-c", "listen_addresses=",
                                             "-c", "shared_buffers=16MB"], stdout=log, stderr=log, cwd=self.folder, **self.options)
        wait_for(lambda: self.run("SELECT 1", "postgres", "postgres").returncode == 0, 60, "PostgreSQL")

    def stop(self):
        self.process.terminate()  # SIGTERM waits for its clients; SIGINT cuts them off
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)

    def signal_all(self, number):
        """To all its processes; the numbers of the children."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in (self.process.pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return children

    def kill(self):
        """kill -9, as when the machine is switched off."""
        children = self.signal_all(signal.SIGKILL)
        self.process.wait(30)
        wait_for(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in children), 30, "the end of its processes")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self):
        return self.url_of(self)

    @staticmethod
    def url_of(*servers):
        hosts = ",".join(str(s.folder) for s in servers)
        return f"postgresql:///sheaf?host={hosts}&user=sheaf&options=-c%20client_min_messages%3Dwarning"

    @property
    def socket(self):
        return f"{self.folder}/.s.PGSQL.5432"

    def run(self, statement, database, user, verbose=False):
        return subprocess.run([self.bin / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *(["-v", "VERBOSITY=verbose"] if verbose else []), "-h", self.folder, "-U", user, "-d", database,
                               "-c", statement], capture_output=True, text=True)

    @contextlib.contextmanager
    def session(self, database, user):
        """A connection that stays; `say` gives it statements and does not wait for their answers."""
        with subprocess.Popen([self.bin / "psql", "-X", "-q", "-h", self.folder, "-U", user, "-d", database], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, text=True) as process:
            process.say = lambda *statements: (process.stdin.write(";\n".join(statements) + ";\n"), process.stdin.flush())
            yield process

    def query(self, *statements, database="postgres", user="postgres"):
        """Each in a call of its own; the last one's answer as lines."""
        for statement in statements:
            done = self.run(statement, database, user)
            assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()
