// SPDX-License-Identifier: GPL-3.0-or-later

import { createHash } from "node:crypto";
import type { OpenApiDocument } from "./document.ts";

/** A page, and its style's hash for the content security policy. */
export interface DocsPage {
  html: string;
  styleHash: string;
}

const STYLE = `
:root { color-scheme: light dark; --line: #8886; --mark: #0a7; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
a { color: inherit; }
h1 { margin-bottom: 0; }
h2 { margin-top: 3rem; border-bottom: 1px solid var(--line); }
h3 { font: 600 1rem/1.5 ui-monospace, monospace; margin: 0; overflow-wrap: anywhere; }
.method { color: var(--mark); }
section.operation { border: 1px solid var(--line); border-radius: 6px; padding: 1rem; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; }
th, td { border-top: 1px solid var(--line); padding: .3rem .6rem .3rem 0; text-align: left; vertical-align: top; }
th { font-weight: 600; white-space: nowrap; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; border: 1px solid var(--line); border-radius: 6px; padding: .6rem; }
`;

/** The document as one page that loads nothing: no script, no font, no image. */
export function docsPage(document: OpenApiDocument): DocsPage {
  const { info, tags = [], paths = {}, components } = document;
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, Operation>).map(([method, operation]) => ({
      method,
      path,
      operation,
    })),
  );
  const topics = tags.map(({ name }) => {
    const own = operations.filter(({ operation }) => operation.tags?.includes(name));
    return own.length === 0 ? "" : `<h2>${text(name)}</h2>\n${own.map(operationSection).join("\n")}`;
  });
  const schemas = Object.entries(components?.schemas ?? {}).map(
    ([name, schema]) =>
      `<section class="operation" id="${text(name)}"><h3>${text(name)}</h3>
<p>${text((schema as { description?: string }).description ?? "")}</p>
<pre>${text(JSON.stringify(schema, null, 2))}</pre></section>`,
  );
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(info.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${text(info.title)}</h1>
<p>Version ${text(info.version)}. As a document: <a href="openapi.json">openapi.json</a>.</p>
<p>${text(info.description ?? "")}</p>
${topics.join("\n")}
<h2>Shapes</h2>
${schemas.join("\n")}
</main>
</body>
</html>
`;
  const hash = createHash("sha256").update(STYLE).digest("base64");
  return { html, styleHash: `sha256-${hash}` };
}

interface Operation {
  summary?: string;
  description?: string;
  tags?: string[];
  parameters?: { name: string; in: string; required?: boolean; description?: string; schema?: Schema }[];
  requestBody?: { content?: Content };
  responses?: Record<string, { description?: string; headers?: Record<string, Schema>; content?: Content }>;
}

type Content = Record<string, { schema?: Schema; example?: unknown }>;

interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
}

function operationSection({
  method,
  path,
  operation,
}: {
  method: string;
  path: string;
  operation: Operation;
}): string {
  const { summary = "", description = "", parameters = [], requestBody, responses = {} } = operation;
  const taken = parameters.map(
    (one) =>
      `<tr><th><code>${text(one.name)}</code></th><td>${one.in}${one.required ? ", required" : ""}</td><td>${text(one.description ?? one.schema?.description ?? "")}</td></tr>`,
  );
  const given = Object.entries(responses).map(
    ([status, { description: what = "", content = {}, headers = {} }]) =>
      `<tr><th>${text(status)}</th><td>${text(what)}${headerList(headers)}</td><td>${shapes(content)}</td></tr>`,
  );
  return `<section class="operation">
<h3><span class="method">${method.toUpperCase()}</span> ${text(path)}</h3>
<p>${text(summary)}. ${text(description)}</p>
${taken.length > 0 ? `<table>${taken.join("")}</table>` : ""}
${requestBody ? `<p>Body: ${shapes(requestBody.content ?? {})}</p>${examples(requestBody.content ?? {})}` : ""}
<table>${given.join("")}</table>
</section>`;
}

function headerList(headers: Record<string, Schema>): string {
  return Object.entries(headers)
    .map(([name, { description = "" }]) => `<br><code>${text(name)}</code> ${text(description)}`)
    .join("");
}

function shapes(content: Content): string {
  return Object.entries(content)
    .map(([type, { schema }]) => {
      const name = schema?.$ref?.split("/").at(-1);
      return `<code>${text(type)}</code>${name ? ` <a href="#${text(name)}">${text(name)}</a>` : ""}`;
    })
    .join(", ");
}

function examples(content: Content): string {
  return Object.values(content)
    .flatMap(({ example }) =>
      example === undefined ? [] : `<pre>${text(JSON.stringify(example, null, 2))}</pre>`,
    )
    .join("");
}

function text(value: string): string {
  return value
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
