#!/usr/bin/python3
"""hostile.py [DIR] [--only TEXT]: every broken, odd or heavy document of a folder, one after the other through the whole stack.

Prints a table: file, what became of it, seconds, and the most memory that a decoding child of ocr-svc took for it. Each is to end
as a result or a clear refusal within 20 s and 512 MB a child, with ocr-svc the same process throughout, and a healthy
document, uploaded after every tenth, to become its record. Exit 1 when one of these does not hold; a missing folder is skipped.
DIR is ../shared/hostile beside the project unless given. SLOW machines: TESTS_SLOW stretches the 20 s.
"""
import argparse
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "system"))
import documents  # noqa: E402
from stack import SLOW, TOP, Stack  # noqa: E402

SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
SECONDS, MIB = 20, 512


def decoding_children(parent):
    for p in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            stat = (p / "stat").read_text().rsplit(")", 1)[1].split()
            if int(stat[1]) == parent:
                yield p
        except (OSError, IndexError):
            continue


class Peak(threading.Thread):
    """The highest resident size among the decoding children from here on; each child's own mark is reset first."""

    def __init__(self, parent):
        super().__init__(daemon=True)
        self.parent, self.mib, self.over = parent, 0.0, False
        for child in decoding_children(parent):
            try:
                (child / "clear_refs").write_text("5")
            except OSError:
                pass
        self.start()

    def run(self):
        while not self.over:
            for child in decoding_children(self.parent):
                try:
                    status = (child / "status").read_text()
                except OSError:
                    continue
                for line in status.splitlines():
                    if line.startswith("VmHWM"):
                        self.mib = max(self.mib, int(line.split()[1]) / 1024)
            time.sleep(0.02)

    def stop(self):
        self.over = True
        self.join()
        return self.mib


def outcome_of(stack, name, data):
    status, answer = stack.upload((name, data))
    if status != 202:
        errors = answer.get("errors") or [answer.get("error")]
        return f"refused at upload, {answer.get('code')}: {errors[0]}", True
    job = answer["job_ids"][0]["job_id"]
    until = time.monotonic() + 120 * SLOW
    while time.monotonic() < until:
        _, now = stack.get(f"/api/job_status/{job}")
        if now["status"] == "finished":
            return f"finished, {len(now['result']['submission_ids'])} record(s)", True
        if now["status"] == "failed":
            return f"failed: {now['error']}", bool(now["error"])
        time.sleep(0.05)
    return f"no end: {now['status']}", False


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("dir", nargs="?", type=pathlib.Path, default=TOP.parent / "shared" / "hostile")
    ask.add_argument("--only", default="")
    args = ask.parse_args()
    if not args.dir.is_dir():
        print(f"skipped: {args.dir} is not there")
        return 0
    files = sorted(p for p in args.dir.rglob("*") if p.is_file() and p.parent != args.dir and args.only in p.name)
    bad = []
    with Stack(*SIX, SHEAF_THREADS=1) as stack:
        service = stack["ocr-svc"]
        print(f"{'file':44} {'seconds':>7} {'MiB':>5}  outcome")
        for i, path in enumerate(files):
            peak, began = Peak(service.pid), time.monotonic()
            outcome, ended = outcome_of(stack, path.name, path.read_bytes())
            seconds, mib = time.monotonic() - began, peak.stop()
            good = ended and seconds <= SECONDS * SLOW and mib <= MIB and service.process.poll() is None
            bad += [] if good else [path.name]
            print(f"{path.parent.name + '/' + path.name:44} {seconds:7.1f} {mib:5.0f}  {outcome}{'' if good else '   <<<<'}", flush=True)
            if i % 10 == 0:
                healthy, _ = outcome_of(stack, "healthy.pdf", documents.form(100 + i))
                if not healthy.startswith("finished"):
                    bad.append("healthy after " + path.name)
    print(f"{len(files)} files, {len(bad)} not as promised" + (": " + ", ".join(bad) if bad else ""))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
