// SPDX-License-Identifier: GPL-3.0-or-later

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import { gzipSync } from "node:zlib";
import type { Context, Env, Hono, Schema } from "hono";

const FOLDER = new URL("../../../explorer/dist/", import.meta.url);

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Paths that the page reads itself: a link to one of them gets the page. */
const SECTIONS = [
  "claims",
  "batches",
  "operators",
  "models",
  "policies",
  "challenges",
  "requests",
  "transactions",
  "search",
  "check",
];

/**
 * The page may load its own scripts and styles, compile snarkjs' WebAssembly, and talk to whichever node and index the
 * visitor names; nothing else, and nobody may frame it.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "connect-src 'self' https: http:",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** A year: the name of an asset has the hash of its content. */
const FOR_EVER = "public, max-age=31536000, immutable";
const ASK_AGAIN = "no-cache";

const NOT_BUILT =
  "<!doctype html><title>Meantime</title><p>The page was not built: npm run build:explorer</p>\n";

interface PageFile {
  body: Uint8Array<ArrayBuffer>;
  gzipped: Uint8Array<ArrayBuffer>;
  type: string;
  cache: string;
}

/** Serves the explorer, read once at start. Where it was not built its place says how to. */
export function servePage<E extends Env, S extends Schema, B extends string>(
  app: Hono<E, S, B>,
  folder: URL = FOLDER,
): void {
  const files = readPage(folder);
  for (const [path, file] of files) {
    if (path !== "/index.html") app.get(path, (context) => send(context, file));
  }
  const page = files.get("/index.html") ?? fileOf(Buffer.from(NOT_BUILT), ".html", ASK_AGAIN);
  app.get("/", (context) => send(context, page));
  for (const section of SECTIONS) app.get(`/${section}/*`, (context) => send(context, page));
}

/** Whether a path, or a route's pattern, is one of the page's and none of an interface for programs. */
export function isPagePath(path: string): boolean {
  const [, first = ""] = path.split("/");
  return first === "" || first === "assets" || first === "icon.svg" || SECTIONS.includes(first);
}

function readPage(folder: URL): Map<string, PageFile> {
  if (!existsSync(new URL("index.html", folder))) return new Map();
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) =>
    name.replaceAll("\\", "/"),
  );
  return new Map(
    names
      .filter((name) => extname(name) in TYPES)
      .map((name) => [
        `/${name}`,
        fileOf(
          readFileSync(new URL(name, folder)),
          extname(name),
          name.startsWith("assets/") ? FOR_EVER : ASK_AGAIN,
        ),
      ]),
  );
}

function fileOf(content: Buffer, extension: string, cache: string): PageFile {
  return {
    ...{ body: Uint8Array.from(content), gzipped: Uint8Array.from(gzipSync(content)), cache },
    type: TYPES[extension] ?? "application/octet-stream",
  };
}

function send(context: Context, { body, gzipped, type, cache }: PageFile): Response {
  const isGzip = /\bgzip\b/.test(context.req.header("accept-encoding") ?? "");
  return context.body(isGzip ? gzipped : body, 200, {
    ...{ "content-type": type, "cache-control": cache, vary: "accept-encoding" },
    ...(isGzip ? { "content-encoding": "gzip" } : {}),
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  });
}
