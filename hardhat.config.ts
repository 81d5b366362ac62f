// SPDX-License-Identifier: MIT
import { createRequire } from "node:module";
import hardhatToolboxMochaEthers from "@nomicfoundation/hardhat-toolbox-mocha-ethers";
import { configVariable, defineConfig } from "hardhat/config";

const require = createRequire(import.meta.url);

// The compiler is the npm package: nothing is downloaded from a compiler mirror.
const compiler = { version: "0.8.37", path: require.resolve("solc/soljson.js") };
const settings = {
  evmVersion: "osaka",
  viaIR: true,
  optimizer: { enabled: true, runs: 200 },
  // `npm run snapshots` compares it.
  outputSelection: { "*": { "*": ["storageLayout"] } },
};
// Small contracts on the hot path, far from that limit.
const fast = { ...settings, optimizer: { enabled: true, runs: 100_000 } };
const FAST = [
  ...["BatchRootVerifier", "Groth16Evidence"].map((name) => `contracts/evidence/zk/${name}.sol`),
  "contracts/evidence/tee/EnclaveEvidence.sol",
];
// Arithmetic in assembly: what the IR pipeline makes of it costs several times the gas.
const assembly = { ...settings, viaIR: false, optimizer: { enabled: true, runs: 1_000_000 } };
const ASSEMBLY = ["P384", "P384Tables", "Sha384"].map((name) => `contracts/enclave/crypto/${name}.sol`);
// Without the IR pipeline the contracts have to compile as well; without the optimizer a mutant compiles in seconds.
const legacy = { ...settings, viaIR: false, optimizer: { enabled: true, runs: 1 } };
const quick = { ...legacy, optimizer: { enabled: false } };

// The walks' contracts are large and deploy the protocol as built above: what they are compiled to does not matter.
const harnessSettings = { evmVersion: "osaka", optimizer: { enabled: true, runs: 1 } };
const HARNESSES = [
  ...["ClaimActs", "OtherActs", "TruthEvidence", "Walk", "World"].map((name) => `settlement/${name}.sol`),
  ...["Invariants", "Regressions", "Walk"].map((name) => `settlement/${name}.t.sol`),
  ...["RequestsWalk.sol", "RequestsWorld.sol", "WalkRequester.sol", "Requests.t.sol"].map(
    (file) => `requests/${file}`,
  ),
  ...["QuorumWalk.sol", "QuorumWorld.sol", "Quorum.t.sol"].map((file) => `quorum/${file}`),
].map((file) => `test/solidity/${file}`);

export default defineConfig({
  plugins: [hardhatToolboxMochaEthers],
  solidity: {
    // Keeps test contracts, which are as large as they like, out of what is built to be deployed.
    splitTestsCompilation: true,
    profiles: {
      default: {
        compilers: [{ ...compiler, settings }],
        overrides: Object.fromEntries([
          ...FAST.map((file) => [file, { ...compiler, settings: fast }]),
          ...ASSEMBLY.map((file) => [file, { ...compiler, settings: assembly }]),
          ...HARNESSES.map((file) => [file, { ...compiler, settings: harnessSettings }]),
        ]),
      },
      legacy: { compilers: [{ ...compiler, settings: legacy }] },
      quick: { compilers: [{ ...compiler, settings: quick }] },
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
  // `npx hardhat ignition verify chain-ID` sends the sources to Sourcify, Blockscout and, given a key, Etherscan.
  verify: {
    sourcify: { enabled: true },
    blockscout: { enabled: true },
    etherscan: { apiKey: configVariable("ETHERSCAN_API_KEY") },
  },
  // Generated code follows its generator's rules, not ours.
  typechain: { tsNocheck: true },
  paths: { tests: { mocha: "./test/contracts", solidity: "./test/solidity" } },
  test: {
    mocha: { timeout: 120_000 },
    solidity: {
      blockTimestamp: 1_900_000_000n,
      transactionGasCap: false,
      fuzz: { runs: 5000, maxTestRejects: 10_000 },
      invariant: { failOnRevert: true, shrinkRunLimit: 200 },
    },
  },
});
