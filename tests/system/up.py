"""`sheaf up`, the local supervisor, as a stack that a test owns: on free ports, in a var of its own, drained at the end."""
import os
import pathlib
import subprocess
import threading

from stack import BUILD, SLOW, free_base, wait_for


class Up:
    """`sheaf up` on a var of its own."""

    def __init__(self, folder):
        self.var = pathlib.Path(folder) / "var"
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("SHEAF_") and k not in ("REDIS_URL", "PORT")}
        self.env.update(SHEAF_PORT=str(free_base()), SHEAF_VAR=str(self.var))

    def start(self, *options):
        ready = self.var.parent / "ready"
        self.process = subprocess.Popen([BUILD / "sheaf", "up", "--ready-file", ready, *options], env=self.env,
                                        stderr=subprocess.PIPE, text=True)
        # `up` writes to a pipe that somebody must empty.
        self.lines = []
        threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True).start()
        wait_for(lambda: ready.exists() or self.process.poll() is not None, 60, "ready")
        assert self.process.poll() is None, "".join(self.lines)
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60 * SLOW)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def pid(self, unit):
        try:
            return int((self.var / "run" / f"{unit}.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def sheaf_process(self, *arguments):
        """The command while it runs; its caller ends it."""
        return subprocess.Popen([BUILD / "sheaf", *map(str, arguments)], env=self.env, stdout=subprocess.PIPE, text=True)

    def sheaf(self, *arguments, timeout=120):
        return subprocess.run([BUILD / "sheaf", *map(str, arguments)], env=self.env, capture_output=True, text=True,
                              timeout=timeout * SLOW)
