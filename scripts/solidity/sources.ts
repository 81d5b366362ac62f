// SPDX-License-Identifier: MIT
// Which of the Solidity files are ours, and which of those carry the protocol.

const NOT_DEPLOYED = /^contracts\/(.+\/)?(interfaces|mocks)\//;
const EXAMPLES = /^contracts\/(.+\/)?examples\//;
// Verifiers of enclaves' documents: they have suites of their own, against genuine documents and mutated ones.
const ATTESTATION = /^contracts\/enclave\/.+\//;

/** What we write and somebody can deploy or inherit: no interfaces, no mocks, nothing from a package. */
export function isOwn(sourceName: string): boolean {
  return sourceName.startsWith("contracts/") && sourceName.endsWith(".sol") && !NOT_DEPLOYED.test(sourceName);
}

/** The contracts that hold money or decide about it: what mutation testing and coverage look at. */
export function isCore(sourceName: string): boolean {
  return isOwn(sourceName) && !EXAMPLES.test(sourceName) && !ATTESTATION.test(sourceName);
}

/** `project/contracts/A.sol` of the compiler is `contracts/A.sol` here; a package's file is none of ours. */
export function sourceNameOf(inputSourceName: string): string | undefined {
  return inputSourceName.startsWith("project/") ? inputSourceName.slice("project/".length) : undefined;
}
