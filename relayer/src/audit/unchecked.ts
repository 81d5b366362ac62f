// SPDX-License-Identifier: GPL-3.0-or-later

import { DEVELOPMENT_CHAIN_ID } from "../config/development-chain.ts";
import type { EnclaveReport } from "./attestations.ts";
import type { TallyResult } from "./tally.ts";

/** What an audit knows of what it did. */
interface Done {
  tally: TallyResult;
  enclaves: EnclaveReport;
  isEvidenceJudged: boolean;
  chainId: bigint;
}

/** What an audit did not look at, in sentences: whoever reads "clean" has to know of what. */
export function uncheckedOf({ tally, enclaves, isEvidenceJudged, chainId }: Done): string[] {
  const { unseen, data, receipts, reexecution } = tally;
  const unknownKeys = enclaves.registrations.filter(({ verdict }) => verdict === "cannot tell").length;
  const isSimulated = chainId === BigInt(DEVELOPMENT_CHAIN_ID) && enclaves.registrations.length > 0;
  const lines: [number | boolean, string][] = [
    [!isEvidenceJudged, "No evidence was judged, no document of an enclave verified and no model run again."],
    [unseen, `${unseen} claims were not seen: they count as the chain has them.`],
    [data.private, `${data.private} batches have private data that nobody showed.`],
    [receipts.missing, `${receipts.missing} claims were published without their receipt's signature.`],
    [
      reexecution.unchecked,
      `${reexecution.unchecked} claims were not run again: their model or opening is not at hand.`,
    ],
    [
      isEvidenceJudged && unknownKeys,
      `${unknownKeys} documents of enclaves could not be verified in full: the chain alone has judged them.`,
    ],
    [isSimulated, "This is a development chain: a root whose keys everybody knows counts for its enclaves."],
  ];
  return lines.filter(([applies]) => applies).map(([, line]) => line);
}
