// SPDX-License-Identifier: MIT
import { type Address, concatBytes, type Hex, hexToBytes, keccak256, keccak256Text } from "./hex.ts";
import { encodeWords } from "./words.ts";

/** Where claims settle: what binds a claim id to one chain and one contract. */
export interface SettlementDomain {
  chainId: bigint;
  /** The Settlement contract. */
  settlement: Address;
}

const DOMAIN_TYPEHASH = keccak256Text(
  "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)",
);
const VERSION_HASH = keccak256Text("1");
const TYPED_DATA_PREFIX = Uint8Array.of(0x19, 0x01);

// Every claim id needs the separator; a process meets a handful of domains.
const separators = new Map<string, Uint8Array>();

/** The EIP-712 domain separator for version "1" of a named contract. */
export function domainSeparator(name: string, chainId: bigint, verifyingContract: Address): Hex {
  return keccak256(
    encodeWords(DOMAIN_TYPEHASH, keccak256Text(name), VERSION_HASH, chainId, verifyingContract),
  );
}

/** The EIP-712 digest: keccak256(0x1901 || domain separator || struct hash). */
export function typedDataDigest(
  name: string,
  chainId: bigint,
  verifyingContract: Address,
  structHash: Uint8Array,
): Hex {
  return keccak256(typedDataMessage(name, chainId, verifyingContract, structHash));
}

/** What an EIP-712 digest is the hash of: 0x1901 || domain separator || struct hash. */
export function typedDataMessage(
  name: string,
  chainId: bigint,
  verifyingContract: Address,
  structHash: Uint8Array,
): Uint8Array {
  const key = `${name}:${chainId}:${verifyingContract}`;
  let separator = separators.get(key);
  if (!separator) {
    separator = hexToBytes(domainSeparator(name, chainId, verifyingContract));
    separators.set(key, separator);
  }
  return concatBytes(TYPED_DATA_PREFIX, separator, structHash);
}

/** The digest of a struct in the domain of the Settlement contract. */
export function settlementDigest(domain: SettlementDomain, structHash: Uint8Array): Hex {
  return keccak256(settlementMessage(domain, structHash));
}

/** What the digest of a struct in the domain of the Settlement contract is the hash of. */
export function settlementMessage(domain: SettlementDomain, structHash: Uint8Array): Uint8Array {
  return typedDataMessage("Meantime", domain.chainId, domain.settlement, structHash);
}
