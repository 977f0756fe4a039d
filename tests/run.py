#!/usr/bin/python3
"""Runs every test there is and ends with one line, `N passed, N failed`.

    tests/run.py unit|system|pages …      only these (default: all); a path is pytest's
    TESTS_BUILD=build/asan tests/run.py   on another build

Unit tests are cmocka programs, system tests pytest on real services, page tests node's test runner with Chromium,
against a scripted gateway and against a whole stack.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("TESTS_BUILD", TOP / "build" / "release")).resolve()
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
    run(path, ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--color=no", str(TOP / path)],
        lambda out: (number(r"(\d+) passed", out[-400:]), number(r"(\d+) (?:failed|error)", out[-400:])), cwd=TOP)


def pages():
    folder = TOP / "tests" / "pages"
    if not (folder / "node_modules").exists():
        run("tests/pages, packages", ["npm", "ci", "--no-audit", "--no-fund"], lambda out: (0, 0), cwd=folder)
    sys.path.insert(0, str(TOP / "tests" / "system"))
    from up import Up
    with tempfile.TemporaryDirectory(prefix="sheaf-pages-") as scratch, Up(scratch) as stack:
        run("tests/pages", ["npm", "test", "--silent"],
            lambda out: (number(r"(?m)^(?:#|ℹ) pass (\d+)", out), number(r"(?m)^(?:#|ℹ) fail (\d+)", out)), cwd=folder,
            env={"BASE_URL": f"http://127.0.0.1:{stack.env['SHEAF_PORT']}", "SAMPLES": str(TOP / "tests" / "fixtures" / "forms")})


if __name__ == "__main__":
    kinds = {"unit": unit, "system": system, "pages": pages}
    for kind in sys.argv[1:] or kinds:
        kinds[kind]() if kind in kinds else system(kind)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)
