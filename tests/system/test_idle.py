"""Services that have nothing to do."""
import os
import pathlib
import time

from stack import SLOW, Stack

SERVICES = ("gateway", "dispatcher", "ocr-svc", "llm-svc", "persist-svc", "notify-svc")
WATCHED_S = 3


def cpu_s(pid):
    """Processor time so far of a process and its children that have ended, in seconds."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def test_a_stack_without_work_leaves_the_processor_alone():
    with Stack(*SERVICES, SHEAF_OCR="null", SHEAF_LLM="null") as s:
        time.sleep(1)  # what starting up leaves behind
        pids = {name: p.pid for name, p in zip(SERVICES, s.processes)}
        before = {name: cpu_s(pid) for name, pid in pids.items()}
        time.sleep(WATCHED_S)
        spent = {name: cpu_s(pid) - before[name] for name, pid in pids.items()}
        assert all(share < 0.1 * WATCHED_S * SLOW for share in spent.values()), spent
