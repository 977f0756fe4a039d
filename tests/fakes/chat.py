"""Groq, OpenAI and the compatible servers: chat/completions and models.

It looks at what it gets: the key, the path, fields that the kind of server refuses or ignores, the schema by the rules of strict
decoding.  It "reads" the pages as a model would, by their labels, and answers in the form that was asked for.
"""
import json
import re

from fakes.base import Answer, Fake

REFUSED = {"groq": {"logprobs", "top_logprobs", "logit_bias", "frequency_penalty", "presence_penalty", "store", "metadata", "max_tokens"},
           "openai": {"max_tokens", "temperature", "reasoning_effort"},
           "ollama": {"max_completion_tokens", "n", "tool_choice", "logit_bias", "user", "reasoning_effort"}}
LABELS = {"student_name": r"student'?s? name|name of student", "school_name": r"school name|school", "grade": r"grade",
          "teacher_name": r"teacher", "phone": r"phone", "email": r"e-?mail", "city_or_location": r"city",
          "father_figure_name": r"father"}


def error(status, message, kind="invalid_request_error", code=None, headers=None, **more):
    return Answer(status, {"error": {"message": message, "type": kind, **({"code": code} if code else {}), **more}}, headers)


def rate_limited(seconds, text=None):
    message = text or (f"Rate limit reached for model `x` in organization `org_x` service tier `on_demand` on tokens per minute (TPM): "
                       f"Limit 15000, Used 11972, Requested 4351. Please try again in {seconds}s.")
    return error(429, message, "tokens", "rate_limit_exceeded", {"retry-after": str(seconds)})


class Chat(Fake):
    def __init__(self, kind="groq", key="gsk_made-up", model="openai/gpt-oss-120b", prefix="/openai/v1", formats=None):
        super().__init__()
        self.kind, self.key, self.model, self.prefix = kind, key, model, prefix
        self.formats = formats or {"json_schema", "json_object"}
        self.asked = []     # the pages' texts, call by call
        self.reply = None   # a function of (fields, pages) in place of reading

    def env(self):
        if self.kind == "groq":
            return {"GROQ_API_KEY": self.key, "GROQ_BASE_URL": self.url + self.prefix}
        return {"OPENAI_BASE_URL": self.url + self.prefix, "SHEAF_LLM_SERVER": self.kind, **({"OPENAI_API_KEY": self.key} if self.key else {})}

    def is_scripted(self, request):
        return request.path.endswith("/chat/completions")

    def answer(self, request):
        sent = request.headers.get("Authorization")
        if sent != (f"Bearer {self.key}" if self.key else None):
            return error(401, "Invalid API Key", code="invalid_api_key")
        if request.path == self.prefix + "/models" and request.method == "GET":
            return Answer(200, {"object": "list", "data": [{"id": self.model, "object": "model"}]})
        if not self.want(request.path == self.prefix + "/chat/completions" and request.method == "POST", f"path {request.path}"):
            return error(404, "Unknown request URL", code="unknown_url")
        self.want(request.headers["Content-Type"] == "application/json", "content type")
        return self.complete(request.json())

    def complete(self, asked):
        self.want(not (REFUSED.get(self.kind, set()) & set(asked)) - ({"reasoning_effort"} if self.model.startswith("gpt-6") else set()), f"fields that {self.kind} refuses or ignores: {sorted(asked)}")
        self.want("max_tokens" in asked or "max_completion_tokens" in asked, "no token limit")
        self.want(not ("max_tokens" in asked and "max_completion_tokens" in asked), "both token limits")
        self.want([m["role"] for m in asked["messages"]] == ["system", "user"] and all(set(m) == {"role", "content"} for m in asked["messages"]),
                  "messages")
        if asked["model"] != self.model:
            return error(404, f"The model `{asked['model']}` does not exist or you do not have access to it.", code="model_not_found")
        data = json.loads(asked["messages"][1]["content"])
        self.want(set(data) == {"fields", "pages"}, "the user message is the data")
        names = [f["name"] for f in data["fields"]]
        refusal = self.check_format(asked, names)
        if refusal:
            return refusal
        with self.lock:
            self.asked.append([p["text"] for p in data["pages"]])
        found = self.reply(names, data["pages"]) if self.reply else self.read(names, data["pages"])
        return self.completion(found if isinstance(found, str) else json.dumps(found))

    def check_format(self, asked, names):
        form = asked.get("response_format")
        if form and form["type"] not in self.formats:
            return error(400, f"response_format {form['type']} is not supported by this model")
        if form and form["type"] == "json_object":
            self.want("json" in json.dumps(asked["messages"]).lower(), "json_object without the word json")
        if form and form["type"] == "json_schema":
            schema = form["json_schema"]
            self.want(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", schema["name"]), "the schema's name")
            self.want(schema["schema"]["required"] == names, "the schema asks for other fields")
            self.strict(schema["schema"])
            self.want(schema["strict"] or self.kind != "groq" or "gpt-oss" not in self.model, "not strict although it could be")
        return None

    def strict(self, schema):
        """Every property required, none beside them; no unions at the root."""
        self.want(not {"anyOf", "oneOf", "not"} & set(schema), "a union in the schema")
        if schema.get("type") == "object":
            self.want(schema["additionalProperties"] is False and sorted(schema["required"]) == sorted(schema["properties"]), "not strict")
            for part in schema["properties"].values():
                self.strict(part)

    @staticmethod
    def read(names, pages):
        found = {}
        for name in names:
            found[name] = {"value": None, "quote": None, "page": None}
            for page in pages:
                match = re.search(rf"(?im)^(?:{LABELS[name]})\W+(.+)$", page["text"]) if name in LABELS else None
                if match:
                    found[name] = {"value": match[1].strip(), "quote": match[0].strip(), "page": page["page"]}
                    break
        return found

    @staticmethod
    def completion(content, finish="stop", **message):
        return Answer(200, {"id": "chatcmpl-1", "object": "chat.completion", "created": 1790000000, "model": "m",
                            "choices": [{"index": 0, "message": {"role": "assistant", "content": content, **message},
                                         "logprobs": None, "finish_reason": finish}],
                            "usage": {"prompt_tokens": 210, "completion_tokens": 31, "total_tokens": 241}}, {"x-request-id": "req_1"})
