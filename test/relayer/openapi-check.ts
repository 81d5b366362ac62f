// SPDX-License-Identifier: MIT

type Json = Record<string, unknown>;

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
const TYPES = ["null", "boolean", "object", "array", "number", "string", "integer"];
const PLACES = ["query", "header", "path", "cookie"];
/** Of OpenAPI 3.0; in 3.1 schemas are JSON Schema, which knows none of them. */
const OLD_WORDS = ["nullable"];

/**
 * What of a document is not OpenAPI 3.1, as far as structure goes: required members, references, types of schemas, parameters
 * of paths, unique operation ids, declared tags and security schemes. Empty: nothing.
 */
export function checkOpenApi(document: Json): string[] {
  const faults: string[] = [];
  const fault = (where: string, what: string) => faults.push(`${where}: ${what}`);
  const info = asRecord(document.info);
  if (!/^3\.1\.\d+$/.test(String(document.openapi))) fault("openapi", "is not 3.1");
  for (const member of ["title", "version"])
    if (typeof info[member] !== "string") fault(`info.${member}`, "is missing");
  const components = asRecord(document.components);
  const schemas = asRecord(components.schemas);
  const tags = asList(document.tags).map((tag) => asRecord(tag).name);
  const ids = new Set<unknown>();

  for (const [path, item] of Object.entries(asRecord(document.paths))) {
    if (!path.startsWith("/")) fault(path, "does not begin with a slash");
    for (const [method, operation] of Object.entries(asRecord(item))) {
      if (!METHODS.includes(method)) fault(`${path}.${method}`, "is no method");
      checkOperation(`${method.toUpperCase()} ${path}`, path, asRecord(operation));
    }
  }
  for (const [name, schema] of Object.entries(schemas)) checkSchema(`schema ${name}`, schema);
  return faults;

  function checkOperation(where: string, path: string, operation: Json): void {
    const { operationId, responses } = operation;
    if (typeof operationId !== "string" || ids.has(operationId))
      fault(where, `operationId ${operationId} is missing or not unique`);
    ids.add(operationId);
    for (const tag of asList(operation.tags))
      if (!tags.includes(tag)) fault(where, `the tag ${tag} is not declared`);
    for (const requirement of asList(operation.security)) {
      for (const scheme of Object.keys(asRecord(requirement)))
        if (!(scheme in asRecord(components.securitySchemes)))
          fault(where, `there is no security scheme ${scheme}`);
    }
    checkParameters(where, path, asList(operation.parameters).map(asRecord));
    const body = asRecord(operation.requestBody);
    if (operation.requestBody !== undefined) checkContent(`${where} body`, body.content, true);
    if (Object.keys(asRecord(responses)).length === 0) fault(where, "has no responses");
    for (const [status, response] of Object.entries(asRecord(responses))) {
      const { description, content, headers } = asRecord(response);
      if (!/^([1-5](\d\d|XX)|default)$/.test(status)) fault(where, `${status} is no status`);
      if (typeof description !== "string") fault(`${where} ${status}`, "has no description");
      checkContent(`${where} ${status}`, content, false);
      for (const [name, header] of Object.entries(asRecord(headers)))
        checkSchema(`${where} ${status} ${name}`, asRecord(header).schema);
    }
  }

  function checkParameters(where: string, path: string, parameters: Json[]): void {
    const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    for (const name of wanted) {
      const found = parameters.find((parameter) => parameter.in === "path" && parameter.name === name);
      if (found?.required !== true)
        fault(where, `the parameter ${name} of the path is not declared as required`);
    }
    const seen = new Set<string>();
    for (const { name, in: place, schema, content } of parameters) {
      if (typeof name !== "string" || !PLACES.includes(String(place)))
        fault(where, `the parameter ${name} has no place`);
      if (place === "path" && !wanted.includes(String(name))) fault(where, `the path has no ${name}`);
      if (seen.has(`${place} ${name}`)) fault(where, `the parameter ${name} is there twice`);
      seen.add(`${place} ${name}`);
      if ((schema === undefined) === (content === undefined))
        fault(where, `the parameter ${name} needs a schema`);
      if (schema !== undefined) checkSchema(`${where} ${name}`, schema);
    }
  }

  function checkContent(where: string, content: unknown, isRequired: boolean): void {
    const types = Object.entries(asRecord(content));
    if (isRequired && types.length === 0) fault(where, "has no content");
    for (const [type, media] of types) {
      if (!/^[\w.+-]+\/[\w.+*-]+$/.test(type)) fault(where, `${type} is no media type`);
      checkSchema(`${where} ${type}`, asRecord(media).schema);
    }
  }

  function checkSchema(where: string, schema: unknown): void {
    if (typeof schema === "boolean") return;
    if (typeof schema !== "object" || schema === null || Array.isArray(schema))
      return void fault(where, "is no schema");
    const { $ref, type, properties, required, pattern, ...rest } = schema as Json;
    if ($ref !== undefined) {
      const name = /^#\/components\/schemas\/([\w.-]+)$/.exec(String($ref))?.[1];
      if (name === undefined || !(name in schemas)) fault(where, `there is no schema ${name ?? $ref}`);
    }
    for (const one of Array.isArray(type) ? type : type === undefined ? [] : [type])
      if (!TYPES.includes(String(one))) fault(where, `${one} is no type`);
    for (const word of OLD_WORDS) if (word in rest) fault(where, `${word} is a word of OpenAPI 3.0`);
    for (const bound of ["exclusiveMinimum", "exclusiveMaximum"])
      if (typeof rest[bound] === "boolean") fault(where, `${bound} is a number since 3.1`);
    if (pattern !== undefined && !isExpression(pattern)) fault(where, "the pattern is no regular expression");
    for (const [name, child] of Object.entries(asRecord(properties))) checkSchema(`${where}.${name}`, child);
    for (const name of asList(required)) if (typeof name !== "string") fault(where, "required has names");
    for (const member of ["items", "additionalProperties", "propertyNames", "not"])
      if (rest[member] !== undefined) checkSchema(`${where}.${member}`, rest[member]);
    for (const member of ["allOf", "anyOf", "oneOf", "prefixItems"])
      for (const child of asList(rest[member])) checkSchema(`${where}.${member}`, child);
  }
}

function isExpression(pattern: unknown): boolean {
  try {
    return typeof pattern === "string" && new RegExp(pattern, "u") !== undefined;
  } catch {
    return false;
  }
}

function asRecord(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
