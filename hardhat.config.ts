// SPDX-License-Identifier: MIT
import { createRequire } from "node:module";
import hardhatToolboxMochaEthers from "@nomicfoundation/hardhat-toolbox-mocha-ethers";
import { configVariable, defineConfig } from "hardhat/config";

const require = createRequire(import.meta.url);

// The compiler is the npm package: nothing is downloaded from a compiler mirror.
const compiler = { version: "0.8.37", path: require.resolve("solc/soljson.js") };
const settings = { evmVersion: "osaka", viaIR: true, optimizer: { enabled: true, runs: 10_000 } };

export default defineConfig({
  plugins: [hardhatToolboxMochaEthers],
  solidity: {
    profiles: {
      default: { compilers: [{ ...compiler, settings }] },
    },
    npmFilesToBuild: ["@openzeppelin/contracts/access/manager/AccessManager.sol"],
  },
  networks: {
    node: { type: "edr-simulated", chainType: "l1", chainId: 31337, allowBlocksWithSameTimestamp: true },
    local: { type: "http", chainType: "l1", url: "http://127.0.0.1:8545" },
    public: {
      type: "http",
      url: configVariable("MEANTIME_RPC_URL"),
      accounts: [configVariable("MEANTIME_DEPLOYER_KEY")],
    },
  },
  // Generated code follows its generator's rules, not ours.
  typechain: { tsNocheck: true },
  paths: { tests: { mocha: "./test/contracts" } },
  test: { mocha: { timeout: 120_000 } },
});
