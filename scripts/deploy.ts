// SPDX-License-Identifier: MIT
// npm run deploy -- --network NAME: deploys the protocol and prints a JSON object of addresses. MEANTIME_PARAMETERS names a
// JSON file of DeploymentParameters (ignition/parameters/public.example.json is one). On a chain that is not a local one it
// has to say who governs: a forgotten line must not make the deployer's hot key administrator, curator and guardian.
import { readFile } from "node:fs/promises";
import hre from "hardhat";
import { addressesOf, deployMeantime } from "./chain/deployment.ts";
import { parseDeploymentParameters } from "./chain/parameters.ts";

const LOCAL_CHAIN_ID = 31337n;

const connection = await hre.network.create<"l1">();
const { chainId } = await connection.ethers.provider.getNetwork();
const file = process.env.MEANTIME_PARAMETERS;
const json: unknown = file === undefined ? {} : JSON.parse(await readFile(file, "utf8"));
const parameters = parseDeploymentParameters(json, { mustGovern: chainId !== LOCAL_CHAIN_ID });
const addresses = await addressesOf(await deployMeantime(connection, parameters));
process.stdout.write(`${JSON.stringify({ chainId: Number(chainId), ...addresses }, null, 2)}\n`);
await connection.close();
