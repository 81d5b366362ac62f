// SPDX-License-Identifier: MIT

import { expect } from "chai";
import hre from "hardhat";
import { addressesOf, deployMeantime } from "../../scripts/chain/deployment.ts";
import { parseDeploymentParameters } from "../../scripts/chain/parameters.ts";

const SALT = `0x${"5a".repeat(32)}`;
// How the compiler begins the metadata it appends: a CBOR map of the key "ipfs".
const METADATA_MARK = Buffer.from("a264697066735822", "hex");
const ADDRESS = "0x1111111111111111111111111111111111111111";

describe("Deployment", () => {
  it("with a salt has the same addresses on two chains, whatever the deployer did before", async () => {
    const first = await addressesWithSalt(0);
    const second = await addressesWithSalt(3);
    expect(second).to.deep.equal(first);
  });

  it("R-56 I-16 has code that nobody can change: no proxy, no delegate call, no self-destruction", async () => {
    const connection = await hre.network.create<"l1">();
    const addresses = await addressesOf(await deployMeantime(connection));
    for (const [name, address] of Object.entries(addresses)) {
      // OpenZeppelin's manager has a multicall, which delegates to itself and to nothing else.
      if (name === "manager") continue;
      const code = await connection.ethers.provider.getCode(address);
      expect(opcodesOf(code).has(0xf4), `${name}: DELEGATECALL`).to.equal(false);
      expect(opcodesOf(code).has(0xf2), `${name}: CALLCODE`).to.equal(false);
      expect(opcodesOf(code).has(0xff), `${name}: SELFDESTRUCT`).to.equal(false);
    }
    await connection.close();
  });

  it("takes its parameters from a file and names what is wrong in one", () => {
    const whole = { admin: ADDRESS, curator: ADDRESS, guardian: ADDRESS, curatorDelaySeconds: 60 };
    expect(parseDeploymentParameters(whole, { mustGovern: true })).to.deep.equal(whole);
    expect(parseDeploymentParameters({ quorumStakeWei: "7" }, { mustGovern: false })).to.deep.equal({
      quorumStakeWei: 7n,
    });
    const refused: [object, RegExp][] = [
      [{ admin: ADDRESS }, /curator, parameters\.guardian: name who governs/],
      [{ ...whole, guard: ADDRESS }, /parameters\.guard: there is no such parameter/],
      [{ ...whole, admin: "0x12" }, /invalid address/],
      [{ ...whole, curatorDelaySeconds: -1 }, /curatorDelaySeconds: not a whole number/],
      [{ ...whole, quorumStakeWei: 5 }, /quorumStakeWei: not an amount/],
      [{ ...whole, quorumFounders: [[ADDRESS]] }, /quorumFounders: not pairs/],
      [{ ...whole, salt: "0x01" }, /salt: not 32 bytes/],
      [[], /no object/],
    ];
    for (const [json, message] of refused) {
      expect(() => parseDeploymentParameters(json, { mustGovern: true }), JSON.stringify(json)).to.throw(
        message,
      );
    }
  });
});

async function addressesWithSalt(transactionsBefore: number): Promise<Record<string, string>> {
  const connection = await hre.network.create<"l1">();
  const [deployer] = await connection.ethers.getSigners();
  for (let i = 0; i < transactionsBefore; i++) await deployer?.sendTransaction({ to: ADDRESS, value: 1n });
  const addresses = await addressesOf(await deployMeantime(connection, { salt: SALT }));
  await connection.close();
  return addresses;
}

/** The opcodes of runtime code: data of PUSH instructions, and the compiler's trailing metadata left out. */
function opcodesOf(code: string): Set<number> {
  const bytes = Buffer.from(code.slice(2), "hex");
  const end = bytes.lastIndexOf(METADATA_MARK);
  const opcodes = new Set<number>();
  for (let at = 0; at < (end < 0 ? bytes.length : end); at++) {
    const opcode = bytes[at] ?? 0;
    opcodes.add(opcode);
    if (opcode >= 0x60 && opcode <= 0x7f) at += opcode - 0x5f;
  }
  return opcodes;
}
