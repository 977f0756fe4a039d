/* openapi.mjs: holds an answer against openapi.json.  Knows the part of JSON Schema that our file uses, and refuses a file that
 * uses more, so that no keyword is passed over in silence. */
import { readFileSync } from "node:fs";

const document = JSON.parse(readFileSync(new URL("../../gateway/web/openapi.json", import.meta.url)));
const KNOWN = new Set(["$ref", "type", "enum", "const", "oneOf", "required", "properties", "additionalProperties", "minProperties", "items", "minItems", "maxItems",
  "pattern", "format", "minimum", "maximum", "default", "description"]);

const typeOf = (value) => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);
const isType = (type, value) => (type === "integer" ? Number.isInteger(value) : type === typeOf(value));

function resolve(ref) {
  const target = ref.split("/").slice(1).reduce((node, part) => node?.[part], document);
  if (!target) throw new Error(`openapi.json: ${ref} leads nowhere`);
  return target;
}

/* What is wrong with a value, as texts; empty when it fits. */
export function check(schema, value, at = "$") {
  for (const key of Object.keys(schema)) if (!KNOWN.has(key)) throw new Error(`openapi.json: keyword ${key} is not checked`);
  if (schema.$ref) return check(resolve(schema.$ref), value, at);
  if (schema.oneOf) {
    const tries = schema.oneOf.map((one) => check(one, value, at));
    return tries.filter((wrong) => wrong.length === 0).length === 1 ? [] : [`${at}: fits none, or more than one: ${tries.flat().join("; ")}`];
  }
  const wrong = [];
  const say = (text) => wrong.push(`${at}: ${text}, got ${JSON.stringify(value)?.slice(0, 80)}`);
  if ("const" in schema && value !== schema.const) say(`must be ${JSON.stringify(schema.const)}`);
  if (schema.enum && !schema.enum.includes(value)) say(`must be one of ${schema.enum.join(", ")}`);
  if (schema.type && ![].concat(schema.type).some((type) => isType(type, value))) {
    say(`must be ${[].concat(schema.type).join(" or ")}`);
    return wrong;
  }
  if (typeof value === "string" && schema.pattern && !new RegExp(schema.pattern, "u").test(value)) say(`must fit ${schema.pattern}`);
  if (typeof value === "string" && schema.format === "date-time" && Number.isNaN(Date.parse(value))) say("must be a time");
  if (typeof value === "number" && value < (schema.minimum ?? -Infinity)) say(`must be at least ${schema.minimum}`);
  if (typeof value === "number" && value > (schema.maximum ?? Infinity)) say(`must be at most ${schema.maximum}`);
  if (Array.isArray(value)) {
    if (value.length < (schema.minItems ?? 0)) say(`needs ${schema.minItems} items`);
    if (schema.items) value.forEach((one, i) => wrong.push(...check(schema.items, one, `${at}[${i}]`)));
  } else if (typeOf(value) === "object") {
    for (const name of schema.required ?? []) if (!(name in value)) say(`needs ${name}`);
    for (const [name, one] of Object.entries(value)) {
      const known = schema.properties?.[name] ?? schema.additionalProperties;
      if (known === false) say(`must not have ${name}`);
      else if (typeof known === "object") wrong.push(...check(known, one, `${at}.${name}`));
    }
  }
  return wrong;
}

/* The same for the answer to a request: is its route written down, its status, and the shape of its JSON. */
export function checkAnswer(method, path, status, type, body) {
  const route = Object.entries(document.paths).find(([template]) => new RegExp(`^${template.replace("{path}", ".+").replace(/\{[^}]+\}/g, "[^/]+")}$`).test(path));
  const operation = route?.[1][method.toLowerCase()];
  if (!operation) return [`${method} ${path} is not in openapi.json`];
  let response = operation.responses[status];
  if (!response) return [`${method} ${path}: status ${status} is not in openapi.json`];
  if (response.$ref) response = resolve(response.$ref);
  const media = response.content && Object.entries(response.content).find(([name]) => type?.startsWith(name));
  if (!response.content) return [];
  if (!media) return [`${method} ${path}: ${status} must not be ${type}`];
  return media[0] === "application/json" ? check(media[1].schema, body, `${method} ${path} ${status}`) : [];
}

/* Each $ref and each schema of the file, so that a mistake in a rarely answered part is found as well. */
export function checkDocument() {
  const operations = new Set();
  (function walk(node) {
    if (typeof node !== "object" || node === null) return;
    if (node.$ref) resolve(node.$ref);
    if (node.operationId) {
      if (operations.has(node.operationId)) throw new Error(`openapi.json: two operations ${node.operationId}`);
      operations.add(node.operationId);
    }
    Object.values(node).forEach(walk);
  })(document);
  for (const schema of Object.values(document.components.schemas)) check(schema, null);
  return operations.size;
}
