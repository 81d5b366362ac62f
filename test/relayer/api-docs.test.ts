// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import type { Hex } from "@meantime/sdk/hex";
import { createEventReader, STREAM_END } from "@meantime/sdk/server-events";
import { isPagePath } from "../../relayer/src/gateway/page.ts";
import { INDEX_PATH } from "../../relayer/src/indexer/api/app.ts";
import { describedGateway, OPENAPI_FILE, openApiText } from "../../scripts/docs/openapi.ts";
import { askFor, eventually, sampleInput } from "./local-relayer.ts";
import { type OpenAiWorld, startOpenAiWorld } from "./openai-stack.ts";
import { checkOpenApi } from "./openapi-check.ts";

/** The relayer's, which reads JSON Schema; that of the root is older. */
const zod = createRequire(new URL("../../relayer/package.json", import.meta.url))("zod") as {
  z: { fromJSONSchema(schema: Json): { safeParse(value: unknown): Judged } };
};
type Judged = { success: true } | { success: false; error: { issues: unknown[] } };

const API = readFileSync(new URL("../../docs/API.md", import.meta.url), "utf8");

type Json = Record<string, unknown>;

interface Document extends Json {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Json> };
}

interface Operation {
  security?: object[];
  responses: Record<string, { content?: Record<string, { schema: Json }> }>;
}

interface Example {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string;
  status: number;
}

/** The requests on the page: blocks of the language `http`, with the status that is to come where it is not 200. */
const EXAMPLES = [...API.matchAll(/^```http(?: (\d{3}))?\n([\s\S]*?)^```$/gm)].map(
  ([, status = "200", text = ""]): Example => {
    const [head = "", ...rest] = text.trimEnd().split("\n\n");
    const [line = "", ...headers] = head.split("\n");
    const [method = "", path = ""] = line.split(" ");
    const named = headers.map((header) => header.split(": ") as [string, string]);
    return {
      method,
      path,
      headers: Object.fromEntries(named),
      body: rest.join("\n\n"),
      status: Number(status),
    };
  },
);

const text = await openApiText();
const DOCUMENT = JSON.parse(text) as Document;
const operations = Object.entries(DOCUMENT.paths).flatMap(([path, item]) =>
  Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
);

/** What an example asks for, as the document names it. */
function operationOf({ method, path }: Example): string | undefined {
  const [bare = ""] = path.split("?");
  return operations.find((operation) => {
    const [verb, pattern = ""] = operation.split(" ");
    const expression = pattern.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+");
    return verb === method && new RegExp(`^${expression}$`).test(bare);
  });
}

describe("docs/openapi.json", () => {
  it("is what the gateway says (npm run docs:openapi)", () => {
    assert.equal(readFileSync(OPENAPI_FILE, "utf8"), text);
  });

  it("is OpenAPI 3.1", () => assert.deepEqual(checkOpenApi(DOCUMENT), []));

  it("is refused by the check where it is not", () => {
    const spoilt: [RegExp, (document: Document) => void][] = [
      [/openapi/, (document) => Object.assign(document, { openapi: "3.0.0" })],
      [
        /no schema Nothing/,
        (document) =>
          Object.assign(document.components.schemas, { X: { $ref: "#/components/schemas/Nothing" } }),
      ],
      [/type/, (document) => Object.assign(document.components.schemas, { X: { type: "text" } })],
      [
        /nullable/,
        (document) => Object.assign(document.components.schemas, { X: { type: "string", nullable: true } }),
      ],
      [
        /parameter id/,
        (document) => Object.assign(document.paths["/v1/claims/{id}"]?.get ?? {}, { parameters: [] }),
      ],
      [/responses/, (document) => Object.assign(document.paths["/healthz"]?.get ?? {}, { responses: {} })],
      [
        /operationId/,
        (document) => Object.assign(document.paths["/healthz"]?.get ?? {}, { operationId: "getStatus" }),
      ],
      [
        /description/,
        (document) => Object.assign(document.paths["/healthz"]?.get?.responses ?? {}, { 200: {} }),
      ],
      [
        /no security scheme/,
        (document) => Object.assign(document.paths["/healthz"]?.get ?? {}, { security: [{ password: [] }] }),
      ],
      [/tag/, (document) => Object.assign(document.paths["/healthz"]?.get ?? {}, { tags: ["unheard of"] })],
    ];
    for (const [what, spoil] of spoilt) {
      const document = structuredClone(DOCUMENT);
      spoil(document);
      assert.match(checkOpenApi(document).join("\n"), what);
    }
  });

  it("says of every operation what access refuses it with", () => {
    const errors = readFileSync(new URL("../../docs/ERRORS.md", import.meta.url), "utf8");
    const section = errors.split("## Access")[1]?.split("\n## ")[0] ?? "";
    const known = [...section.matchAll(/^### (MT-ACC-\d{3})$/gm)].map(([, code = ""]) => code);
    // In the log alone, for what is no request at all, and of streams of events.
    const elsewhere = ["MT-ACC-009", "MT-ACC-010", "MT-ACC-018", "MT-ACC-015", "MT-ACC-017"];
    const asking = known.filter((code) => !elsewhere.includes(code));
    for (const operation of operations) {
      const [method = "", path = ""] = operation.split(" ");
      const described = DOCUMENT.paths[path]?.[method.toLowerCase()] ?? assert.fail(operation);
      const said = JSON.stringify(described.responses);
      const isFree = ["/healthz", "/readyz", "/metrics"].includes(path);
      const wanted =
        method === "POST" ? asking : ["MT-ACC-013", "MT-ACC-014", ...(isFree ? [] : ["MT-ACC-003"])];
      // Where no server is asked nobody waits for a turn, and nothing is streamed.
      const isRunHere = path === "/v1/infer/{model}";
      const missing = wanted.filter(
        (code) => !said.includes(code) && !(isRunHere && ["MT-ACC-019", "MT-ACC-020"].includes(code)),
      );
      assert.deepEqual(missing, [], operation);
      assert.deepEqual(
        described.security,
        method === "POST" ? [{}, { bearer: [] }, { x402: [] }] : undefined,
      );
    }
  });

  it("has every route that the gateway serves, and no other", () => {
    // The page, and the index, which docs/INDEXING.md describes.
    const isElsewhere = (path: string) => isPagePath(path) || path.startsWith(INDEX_PATH);
    const served = describedGateway()
      .routes.filter(({ method, path }) => method !== "ALL" && !isElsewhere(path))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
    assert.deepEqual([...new Set(served)].sort(), operations.toSorted());
  });
});

describe("docs/API.md", () => {
  it("lists every route of the document, and no other", () => {
    const table = API.split("## Routes")[1]?.split("\n## ")[0] ?? "";
    const rows = table.split("\n").filter((row) => row.startsWith("|"));
    const listed = rows.flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`((?:GET|POST) [^`]+)`/g)]);
    assert.deepEqual(listed.map(([, route]) => route).toSorted(), operations.toSorted());
  });

  it("has a request for every route, and every request is one of them", () => {
    const asked = EXAMPLES.map(
      (example) => operationOf(example) ?? assert.fail(`${example.method} ${example.path}`),
    );
    assert.deepEqual([...new Set(asked)].sort(), operations.toSorted());
  });

  it("names codes that ERRORS.md explains, and every code of access", () => {
    const errors = readFileSync(new URL("../../docs/ERRORS.md", import.meta.url), "utf8");
    for (const [code] of API.matchAll(/\bMT-[A-Z]+-\d{3}\b/g))
      assert.ok(errors.includes(`### ${code}\n`), code);
  });
});

describe("a running gateway", () => {
  let world: OpenAiWorld;
  let known: { claimId: Hex; batchId: Hex };

  before(async () => {
    world = await startOpenAiWorld(({ commit }) => {
      commit.maxAgeSeconds = 0;
    });
    const claimId = await askFor(world.relayer.url, 1, "window");
    const batchId = await eventually("the claim to be in a batch", async () => {
      const claim = await fetch(new URL(`/v1/claims/${claimId}`, world.relayer.url));
      return ((await claim.json()) as { batchId?: Hex }).batchId;
    });
    known = { claimId, batchId };
  });

  after(() => world?.close());

  it("describes itself as the copy does", async () => {
    const response = await fetch(new URL("/openapi.json", world.relayer.url));
    assert.deepEqual(await response.json(), DOCUMENT);
  });

  for (const example of EXAMPLES) {
    it(`answers ${example.method} ${example.path.slice(0, 60)} with ${example.status} as described`, async () => {
      const path = example.path.replace("{claimId}", known.claimId).replace("{batchId}", known.batchId);
      const response = await fetch(new URL(path, world.relayer.url), {
        ...{ method: example.method, headers: example.headers },
        ...(example.body ? { body: example.body.replace("{input}", JSON.stringify(sampleInput(1))) } : {}),
      });
      assert.equal(response.status, example.status, response.ok ? "" : await response.clone().text());
      const [method = "", pattern = ""] = (operationOf(example) ?? "").split(" ");
      const described = DOCUMENT.paths[pattern]?.[method.toLowerCase()]?.responses[String(example.status)];
      assert.ok(described, "the status is described");
      const [type = ""] = (response.headers.get("content-type") ?? "").split(";");
      const schema = described.content?.[type]?.schema;
      assert.ok(schema, `${type} is described`);
      if (type === "application/json") return conform(await response.json(), schema);
      if (type !== "text/event-stream") return assert.ok((await response.text()).length > 0);
      if (path.startsWith("/v1/claims")) return readFirst(response);
      const events = createEventReader().push(await response.text());
      assert.equal(events.at(-1), STREAM_END);
    });
  }

  it("serves pages that load nothing from elsewhere and run nothing", async () => {
    const page = await fetch(new URL("/docs", world.relayer.url));
    const policy = page.headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe|script-src|https?:/);
    const html = await page.text();
    assert.doesNotMatch(html, /<script|<img|<link|style="|onclick|@import|url\(/);
    for (const operation of operations) assert.ok(html.includes(operation.split(" ")[1] ?? "?"), operation);
  });

  /** The claim goes on changing: its first event is enough. */
  async function readFirst(response: Response): Promise<void> {
    const events = createEventReader();
    const decoder = new TextDecoder();
    assert.ok(response.body);
    for await (const part of response.body) {
      const [data] = events.push(decoder.decode(part, { stream: true }));
      if (data !== undefined) return conform(JSON.parse(data), { $ref: "#/components/schemas/ClaimReport" });
    }
    assert.fail("the stream ended without an event");
  }
});

/** Holds a value to a schema of the document. */
function conform(value: unknown, schema: Json): void {
  const text = JSON.stringify({ ...schema, $defs: DOCUMENT.components.schemas });
  const alone = JSON.parse(text.replaceAll("#/components/schemas/", "#/$defs/")) as Json;
  const result = zod.z.fromJSONSchema(alone).safeParse(value);
  assert.ok(result.success, result.success ? "" : JSON.stringify(result.error.issues, null, 2));
}
