"""Holds what the gateway answers against gateway/web/openapi.json, and knows the table of its routes."""
import functools
import json
import pathlib
import re

import jsonschema

TOP = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = json.loads((TOP / "gateway" / "web" / "openapi.json").read_text())
RESOLVER = jsonschema.RefResolver("", DOCUMENT)


def operations():
    return [(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item]


def routes(access=None):
    """(method, pattern) of each row of gateway/routes.c, perhaps only those of one access."""
    rows = re.findall(r'{"([A-Z]+)", "([^"]+)", \w+, ACCESS_(\w+)}', (TOP / "gateway" / "routes.c").read_text())
    return [(method, path) for method, path, of in rows if access in (None, of)]


@functools.lru_cache(maxsize=None)
def _operation(method, path):
    def pattern(template):
        return re.sub(r"{[^}]+}", "[^/]+", template.replace("{path}", ".+"))
    fits = [item for template, item in DOCUMENT["paths"].items() if re.fullmatch(pattern(template), path)]
    # A path without parameters comes before one with: /api/admin/dead/kick.
    exact = DOCUMENT["paths"].get(path)
    for item in [exact] if exact else fits:
        if method.lower() in item:
            return item[method.lower()]
    return None


def check(method, path, status, content_type, answer):
    """Raises AssertionError for a documented route whose answer is not as it is written down."""
    operation = _operation(method, path.split("?")[0])
    if operation is None or status == 405:
        return
    response = operation["responses"].get(str(status))
    assert response is not None, f"{method} {path}: status {status} is not in openapi.json: {answer}"
    if "$ref" in response:
        response = RESOLVER.resolve(response["$ref"])[1]
    content = response.get("content")
    if not content or "*/*" in content:
        return
    media = next((m for m in content if content_type.startswith(m)), None)
    assert media, f"{method} {path}: {status} is {content_type}, openapi.json says {list(content)}"
    if media == "application/json":
        validator = jsonschema.Draft202012Validator(content[media]["schema"], resolver=RESOLVER)
        wrong = [f"{'/'.join(map(str, e.path))}: {e.message[:300]}" for e in validator.iter_errors(answer)]
        assert not wrong, f"{method} {path} {status}: {wrong[:3]}"
