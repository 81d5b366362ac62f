// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { createMetrics } from "../../relayer/src/ops/metrics/metrics.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
// Mocha reads its configuration with it; the project itself needs no YAML.
const fromMocha = createRequire(createRequire(import.meta.url).resolve("mocha/package.json"));
const yaml = fromMocha("js-yaml") as { load(text: string): unknown };

interface Dashboard {
  uid: string;
  title: string;
  panels: { title: string; description: string; gridPos: object; targets: { expr: string }[] }[];
}

interface AlertRule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; runbook_url: string };
}

/** What the registry of a daemon prints, the same that `/metrics` serves. */
async function exposed(): Promise<Map<string, string>> {
  const text = await createMetrics().registry.metrics();
  return new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => [name, type]),
  );
}

function metricsOf(expression: string): string[] {
  return expression.match(/\bmeantime_[a-z0-9_]+/g) ?? [];
}

function assertExposed(metrics: ReadonlyMap<string, string>, expression: string, where: string): void {
  const names = metricsOf(expression);
  assert.ok(names.length > 0, `${where} asks for a metric`);
  for (const name of names) {
    const family = name.replace(/_(bucket|count|sum)$/, "");
    const isPart = family !== name && metrics.get(family) === "histogram";
    assert.ok(metrics.has(name) || isPart, `${where}: the daemon has no metric ${name}`);
  }
}

describe("metrics", () => {
  it("are explained, and named with their units", async () => {
    const text = await createMetrics().registry.metrics();
    const helps = [...text.matchAll(/^# HELP (meantime_\S+) (.+)$/gm)];
    assert.ok(helps.length > 40);
    for (const [, name = "", help = ""] of helps) {
      assert.ok(help.length > 5, name);
      assert.doesNotMatch(name, /(milliseconds|_ms|_ether)$/);
    }
    for (const [name, type] of await exposed()) {
      if (type === "counter") assert.match(name, /_(total|seconds_total)$/, name);
      if (type === "histogram") assert.match(name, /_(seconds|bytes)$/, name);
    }
  });
});

describe("dashboards", () => {
  const files = globSync("dashboards/*.json", { cwd: ROOT });

  it("are the five that the docs promise, each with an id of its own", () => {
    assert.equal(files.length, 5);
    const uids = files.map((file) => load(file).uid);
    assert.equal(new Set(uids).size, files.length);
  });

  for (const file of files) {
    it(`${file} asks for metrics that the daemon has`, async () => {
      const metrics = await exposed();
      const { panels } = load(file);
      assert.ok(panels.length >= 8);
      for (const { title, description, targets } of panels) {
        assert.ok(description.length > 0, title);
        for (const { expr } of targets) {
          assertExposed(metrics, expr, `${file}, ${title}`);
          assert.equal(count(expr, "("), count(expr, ")"), expr);
          assert.equal(count(expr, "{"), count(expr, "}"), expr);
        }
      }
    });
  }

  function load(file: string): Dashboard {
    return JSON.parse(readFileSync(`${ROOT}/${file}`, "utf8")) as Dashboard;
  }
});

describe("alert rules", () => {
  const { groups } = yaml.load(readFileSync(`${ROOT}/dashboards/alerts.yaml`, "utf8")) as {
    groups: { name: string; rules: AlertRule[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);

  it("ask for metrics that the daemon has", async () => {
    const metrics = await exposed();
    assert.ok(rules.length >= 15);
    for (const { alert, expr } of rules) assertExposed(metrics, expr, alert);
  });

  it("have a name each, a severity, and a runbook that exists", () => {
    assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
    for (const { alert, labels, annotations } of rules) {
      assert.match(labels.severity, /^(critical|warning)$/, alert);
      assert.ok(annotations.summary.length > 10, alert);
      const [file = "", anchor = ""] = annotations.runbook_url.split("#");
      const headings = [...readFileSync(`${ROOT}/${file}`, "utf8").matchAll(/^#+ (.+)$/gm)].map(
        ([, heading]) => slug(heading ?? ""),
      );
      assert.ok(headings.includes(anchor), `${alert}: ${annotations.runbook_url} leads nowhere`);
    }
  });

  it("R-59 alarm when less than a fifth of an obligation's time is left", () => {
    const rule = rules.find(({ alert }) => alert === "MeantimeDeadlineNear");
    assert.match(rule?.expr ?? "", /meantime_obligation_margin_ratio\) < 0\.2$/);
    assert.equal(rule?.labels.severity, "critical");
  });
});

describe("deployment files", () => {
  const read = (file: string) => readFileSync(`${ROOT}/deploy/${file}`, "utf8");

  it("compose.yaml mounts files that exist and runs the Dockerfile", () => {
    const { services, volumes } = yaml.load(read("compose.yaml")) as {
      services: Record<string, { volumes?: string[]; build?: { context: string; dockerfile: string } }>;
      volumes: Record<string, unknown>;
    };
    assert.ok(readFileSync(`${ROOT}/${services.relayer?.build?.dockerfile}`).length > 0);
    const mounts = Object.values(services).flatMap((service) => service.volumes ?? []);
    for (const mount of mounts) {
      const [source = ""] = mount.split(":");
      if (source === "./config") continue;
      if (source.startsWith(".")) assert.ok(readFileSync(`${ROOT}/deploy/${source}`).length > 0, mount);
      else assert.ok(source in volumes, mount);
    }
  });

  it("the Dockerfile copies folders that exist, and does not run as root", () => {
    const text = read("Dockerfile");
    for (const [, sources = ""] of text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)) {
      for (const source of sources.split(" "))
        assert.ok(globSync(source, { cwd: ROOT }).length === 1, source);
    }
    assert.match(text, /^USER meantime$/m);
  });

  it("the unit is restarted after what may pass, and not after what somebody has to mend", () => {
    const text = read("meantime.service");
    assert.match(text, /^Restart=on-failure$/m);
    assert.match(text, /^RestartPreventExitStatus=1 2$/m);
    assert.match(text, /^TimeoutStopSec=(1[1-9]|[2-9]\d)$/m, "longer than the daemon drains");
  });

  it("prometheus.yaml loads the alert rules", () => {
    const { rule_files: files } = yaml.load(read("prometheus.yaml")) as { rule_files: string[] };
    assert.deepEqual(files, ["alerts.yaml"]);
  });
});

/** As GitHub makes the anchor of a heading. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}
