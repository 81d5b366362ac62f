// SPDX-License-Identifier: MIT
import { p256 } from "@noble/curves/nist.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { MeantimeError } from "./errors.ts";
import type { EnclaveDomain } from "./evidence.ts";
import {
  type Address,
  asAddress,
  asHex32,
  asHexOf,
  bytesToHex,
  concatBytes,
  type Hex,
  hexToBytes,
  keccak256,
  keccak256Bytes,
  keccak256Text,
} from "./hex.ts";
import { encodeWords } from "./words.ts";

/** Kinds of enclaves' keys, as `IEnclaveRegistry.KeyKind` numbers them. */
export const ENCLAVE_KEY_KINDS = { secp256k1: 0, p256: 1 } as const;

/** Kinds of platforms, as `IEnclaveRegistry.PlatformKind` numbers them. */
export const ENCLAVE_PLATFORMS = { nitro: 0, sgx: 1, tdx: 2 } as const;

export type EnclaveKeyKind = keyof typeof ENCLAVE_KEY_KINDS;
export type EnclavePlatform = keyof typeof ENCLAVE_PLATFORMS;

/** The key with which an enclave signs attestations. */
export interface EnclavePublicKey {
  kind: EnclaveKeyKind;
  x: bigint;
  y: bigint;
}

/** The recent block that shows a binding to be fresh: no more than 256 back, and not the one that is being made. */
export interface ChallengeBlock {
  number: bigint;
  hash: Hex;
}

const BINDING_TYPEHASH = keccak256Text(
  "MeantimeEnclaveBinding(uint256 chainId,address enclaves,uint8 kind,uint256 x,uint256 y,uint256 blockNumber,bytes32 blockHash)",
);
const NONCE_TYPEHASH = keccak256Text(
  "MeantimeEnclaveNonce(uint256 chainId,address enclaves,uint8 kind,uint256 x,uint256 y,bytes32 nonce)",
);
const KEY_TYPEHASH = keccak256Text("MeantimeEnclaveKey(uint8 kind,bytes32 handle)");
const NITRO_TYPEHASH = keccak256Text("MeantimeNitroMeasurement(uint32 pcrs,bytes32[] hashes)");
const INTEL_TYPEHASH = keccak256Text("MeantimeIntelMeasurement(uint8 platform,bytes32 report)");

const IMAGE_PCRS = [0, 1, 2];
const PCRS = 32;
const PCR_BYTES = 48;
const COORDINATE_BYTES = 32;
const SIGNATURE_BYTES = { secp256k1: 65, p256: 64 } as const;
/** SHA-256 as a multihash: code 0x12, 32 bytes. */
const MULTIHASH_HEAD = Uint8Array.of(0x12, 0x20);

/** Reads a point in SEC1 form, 33 or 65 bytes. Throws MT-SDK-660 for what is no point of the curve. */
export function parseEnclavePublicKey(kind: EnclaveKeyKind, sec1: Uint8Array): EnclavePublicKey {
  const { Point } = kind === "p256" ? p256 : secp256k1;
  try {
    return { kind, ...Point.fromBytes(sec1).toAffine() };
  } catch (cause) {
    throw new MeantimeError("MT-SDK-660", `not a public key of ${kind}`, {
      hint: "Pass the point in SEC1 form: 04 and both coordinates, or 02 or 03 and x.",
      cause,
    });
  }
}

/** The key in SEC1 form without compression, 65 bytes: what a Nitro document may carry as `public_key`. */
export function encodeEnclavePublicKey({ x, y }: EnclavePublicKey): Uint8Array {
  return concatBytes(Uint8Array.of(4), encodeWords(x, y));
}

/** By what the registry calls a key: its kind, and its address (secp256k1) or the hash of both coordinates (P-256). */
export function enclaveKeyId(key: EnclavePublicKey): Hex {
  const hash = keccak256Bytes(encodeWords(key.x, key.y));
  return key.kind === "p256" ? keyIdOf("p256", bytesToHex(hash)) : enclaveKeyIdOf(bytesToHex(hash.slice(12)));
}

/** The id of a secp256k1 key by its address. Throws MT-SDK-002 for what is none. */
export function enclaveKeyIdOf(address: Address): Hex {
  return keyIdOf("secp256k1", asAddress(address, "address"));
}

/**
 * What a document must say for the registry to take a key: it ties the key to one chain, one registry and a moment. Nitro
 * puts it into `user_data`, alone or as nitriding's application hash; SGX and TDX into the report data.
 */
export function enclaveKeyBinding(domain: EnclaveDomain, key: EnclavePublicKey, block: ChallengeBlock): Hex {
  return keccak256(
    encodeWords(
      ...[BINDING_TYPEHASH, domain.chainId, domain.enclaveEvidence],
      ...[ENCLAVE_KEY_KINDS[key.kind], key.x, key.y],
      ...[block.number, asHex32(block.hash, "hash")],
    ),
  );
}

/**
 * What a document says that an enclave is asked for now: it ties the enclave's key to a nonce of whoever asks. Never a binding
 * for the registry, whatever the nonce. Throws MT-SDK-002 for a nonce that is not 32 bytes.
 */
export function enclaveNonceBinding(domain: EnclaveDomain, key: EnclavePublicKey, nonce: Hex): Hex {
  return keccak256(
    encodeWords(
      ...[NONCE_TYPEHASH, domain.chainId, domain.enclaveEvidence],
      ...[ENCLAVE_KEY_KINDS[key.kind], key.x, key.y],
      asHex32(nonce, "nonce"),
    ),
  );
}

/** The 64 bytes of report data that an SGX enclave or a TDX domain asks its quote for. */
export function intelReportData(binding: Hex): Uint8Array {
  return concatBytes(hexToBytes(asHex32(binding, "binding")), new Uint8Array(COORDINATE_BYTES));
}

/** The 68 bytes of `user_data` that nitriding writes: the hashes of its TLS key and of what the application gave it. */
export function nitridingUserData(tlsKeyHash: Hex, binding: Hex): Uint8Array {
  const multihash = (hash: Hex, field: string) =>
    concatBytes(MULTIHASH_HEAD, hexToBytes(asHex32(hash, field)));
  return concatBytes(multihash(tlsKeyHash, "tlsKeyHash"), multihash(binding, "binding"));
}

/** The bit set of some PCRs, as an entry of the allow-list has it. Throws MT-SDK-661 where 0, 1 or 2 is not among them. */
export function pcrSet(selected: readonly number[] = IMAGE_PCRS): number {
  const isWhole = selected.every((pcr) => Number.isInteger(pcr) && pcr >= 0 && pcr < PCRS);
  if (!isWhole || !IMAGE_PCRS.every((pcr) => selected.includes(pcr))) {
    throw badPcrs(`${selected.join(", ")} cannot be what an image is measured by`);
  }
  return selected.reduce((set, pcr) => (set | (1 << pcr)) >>> 0, 0);
}

/**
 * The measurement of a Nitro enclave that models and the allow-list name. @param pcrs by number, 48 bytes each @param
 * selected which ones count: 0, 1 and 2 always. Throws MT-SDK-661 where one of them is absent or zero.
 */
export function nitroMeasurement(
  pcrs: ReadonlyMap<number, Uint8Array>,
  selected: readonly number[] = IMAGE_PCRS,
): Hex {
  const set = pcrSet(selected);
  const ascending = [...new Set(selected)].sort((a, b) => a - b);
  const hashes = ascending.map((pcr) => {
    const value = pcrs.get(pcr);
    if (value?.length !== PCR_BYTES || value.every((byte) => byte === 0)) {
      throw badPcrs(`PCR${pcr} is absent or zero`);
    }
    return keccak256(value);
  });
  return keccak256(encodeWords(NITRO_TYPEHASH, set, ...hashes));
}

/** The measurement of an SGX enclave or a TDX domain, of what `readReport` calls `measurement`. */
export function intelMeasurement(tee: "sgx" | "tdx", reportMeasurement: Hex): Hex {
  const words = [INTEL_TYPEHASH, ENCLAVE_PLATFORMS[tee], asHex32(reportMeasurement, "reportMeasurement")];
  return keccak256(encodeWords(...words));
}

/**
 * The evidence bytes of an enclave's signature. @param signature over `claimAttestationDigest` or
 * `batchAttestationDigest`: r, s and v (65 bytes) of a secp256k1 key, r and s (64 bytes) of a P-256 key, behind which its
 * coordinates are put. Throws MT-SDK-002 for another length.
 */
export function encodeEnclaveEvidence(key: EnclavePublicKey, signature: Hex): Hex {
  const exact = asHexOf(signature, SIGNATURE_BYTES[key.kind], "signature");
  return key.kind === "p256" ? bytesToHex(concatBytes(hexToBytes(exact), encodeWords(key.x, key.y))) : exact;
}

/**
 * Signs a digest with a P-256 key: r and s, 64 bytes. Throws MT-SDK-105 for what is no private key, MT-SDK-002 for a
 * digest that is not 32 bytes.
 */
export function signDigestP256(privateKey: Hex, digest: Hex): Hex {
  // The error must not show the value: a key with a slip in it is still a secret.
  const secret = /^0x[0-9a-fA-F]{64}$/.test(privateKey) ? hexToBytes(privateKey) : new Uint8Array();
  if (!p256.utils.isValidSecretKey(secret)) {
    throw new MeantimeError("MT-SDK-105", "not a private key of p256", {
      hint: "Pass 0x and 64 hexadecimal digits, neither zero nor beyond the order of the curve.",
    });
  }
  return bytesToHex(p256.sign(hexToBytes(asHex32(digest, "digest")), secret, { prehash: false }));
}

function keyIdOf(kind: EnclaveKeyKind, handle: Hex): Hex {
  return keccak256(encodeWords(KEY_TYPEHASH, ENCLAVE_KEY_KINDS[kind], handle));
}

function badPcrs(why: string): MeantimeError {
  return new MeantimeError("MT-SDK-661", why, {
    hint: "Select PCR0, PCR1 and PCR2 at least, of an enclave that does not run in debug mode.",
  });
}
