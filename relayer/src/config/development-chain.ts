// SPDX-License-Identifier: GPL-3.0-or-later

/** Hardhat's and Anvil's chain: no money is at stake there, so plain keys and simulated enclaves are allowed. */
export const DEVELOPMENT_CHAIN_ID = 31_337;
