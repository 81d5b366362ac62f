// SPDX-License-Identifier: GPL-3.0-or-later

import { readFileSync } from "node:fs";
import type { Routes } from "./openapi/route.ts";

const FILES = [
  { path: "/", file: "index.html", type: "text/html; charset=utf-8" },
  { path: "/explorer.js", file: "explorer.js", type: "text/javascript; charset=utf-8" },
  { path: "/explorer.css", file: "explorer.css", type: "text/css; charset=utf-8" },
] as const;

const FOLDER = new URL("../../../explorer/public/", import.meta.url);

/** The page may load its own script and style and talk to its own origin; nothing else, and nobody may frame it. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Serves the explorer page, read once at start. */
export function servePage(app: Routes): void {
  for (const { path, file, type } of FILES) {
    const body = readFileSync(new URL(file, FOLDER), "utf8");
    app.get(path, (context) =>
      context.body(body, 200, {
        "content-type": type,
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "referrer-policy": "no-referrer",
      }),
    );
  }
}
