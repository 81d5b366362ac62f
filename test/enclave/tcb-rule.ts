// SPDX-License-Identifier: MIT
import type { TcbStatusName } from "@meantime/sdk/dcap/tcb-status";
import type { TcbLevel, TdxModule } from "../../relayer/src/attest/simulated/pki/documents.ts";

/** A platform as a quote and its PCK certificate show it. */
export interface Platform {
  sgx: number[];
  pceSvn: number;
  /** Absent for SGX. */
  tdx?: number[];
  /** TD 1.5 reports only. */
  relaunch?: number[];
  qe: "UpToDate" | "OutOfDate" | "Revoked";
}

/**
 * Intel's rule again, from its description and as plainly as it can be said (Intel SGX and TDX attestation, TCB status
 * evaluation; `TcbLevelCheck`, `TdxModuleCheck` and `TDRelaunchCheck` of the quote verification library). "unknown": no
 * level or no module fits.
 */
export function statusByRule(
  levels: TcbLevel[],
  modules: TdxModule[],
  platform: Platform,
): TcbStatusName | "unknown" {
  const reachesSgx = (level: TcbLevel) =>
    level.sgx.every((svn, place) => svn <= at(platform.sgx, place)) && level.pceSvn <= platform.pceSvn;
  const sgxLevel = levels.find(reachesSgx);
  if (!sgxLevel) return "unknown";
  const { tdx, relaunch } = platform;
  if (!tdx) return converge(sgxLevel.status, platform.qe);

  const version = at(tdx, 1);
  const reachesTdx = (level: TcbLevel) =>
    (level.tdx ?? []).every((svn, place) => svn <= at(tdx, place) || (version > 0 && place < 2));
  const level = levels.find((candidate) => reachesSgx(candidate) && reachesTdx(candidate));
  if (!level) return "unknown";

  let moduleStatus = "UpToDate";
  if (version > 0) {
    const module = modules.find((candidate) => candidate.version === version);
    const found = module?.levels.find(({ svn }) => svn <= at(tdx, 0));
    if (!found) return "unknown";
    moduleStatus = found.status;
  }
  let status: string = converge(level.status, moduleStatus);
  if (status === "Revoked") return "Revoked";

  const couldRelaunch =
    relaunch !== undefined &&
    platform.qe === "UpToDate" &&
    !["OutOfDate", "OutOfDateConfigurationNeeded", "Revoked"].includes(sgxLevel.status) &&
    status.startsWith("OutOfDate") &&
    moduleStatus === "OutOfDate";
  if (couldRelaunch) {
    const newest = at(levels, 0).tdx ?? [];
    let newestSvn = at(newest, 0);
    if (at(relaunch, 1) > 0) {
      const module = modules.find((candidate) => candidate.version === at(relaunch, 1));
      if (!module) return "unknown";
      newestSvn = at(module.levels, 0).svn;
    }
    if (at(relaunch, 0) >= newestSvn && at(relaunch, 2) >= at(newest, 2)) {
      const isConfigured = !`${sgxLevel.status}${status}`.includes("Configuration");
      status = isConfigured ? "TDRelaunchAdvised" : "TDRelaunchAdvisedConfigurationNeeded";
    }
  }
  return converge(status, platform.qe);
}

function converge(status: string, part: string): TcbStatusName {
  if (part === "Revoked") return "Revoked";
  if (part === "OutOfDate" && (status === "UpToDate" || status === "SWHardeningNeeded")) return "OutOfDate";
  if (part === "OutOfDate" && status.startsWith("Configuration")) return "OutOfDateConfigurationNeeded";
  return status as TcbStatusName;
}

function at<T>(list: readonly T[], place: number): T {
  const value = list[place];
  if (value === undefined) throw new Error(`nothing at ${place}`);
  return value;
}
