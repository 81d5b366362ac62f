// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import type { ChainView } from "../chain/follow.ts";
import type { Reader } from "../ledger/schema.ts";
import type { Services } from "../services.ts";

/** What an indexer works with, in a relayer or alone. */
export interface IndexServices
  extends Pick<Services, "domain" | "ledger" | "rpc" | "contracts" | "clock" | "logger"> {
  startBlock: number;
  /** The contract that holds requests; undefined: none is followed. */
  inferenceRequests: Address | undefined;
  /** Fetch from private and loopback addresses too. */
  allowPrivateAddresses: boolean;
}

/** What answering questions about the index takes. */
export interface IndexReader extends Pick<Services, "domain" | "clock"> {
  ledger: Reader;
  startBlock: number;
  /** The chain as it was seen last; undefined before the first look. */
  view(): Pick<ChainView, "head" | "readUpTo"> | undefined;
  /** Whether the process is to stop: streams end by themselves. */
  isStopping?(): boolean;
}
