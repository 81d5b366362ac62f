// SPDX-License-Identifier: MIT

import {
  type BundleChanges,
  bundle,
  NOW,
  rootCertificate,
} from "../../relayer/src/attest/simulated/pki/intel.ts";
import { beginAnew, networkHelpers } from "./chain.ts";
import { type DcapWorld, deployDcap, enterBundle } from "./dcap-world.ts";

const DEPLOYED_BEFORE_SECONDS = 3600;

/** Contracts on the root of our own PKI, the chain's clock an hour before `NOW`. */
export async function deployOnTestRoot(): Promise<DcapWorld> {
  await beginAnew();
  await networkHelpers.time.setNextBlockTimestamp(NOW - DEPLOYED_BEFORE_SECONDS);
  return deployDcap(rootCertificate());
}

/** The same with everything entered that Intel hands out for one platform. */
export async function ready(tee: "sgx" | "tdx" = "tdx", changes: BundleChanges = {}): Promise<DcapWorld> {
  const world = await deployOnTestRoot();
  await enterBundle(world, bundle(tee, changes));
  return world;
}
