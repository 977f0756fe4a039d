#!/usr/bin/python3
"""Runs every test there is and ends with one line, `N passed, N failed`.

    tests/run.py unit|system|pages …      only these (default: all); a path is pytest's
    TESTS_BUILD=build/asan tests/run.py   on another build

Unit tests are cmocka programs, system tests pytest on real services, page tests node's test runner with Chromium,
against a scripted gateway and against a whole stack.

System tests kill, freeze and starve real processes, page tests drive a browser, on a machine that others may use.  When a few of them fail
they are run once more, by themselves: what fails twice has failed, what then passes is named as `failed once`, for somebody to look into.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("TESTS_BUILD", TOP / "build" / "release")).resolve()
ONCE_MORE_MOST = 3  # more are no accident
passed = failed = 0


def run(what, argv, count, env=None, **options):
    """Runs a command, shows what it prints when something failed, and counts by its own words."""
    global passed, failed
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          env={**os.environ, "TESTS_BUILD": str(BUILD), **(env or {})}, **options)
    good, bad = count(done.stdout)
    if done.returncode and not bad:
        bad = 1  # it ended badly without saying that a test failed: a crash counts
    passed, failed = passed + good, failed + bad
    print(f"{str(what):45} {good:4} passed {bad:3} failed", flush=True)
    if bad:
        print(done.stdout[-12000:], flush=True)


def number(pattern, text):
    return sum(int(n) for n in re.findall(pattern, text))


def unit():
    programs = sorted(p for p in (BUILD / "tests" / "unit").glob("*/*_test") if os.access(p, os.X_OK))
    wanted = {p.relative_to(TOP).with_suffix("") for p in (TOP / "tests" / "unit").glob("*/*_test.c")}
    for program in programs:
        if program.relative_to(BUILD) in wanted:
            run(program.relative_to(BUILD), [program],
                lambda out: (number(r"\[  PASSED  \] (\d+) test", out), number(r"\[  FAILED  \] (\d+) test", out)), cwd=TOP, timeout=300)


def system(path="tests/system"):
    without = failed
    with tempfile.TemporaryDirectory(prefix="sheaf-tests-") as scratch:
        fallen = pathlib.Path(scratch) / "failed"
        pytest(path, [TOP / path], fallen)
        again = list(dict.fromkeys(fallen.read_text().splitlines())) if fallen.exists() else []
        once_more(again, without, lambda: pytest("once more", again, os.devnull))


def pytest(what, tests, fallen):
    run(what, ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--color=no", *map(str, tests)],
        lambda out: (number(r"(\d+) passed", out[-400:]), number(r"(\d+) (?:failed|error)", out[-400:])), cwd=TOP, env={"TESTS_FAILED": str(fallen)})


def once_more(tests, without, run_them):
    """`tests`: those that failed; `without`: how many had failed before these did."""
    global failed
    if not 0 < len(tests) <= ONCE_MORE_MOST:
        return
    before = passed, failed
    run_them()
    if (passed, failed) == (before[0] + len(tests), before[1]):
        failed = without
        for test in tests:
            print(f"failed once: {test}", flush=True)
    else:
        failed = before[1]  # each counts once


def pages():
    folder = TOP / "tests" / "pages"
    if not (folder / "node_modules").exists():
        run("tests/pages, packages", ["npm", "ci", "--no-audit", "--no-fund"], lambda out: (0, 0), cwd=folder)
    sys.path.insert(0, str(TOP / "tests" / "system"))
    from up import Up
    without = failed
    with tempfile.TemporaryDirectory(prefix="sheaf-pages-") as scratch, Up(scratch) as stack:
        env = {"BASE_URL": f"http://127.0.0.1:{stack.env['SHEAF_PORT']}", "SAMPLES": str(TOP / "tests" / "fixtures" / "forms")}
        again = node("tests/pages", [], folder, env)
        once_more(again, without, lambda: node("once more", [f"--test-name-pattern=^{re.escape(name)}$" for name in again], folder, env))


def node(what, options, folder, env):
    """Answers the names of what failed."""
    fallen = []

    def count(out):
        fallen.extend(name for name in re.findall(r"(?m)^ *not ok \d+ - (.+?)(?: # .*)?$", out) if not name.endswith(".mjs"))
        return number(r"(?m)^# pass (\d+)", out), number(r"(?m)^# fail (\d+)", out)
    run(what, ["node", "--test", "--test-reporter=tap", *options], count, cwd=folder, env=env)
    return fallen


if __name__ == "__main__":
    kinds = {"unit": unit, "system": system, "pages": pages}
    for kind in sys.argv[1:] or kinds:
        kinds[kind]() if kind in kinds else system(kind)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)
