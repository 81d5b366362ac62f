// SPDX-License-Identifier: MIT
import { type P384Signature, p384Call } from "@meantime/sdk/p384-hints";
import { p384 } from "@noble/curves/nist.js";
import { sha384 } from "@noble/hashes/sha2.js";
import { hexlify } from "ethers";
import { certificateOf, documentOf, NOW } from "../relayer/src/attest/simulated/pki/nitro.ts";
import { beginAnew, ethers, networkHelpers } from "../test/enclave/chain.ts";
import { deployNitroVerifier, verifyInTransaction } from "../test/enclave/nitro-world.ts";
import { benchEnclaveClaim } from "./enclave-claim.ts";
import { benchEnclaveDcap } from "./enclave-dcap.ts";

const SIGNATURES = 8;
const BLOCK_BYTES = 128;
const GAS_PER_ZERO_BYTE = 4;

/** Gas of real transactions, intrinsic gas and calldata included; `sha384Block` is what one more block adds to one. */
export async function benchEnclave(): Promise<Record<string, number>> {
  // The first call says where later ones return to.
  await beginAnew();
  return {
    ...{ p384Verify: await p384Verify(), sha384Block: await sha384Block() },
    ...(await nitro()),
    ...(await benchEnclaveDcap()),
    ...(await benchEnclaveClaim()),
  };
}

/** The dearest of a few: chains of hints differ a little in length. */
async function p384Verify(): Promise<number> {
  const verifier = await ethers.deployContract("P384");
  let dearest = 0;
  for (let seed = 1; seed <= SIGNATURES; seed++) {
    const { signed, hints } = p384Call(signatureOf(seed));
    const receipt = await (await verifier.getFunction("verify").send(signed, hints)).wait();
    dearest = Math.max(dearest, Number(receipt?.gasUsed));
  }
  return dearest;
}

async function sha384Block(): Promise<number> {
  const blocks = 32;
  const [sender] = await ethers.getSigners();
  const to = await (await ethers.deployContract("Sha384")).getAddress();
  const gasOf = async (bytes: number) => {
    const receipt = await (
      await sender?.sendTransaction({ to, data: hexlify(new Uint8Array(bytes)) })
    )?.wait();
    return Number(receipt?.gasUsed) - bytes * GAS_PER_ZERO_BYTE;
  };
  return Math.round(((await gasOf((blocks + 1) * BLOCK_BYTES)) - (await gasOf(BLOCK_BYTES))) / blocks);
}

async function nitro(): Promise<Record<string, number>> {
  const verifier = await deployNitroVerifier(certificateOf("root"));
  await networkHelpers.time.increaseTo(NOW);
  const document = documentOf({
    publicKey: new Uint8Array(65).fill(4),
    userData: new Uint8Array(32).fill(7),
    nonce: new Uint8Array(32).fill(9),
  });
  const nitroCold = await verifyInTransaction(verifier, document);
  return { nitroWarm: await verifyInTransaction(verifier, document), nitroCold };
}

function signatureOf(seed: number): P384Signature {
  const secret = sha384(Uint8Array.of(seed));
  const digest = sha384(Uint8Array.of(seed, 1));
  const { r, s } = p384.Signature.fromBytes(p384.sign(digest, secret, { prehash: false }));
  return { digest, r, s, publicKey: p384.Point.fromBytes(p384.getPublicKey(secret)).toAffine() };
}
