// SPDX-License-Identifier: MIT
// Fails where the lockfile lacks a platform's package: `npm ci` would refuse it, or break on somebody else's machine.
import { readFileSync } from "node:fs";

interface LockedPackage {
  version?: string;
  link?: boolean;
  integrity?: string;
  optionalDependencies?: Record<string, string>;
}

const lockfile: { packages: Record<string, LockedPackage> } = JSON.parse(
  readFileSync(new URL("../package-lock.json", import.meta.url), "utf8"),
);
const entries = Object.entries(lockfile.packages);
const holes = entries.flatMap(([path, { optionalDependencies = {} }]) =>
  Object.entries(optionalDependencies)
    .filter(
      ([name]) =>
        !(`node_modules/${name}` in lockfile.packages || `${path}/node_modules/${name}` in lockfile.packages),
    )
    .map(([name, version]) => `${name}@${version}, optional for ${path}`),
);
const unverifiable = entries
  .filter(([path, { link, integrity }]) => path.includes("node_modules/") && !link && !integrity)
  .map(([path]) => `${path} has no integrity hash`);

for (const problem of [...holes, ...unverifiable]) process.stderr.write(`package-lock.json: ${problem}\n`);
process.exitCode = holes.length + unverifiable.length > 0 ? 1 : 0;
