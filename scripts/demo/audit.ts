// SPDX-License-Identifier: MIT
import { audit } from "../../relayer/src/audit/audit.ts";
import { loadAuditModels } from "../../relayer/src/audit/models.ts";
import type { AuditReport } from "../../relayer/src/audit/report.ts";
import type { LocalStack } from "../stack/local.ts";

/** What an audit of the demo's chain says, without its lists. */
export interface DemoAudit
  extends Pick<AuditReport, "verdict" | "claims" | "data" | "receipts" | "evidence"> {
  /** Names of all findings. */
  findings: string[];
}

/** Audits the demo's chain as `meantime audit` would, while the operators still serve their data. */
export async function auditDemo({ chain, domain }: LocalStack): Promise<DemoAudit> {
  const { verdict, claims, data, receipts, evidence, findingCounts } = await audit({
    ...{ rpcUrl: chain.url, settlement: domain.settlement, at: "latest", allowPrivate: true },
    models: loadAuditModels(undefined),
  });
  return { verdict, claims, data, receipts, evidence, findings: Object.keys(findingCounts) };
}
