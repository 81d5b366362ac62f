// SPDX-License-Identifier: MIT
// npm run deploy -- --network NAME: deploys the protocol and prints a JSON object of addresses.
import hre from "hardhat";
import { addressesOf, deployMeantime } from "./chain/deployment.ts";

const connection = await hre.network.create<"l1">();
const { chainId } = await connection.ethers.provider.getNetwork();
const addresses = await addressesOf(await deployMeantime(connection));
process.stdout.write(`${JSON.stringify({ chainId: Number(chainId), ...addresses }, null, 2)}\n`);
await connection.close();
