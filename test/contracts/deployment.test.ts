// SPDX-License-Identifier: MIT

import { expect } from "chai";
import { concat, id, toBeHex } from "ethers";
import hre from "hardhat";
import { addressesOf, deployMeantime } from "../../scripts/chain/deployment.ts";
import { parseDeploymentParameters } from "../../scripts/chain/parameters.ts";

const SALT = `0x${"5a".repeat(32)}`;
const PUSH1 = 0x60;
const PUSH20 = 0x73;
const PUSH32 = 0x7f;
const CALLCODE = 0xf2;
const DELEGATECALL = 0xf4;
const SELFDESTRUCT = 0xff;
const INVALID = 0xfe;
const ADDRESS = "0x1111111111111111111111111111111111111111";

describe("Deployment", () => {
  it("with a salt has the same addresses on two chains, whatever the deployer did before", async () => {
    const first = await addressesWithSalt(0);
    const second = await addressesWithSalt(3);
    expect(second).to.deep.equal(first);
  });

  it("R-56 I-16 has code that nobody can change: no proxy, no delegate call but to linked libraries, no self-destruction", async () => {
    const connection = await hre.network.create<"l1">();
    const addresses = await addressesOf(await deployMeantime(connection));
    const codeAt = (address: string) => connection.ethers.provider.getCode(address);
    for (const [name, address] of Object.entries(addresses)) {
      // OpenZeppelin's manager has a multicall, which delegates to itself and to nothing else.
      if (name === "manager") continue;
      const code = await codeAt(address);
      const linked = name === "settlement" ? await linkedInto("Settlement", code) : [];
      // Each delegate call is to a library whose address is part of the code.
      expect(count(code, DELEGATECALL), `${name}: DELEGATECALL`).to.equal(linked.length);
      expectFixed(name, code);
      for (const library of new Set(linked)) {
        const libraryCode = await codeAt(library);
        expect(libraryCode, library).not.to.equal("0x");
        expect(count(libraryCode, DELEGATECALL), `${library}: DELEGATECALL`).to.equal(0);
        expectFixed(library, libraryCode);
      }
    }
    await connection.close();
  });

  it("I-16 has libraries that write nothing when they are called directly", async () => {
    const connection = await hre.network.create<"l1">();
    const [stranger] = await connection.ethers.getSigners();
    const { settlement } = await deployMeantime(connection);
    const code = await connection.ethers.provider.getCode(await settlement.getAddress());
    // Of a batch in the caller's own storage, which is final at second 0 and could be lengthened to second 1.
    const signature = "lengthenChallengeWindow(Book storage,Terms storage,bytes32,bytes32,uint40)";
    const [slots, ids, finalAt] = [[0, 1], [0, 0], 1];
    const call = concat([
      id(signature).slice(0, 10),
      ...[...slots, ...ids, finalAt].map((word) => toBeHex(word, 32)),
    ]);
    const libraries = [...new Set(await linkedInto("Settlement", code))];
    for (const to of libraries) {
      await expect(stranger?.sendTransaction({ to, data: call }), to).to.be.revert(connection.ethers);
    }
    // At another address the code takes itself for a part of that contract: the call is one that it would obey.
    const { deployedBytecode } = await hre.artifacts.readArtifact("Setbacks");
    await connection.networkHelpers.setCode(ADDRESS, deployedBytecode);
    await expect(stranger?.sendTransaction({ to: ADDRESS, data: call })).to.emit(
      settlement.attach(ADDRESS),
      "ChallengeWindowLengthened",
    );
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

function expectFixed(name: string, code: string): void {
  expect(count(code, CALLCODE), `${name}: CALLCODE`).to.equal(0);
  expect(count(code, SELFDESTRUCT), `${name}: SELFDESTRUCT`).to.equal(0);
}

/** The library's address at each place where the contract's code holds one, as the operand of a PUSH20. */
async function linkedInto(contractName: string, code: string): Promise<string[]> {
  const { deployedLinkReferences } = await hre.artifacts.readArtifact(contractName);
  const places = Object.values(deployedLinkReferences)
    .flatMap((inFile) => Object.values(inFile))
    .flat();
  const bytes = Buffer.from(code.slice(2), "hex");
  return places.map(({ start, length }) => {
    expect(bytes[start - 1], "PUSH20").to.equal(PUSH20);
    return `0x${bytes.subarray(start, start + length).toString("hex")}`;
  });
}

/**
 * How often runtime code has an opcode, without the data of PUSH instructions and what stands behind the code: constants
 * and metadata, before which the compiler puts the one INVALID that there is.
 */
function count(code: string, opcode: number): number {
  const bytes = Buffer.from(code.slice(2), "hex");
  let found = 0;
  for (let at = 0; at < bytes.length; at++) {
    const here = bytes[at] ?? 0;
    if (here === INVALID) break;
    if (here === opcode) found++;
    if (here >= PUSH1 && here <= PUSH32) at += here - PUSH1 + 1;
  }
  return found;
}
