// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import type { Page } from "playwright-core";

/** Where photographs of pages go. */
export const SCREENSHOTS = fileURLToPath(new URL("../../artifacts/screenshots/", import.meta.url));

export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 390, height: 844 };

/** At a desk and in light, then on a phone and in the dark: no page is wider than the screen. @param look at each of them */
export async function photograph(
  page: Page,
  name: string,
  look: (device: string) => Promise<void> = async () => undefined,
): Promise<void> {
  for (const [device, viewport, colorScheme] of [
    ["desktop", DESKTOP, "light"],
    ["phone", PHONE, "dark"],
  ] as const) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `${SCREENSHOTS}${name}-${device}.png`, fullPage: true });
    const width = Number(await page.evaluate("document.documentElement.scrollWidth"));
    assert.ok(width <= viewport.width, `${name} is ${width} wide on a ${device}`);
    await look(device);
  }
}

/** What axe finds, in short. */
export async function axeFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate("axe.run()")) as {
    violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
  };
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
}
