// SPDX-License-Identifier: MIT
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const USUAL_PATHS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/snap/bin/chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Starts Chromium without a window. Throws, saying what to install, where there is none. */
export async function startBrowser(): Promise<Browser> {
  // Containers run as root, which Chromium's sandbox refuses; what is opened here is ours alone.
  return chromium.launch({
    executablePath: chromiumPath(),
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

function chromiumPath(): string {
  const named = process.env.CHROMIUM;
  const found = named ?? USUAL_PATHS.find((path) => existsSync(path));
  if (found !== undefined && existsSync(found)) return found;
  throw new Error(
    "The explorer's tests need Chromium, and there is none: install it (Debian: apt-get install chromium), or set CHROMIUM to its path.",
  );
}
