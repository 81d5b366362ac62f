// SPDX-License-Identifier: MIT
// node scripts/launch.js FILE [ARGUMENTS]: runs a script of this project on a fresh clone. It works on any Node to say
// which one is needed, and needs no package to install the packages.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const MIN_NODE = [22, 18];
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const EXIT_USAGE = 2;

const [file, ...rest] = process.argv.slice(2);
requireNode();
if (!file) fail("usage: node scripts/launch.js FILE [ARGUMENTS]", EXIT_USAGE);
if (packagesAreStale()) install();
buildPage();

// node:sqlite is stable enough for us and still announces itself as experimental.
const node = ["--disable-warning=ExperimentalWarning", file, ...rest];
const script = spawn(process.execPath, node, { cwd: ROOT, stdio: "inherit" });
// A terminal sends Ctrl-C to the script as well; a supervisor's signal has to be passed on.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => script.kill("SIGTERM"));
script.on("exit", (status) => process.exit(status ?? 1));

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])) return;
  const name = process.env.npm_lifecycle_event ?? "demo";
  fail(
    `Meantime needs Node >= ${MIN_NODE.join(".")}, this is ${process.versions.node}. Run: npx -y -p node@24 npm run ${name}`,
    EXIT_USAGE,
  );
}

// npm writes what it installed into a lockfile of its own: every package of ours must stand there in our version.
function packagesAreStale() {
  const installedFile = new URL("../node_modules/.package-lock.json", import.meta.url);
  if (!existsSync(installedFile)) return true;
  const wanted = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8")).packages;
  const installed = JSON.parse(readFileSync(installedFile, "utf8")).packages;
  return Object.entries(wanted).some(
    ([path, { version, optional, link }]) =>
      path.startsWith("node_modules/") && !optional && !link && installed[path]?.version !== version,
  );
}

function install() {
  process.stderr.write("Installing packages (npm ci) ...\n");
  const npm = process.env.npm_execpath;
  const options = { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] };
  const { status } = npm?.endsWith(".js")
    ? spawnSync(process.execPath, [npm, "ci", "--no-audit", "--no-fund"], options)
    : spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
        ...options,
        shell: process.platform === "win32",
      });
  if (status !== 0) fail("npm ci failed; its messages are above.", 1);
}

// Once there are packages: the relayer serves what this builds.
function buildPage() {
  const arguments_ = [fileURLToPath(new URL("explorer/build.ts", import.meta.url)), "--if-stale"];
  const { status } = spawnSync(process.execPath, arguments_, {
    cwd: ROOT,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) fail("The explorer could not be built; the messages are above.", 1);
}

function fail(message, status) {
  process.stderr.write(`${message}\n`);
  process.exit(status);
}
