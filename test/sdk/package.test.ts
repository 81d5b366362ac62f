// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { packageSdk } from "../../scripts/package/sdk.ts";

const run = promisify(execFile);
const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const ATTW = join(ROOT, "node_modules/@arethetypeswrong/cli/dist/index.js");

/** Bytes, minified and compressed, of what a page loads that uses one module and nothing else. */
const BUDGETS = JSON.parse(await readFile(join(ROOT, "sdk/size-budgets.json"), "utf8")) as Record<
  string,
  number
>;

let project: string;
let sdk: string;
let modules: string[];

before(async () => {
  project = await mkdtemp(join(tmpdir(), "meantime-package-"));
  sdk = join(project, "node_modules/@meantime/sdk");
  await packageSdk(sdk);
  await symlink(join(ROOT, "node_modules/@noble"), join(project, "node_modules/@noble"));
  await writeFile(join(project, "package.json"), '{"type":"module"}');
  const files = await readdir(sdk, { recursive: true });
  modules = files.filter((file) => file.endsWith(".js")).map((file) => file.slice(0, -".js".length));
});
after(() => rm(project, { recursive: true, force: true }));

describe("the package that is published", () => {
  it("has a module and a declaration for every source, and runs in plain Node", async () => {
    const sources = await readdir(join(ROOT, "sdk/src"), { recursive: true });
    const expected = sources
      .filter((file) => file.endsWith(".ts"))
      .map((file) => file.slice(0, -".ts".length));
    assert.deepEqual(modules.sort(), expected.sort());
    const script = [
      ...modules.map((name) => `await import("@meantime/sdk/${name}");`),
      'const { default: abi } = await import("@meantime/sdk/abi/Settlement", { with: { type: "json" } });',
      "if (!Array.isArray(abi)) throw new Error('no ABI');",
    ];
    await writeFile(join(project, "all.js"), script.join("\n"));
    await run(process.execPath, ["all.js"], { cwd: project });
  });

  for (const [moduleResolution, module] of [
    ["nodenext", "nodenext"],
    ["bundler", "esnext"],
  ]) {
    it(`has types that a strict project of a browser reads by ${moduleResolution}`, async () => {
      const directory = join(project, `types-${moduleResolution}`);
      await mkdir(directory);
      const imports = modules.map((name, at) => `import * as m${at} from "@meantime/sdk/${name}";`);
      const uses = `export const all = [${modules.map((_, at) => `m${at}`).join(", ")}];`;
      await writeFile(join(directory, "all.ts"), [...imports, uses].join("\n"));
      const compilerOptions = {
        ...{ module, moduleResolution, target: "es2022", lib: ["es2023", "dom", "dom.iterable"], types: [] },
        ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true },
      };
      await writeFile(
        join(directory, "tsconfig.json"),
        JSON.stringify({ compilerOptions, include: ["all.ts"] }),
      );
      const compiler = join(
        dirname(createRequire(import.meta.url).resolve("typescript/package.json")),
        "bin/tsc",
      );
      const compiled = run(process.execPath, [compiler, "--project", directory], { cwd: project });
      await assert.doesNotReject(compiled, (error: { stdout?: string }) => assert.fail(error.stdout));
    });
  }

  it("asks nothing of Node: no module, no global", async () => {
    for (const name of modules) {
      const text = await readFile(join(sdk, `${name}.js`), "utf8");
      const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*|`[^`]*`|"[^"\n]*"/g, "");
      assert.doesNotMatch(text, /from "node:|import\("node:|require\(/, name);
      assert.doesNotMatch(code, /\b(Buffer|process|__dirname|setImmediate|globalThis\.global)\b/, name);
    }
    await bundle(
      modules.map((name) => `import * as ${name.replaceAll(/\W/g, "_")} from "@meantime/sdk/${name}";`),
    );
  });

  it("is clean by publint and by attw", async () => {
    const { messages } = await publint({ pkgDir: sdk, strict: true });
    assert.deepEqual(
      messages.map((message) => formatMessage(message, { name: "@meantime/sdk" })),
      [],
    );
    await run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", project], { cwd: sdk });
    const tarball =
      (await readdir(project)).find((file) => file.endsWith(".tgz")) ?? assert.fail("no tarball");
    // Entries of patterns are not found by themselves.
    const entries = modules.flatMap((name) => ["--include-entrypoints", name]);
    const attw = run(
      process.execPath,
      [
        ATTW,
        join(project, tarball),
        "--no-definitely-typed",
        "--profile",
        "esm-only",
        "--format",
        "json",
        ...entries,
      ],
      {
        ...{ cwd: project, maxBuffer: 1 << 28 },
      },
    );
    const { stdout } = await attw.catch((error: { stdout: string }) => error);
    const { analysis } = JSON.parse(stdout) as Attw;
    const problems = analysis.problems.filter(
      ({ kind, resolutionKind }) => !isLeftAside(kind, resolutionKind),
    );
    assert.deepEqual(problems, []);
    const looked = Object.keys(analysis.entrypoints).filter((name) => name !== "./package.json");
    assert.ok(
      looked.length >= modules.length,
      `${looked.length} of ${modules.length} entries were looked at`,
    );
  });

  it("keeps within its budgets, and leaves out what is not used", async () => {
    const sizes: Record<string, number> = {};
    for (const name of Object.keys(BUDGETS)) {
      const code = await bundle([`export * from "@meantime/sdk/${name}";`]);
      sizes[name] = gzipSync(code).length;
    }
    const over = Object.entries(sizes).filter(([name, bytes]) => bytes > (BUDGETS[name] ?? 0));
    assert.deepEqual(over, [], JSON.stringify(sizes));
    const unused = await bundle(modules.map((name) => `import "@meantime/sdk/${name}";`));
    assert.equal(unused.length, 0);
  });
});

/** What `attw --format json` prints. */
interface Attw {
  analysis: {
    entrypoints: Record<string, unknown>;
    problems: { kind: string; resolutionKind?: string; entrypoint?: string }[];
  };
}

/** The profile esm-only: not how CommonJS and Node 10 resolve it. */
function isLeftAside(kind: string, resolutionKind: string | undefined): boolean {
  return kind === "CJSResolvesToESM" || ["node10", "node16-cjs"].includes(resolutionKind ?? "");
}

async function bundle(lines: string[]): Promise<Uint8Array> {
  const built = await build({
    stdin: { contents: lines.join("\n"), resolveDir: project },
    ...{ bundle: true, write: false, minify: true, format: "esm", platform: "browser", target: "es2022" },
    preserveSymlinks: true,
    logLevel: "silent",
  });
  return built.outputFiles[0]?.contents ?? new Uint8Array();
}
