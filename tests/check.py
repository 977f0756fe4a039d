#!/usr/bin/python3
"""Checks of the source tree that no compiler makes. Prints what is wrong; exit 1 if anything is."""
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[1]
SERVICES = ["gateway", "dispatcher", "ocr-svc", "llm-svc", "persist-svc", "notify-svc"]
# A library is known to one place: which sources may include a header that begins so.
ONLY = {
    r"hiredis|<(hiredis|read|sds)\.h": ["lib/redis"], r"czmq|<zmq\.h": ["lib/bus"], r"<curl/": ["lib/httpc", "lib/smtpc", "lib/curl_once"],
    r"civetweb": ["gateway/", "persist-svc/"], r"sqlite3\.h": ["persist-svc/providers/sqlite"], r"libpq": ["persist-svc/providers/postgres"],
    r"poppler": ["ocr-svc/decode_pdf"], r"tesseract/": ["ocr-svc/providers/"], r"allheaders\.h|leptonica": ["ocr-svc/"],
    r"libheif": ["ocr-svc/"], r"zlib\.h": ["persist-svc/export_xlsx"],
}
wrong = []


def sources(*patterns):
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *(patterns or ("*.c", "*.h"))], cwd=TOP, capture_output=True, text=True)
    return [TOP / p for p in listed.stdout.split() if (TOP / p).exists()]


def check_layers():
    """services → lib → proto, never sideways; a library behind one file or folder."""
    for path in sources():
        name = path.relative_to(TOP).as_posix()
        if name.startswith("tests/"):
            continue
        home = name.split("/")[0]
        for include in re.findall(r'(?m)^\s*#\s*include\s+(["<][^">]+)', path.read_text()):
            target = include[1:].split("/")[0] if include[0] == '"' else ""
            if target in SERVICES + ["cli"] and target != home:
                wrong.append(f"{name}: includes {include[1:]}, a header of another service")
            if home == "lib" and target in SERVICES + ["cli"] or home == "proto" and include[0] == '"' and target != "proto":
                wrong.append(f"{name}: includes {include[1:]}, which is above it")
            for pattern, homes in ONLY.items():
                if re.search(pattern, include) and not any(name.startswith(h) for h in homes):
                    wrong.append(f"{name}: includes {include[1:]}, which only {', '.join(homes)} may")


def check_settings():
    """Every setting is named in README.md; the table is in alphabetical order of its fields."""
    readme = (TOP / "README.md").read_text()
    rows = re.findall(r'(?m)^S\((\w+),\s+"(\w+)"', (TOP / "lib" / "settings.def").read_text())
    for _, name in rows:
        if f"`{name}`" not in readme:
            wrong.append(f"README.md: does not list the setting {name}")


def check_scripts():
    """Every script and every part of them is in the README's lists; a script says what it promises."""
    readme = (TOP / "proto" / "redis" / "README.md").read_text()
    parts = readme.split("| part | what |")[1].split("\n\n")[0]
    for path in (TOP / "proto" / "redis").glob("*.lua"):
        name = f"| `{path.stem}` |"
        if name not in parts and (name not in readme or "Promises" not in path.read_text()):
            wrong.append(f"{path.relative_to(TOP)}: not described")


def check_folders():
    """Folders explain themselves."""
    for folder in SERVICES + ["lib", "proto", "cli", "tests", "k8s"]:
        if not (TOP / folder / "README.md").exists() and folder != "proto":
            wrong.append(f"{folder}/: has no README.md")


def check_text():
    """No unfinished business, no lines that no screen shows."""
    for path in sources():
        for n, line in enumerate(path.read_text().split("\n"), 1):
            if re.search(r"\b(TODO|FIXME|XXX)\b", line) and not re.search(r"#\d+", line):
                wrong.append(f"{path.relative_to(TOP)}:{n}: unfinished: {line.strip()[:80]}")


def check_clocks():
    """The wall clock is one place's: whoever waits waits for time that has passed."""
    for path in sources():
        name = path.relative_to(TOP).as_posix()
        if name != "lib/clock.c" and not name.startswith("tests/") and "CLOCK_REALTIME" in path.read_text():
            wrong.append(f"{name}: reads CLOCK_REALTIME, which only lib/clock.c may")


def check_python():
    """Every test and tool in Python can be read as Python."""
    for path in sources("*.py"):
        try:
            compile(path.read_bytes(), path.relative_to(TOP).as_posix(), "exec")
        except SyntaxError as error:
            wrong.append(f"{error.filename}:{error.lineno}: {error.msg}")


for check in (check_layers, check_settings, check_scripts, check_folders, check_text, check_clocks, check_python):
    check()
print("\n".join(wrong) or "checks passed")
sys.exit(1 if wrong else 0)
