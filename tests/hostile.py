#!/usr/bin/python3
"""hostile.py [DIR] [--only TEXT] [--short]: every broken, odd or heavy document of a folder, one after the other through the whole stack.

Prints a table: file, what became of it, pages read, seconds, those of the processor that ocr-svc and its children spent, and the most memory
that a decoding child took for it; then the same by outcome (--short: that alone). ocr-svc has one work thread, so that pages follow one
another and a child is one document's; a stack by itself has one a processor. Each is to end as a result or a clear refusal within
20 s and 512 MB a child, with ocr-svc the same process throughout, and a healthy
document, uploaded after every tenth, to become its record. Exit 1 when one of these does not hold; a missing folder is skipped.
DIR is ../shared/hostile beside the project unless given. SLOW machines: TESTS_SLOW stretches the 20 s.
"""
import argparse
import os
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


TICK = os.sysconf("SC_CLK_TCK")


def spent(pid):
    """Seconds of the processor, of the process and its children, those that ended included."""
    total = 0
    for p in (pathlib.Path(f"/proc/{pid}"), *decoding_children(pid)):
        try:
            total += sum(int(v) for v in (p / "stat").read_text().rsplit(")", 1)[1].split()[11:15])
        except OSError:
            continue
    return total / TICK


def pages_read(stack):
    return stack.log("ocr-svc").count('"page_read"')


def show_groups(rows):
    """Outcome, how many, the pages of all, the slowest and the largest of them."""
    groups = {}
    for row in rows:
        groups.setdefault(row[3], []).append(row)
    print(f"\n{'outcome':44} {'files':>5} {'pages':>5} {'seconds':>8} {'cpu':>6} {'MiB':>5}  (pages: of all; then the most of each)")
    for outcome, group in sorted(groups.items(), key=lambda g: -len(g[1])):
        most = [max(r[i] for r in group) for i in range(3)]
        print(f"{outcome:44} {len(group):5} {sum(r[4] for r in group):5} {most[0]:8.1f} {most[1]:6.1f} {most[2]:5.0f}")


def outcome_of(stack, name, data):
    """(in a word or two, more about it, whether that is an end)."""
    status, answer = stack.upload((name, data))
    if status != 202:
        errors = answer.get("errors") or [answer.get("error")]
        return f"refused at upload, {answer.get('code')}", errors[0], True
    job = answer["job_ids"][0]["job_id"]
    until = time.monotonic() + 120 * SLOW
    while time.monotonic() < until:
        _, now = stack.get(f"/api/job_status/{job}")
        if now["status"] == "finished":
            return "finished", f"{len(now['result']['submission_ids'])} record(s)", True
        if now["status"] == "failed":
            error = now["error"] or {}
            return f"failed, {error.get('code')}", error.get("text", "without a word"), bool(error.get("code") and error.get("text"))
        time.sleep(0.05)
    return "no end", now["status"], False


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("dir", nargs="?", type=pathlib.Path, default=TOP.parent / "shared" / "hostile")
    ask.add_argument("--only", default="")
    ask.add_argument("--short", action="store_true")
    args = ask.parse_args()
    if not args.dir.is_dir():
        print(f"skipped: {args.dir} is not there")
        return 0
    files = sorted(p for p in args.dir.rglob("*") if p.is_file() and p.parent != args.dir and args.only in p.name)
    bad = []
    with Stack(*SIX, SHEAF_THREADS=1) as stack:
        service = stack["ocr-svc"]
        rows = []
        if not args.short:
            print(f"{'file':44} {'pages':>5} {'seconds':>7} {'cpu':>6} {'MiB':>5}  outcome")
        for i, path in enumerate(files):
            peak, began, before, read = Peak(service.pid), time.monotonic(), spent(service.pid), pages_read(stack)
            outcome, more, ended = outcome_of(stack, path.name, path.read_bytes())
            seconds, cpu, mib = time.monotonic() - began, spent(service.pid) - before, peak.stop()
            pages = pages_read(stack) - read
            rows.append((seconds, cpu, mib, outcome, pages))
            good = ended and seconds <= SECONDS * SLOW and mib <= MIB and service.process.poll() is None
            bad += [] if good else [path.name]
            if not (args.short and good):
                print(f"{path.parent.name + '/' + path.name:44} {pages:5} {seconds:7.1f} {cpu:6.1f} {mib:5.0f}  {outcome}: {more}{'' if good else '   <<<<'}", flush=True)
            if i % 10 == 0:
                healthy, _, _ = outcome_of(stack, "healthy.pdf", documents.form(100 + i))
                if healthy != "finished":
                    bad.append("healthy after " + path.name)
    show_groups(rows)
    print(f"{len(files)} files, {len(bad)} not as promised" + (": " + ", ".join(bad) if bad else ""))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
