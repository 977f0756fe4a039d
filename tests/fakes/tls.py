"""A real HTTPS server of another make before a fake: nghttpx, which offers HTTP/2 and says of each request by which protocol and
connection it came."""
import collections
import os
import pathlib
import socket
import subprocess
import time

from fakes.mail import certificate

PROGRAM = "/usr/sbin/nghttpx"
MISSING = not os.access(PROGRAM, os.X_OK)


class Front:
    """`with Front(folder, fake) as front:` serves https://127.0.0.1:<port>; `front.seen` lists (client port, protocol, request)."""

    def __init__(self, folder, fake, protocols="h2,http/1.1"):
        self.fake, self.protocols = fake, protocols
        self.cert, self.key = certificate(folder, "localhost", "127.0.0.1")
        self.log = pathlib.Path(folder) / "front.log"

    def __enter__(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.process = subprocess.Popen(
            [PROGRAM, f"--frontend=127.0.0.1,{self.port}", f"--backend=127.0.0.1,{self.fake.url.rpartition(':')[2]}",
             f"--npn-list={self.protocols}", f"--accesslog-file={self.log}", "--accesslog-format=$remote_port $alpn $request",
             "--errorlog-file=/dev/null", "--workers=1", "--no-ocsp", "--conf=/dev/null", self.key, self.cert],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.02)
        self.__exit__()
        raise RuntimeError("nghttpx does not listen")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(10)

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def seen(self):
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [tuple(line.split(" ", 2)) for line in lines]

    def connections(self):
        """How many requests each connection carried."""
        return collections.Counter(port for port, _, _ in self.seen)
