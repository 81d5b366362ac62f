// SPDX-License-Identifier: MIT
// npm run deploy -- --network NAME: deploys the protocol and prints a JSON object of addresses. MEANTIME_ADMIN,
// MEANTIME_CURATOR and MEANTIME_GUARDIAN name who governs it; the deployer does where they do not.
import { getAddress } from "ethers";
import hre from "hardhat";
import { addressesOf, type DeploymentParameters, deployMeantime } from "./chain/deployment.ts";

const connection = await hre.network.create<"l1">();
const { chainId } = await connection.ethers.provider.getNetwork();
const addresses = await addressesOf(await deployMeantime(connection, governance()));
process.stdout.write(`${JSON.stringify({ chainId: Number(chainId), ...addresses }, null, 2)}\n`);
await connection.close();

function governance(): DeploymentParameters {
  const named = (["admin", "curator", "guardian"] as const).flatMap((role) => {
    const address = process.env[`MEANTIME_${role.toUpperCase()}`];
    return address ? [[role, getAddress(address)]] : [];
  });
  return Object.fromEntries(named);
}
