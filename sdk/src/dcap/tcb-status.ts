// SPDX-License-Identifier: MIT

/** The statuses of platforms by Intel's names, numbered as in `contracts/enclave/intel/TcbStatus.sol`. */
export const TCB_STATUSES = {
  UpToDate: 0,
  SWHardeningNeeded: 1,
  ConfigurationNeeded: 2,
  ConfigurationAndSWHardeningNeeded: 3,
  OutOfDate: 4,
  OutOfDateConfigurationNeeded: 5,
  Revoked: 6,
  TDRelaunchAdvised: 7,
  TDRelaunchAdvisedConfigurationNeeded: 8,
} as const;

/** The name of a platform's status. */
export type TcbStatusName = keyof typeof TCB_STATUSES;

/** The name of a status number; undefined for none. */
export function tcbStatusName(status: number | bigint): TcbStatusName | undefined {
  const names = Object.keys(TCB_STATUSES) as TcbStatusName[];
  return names.find((name) => TCB_STATUSES[name] === Number(status));
}

/** The statuses as the bits of `QuotePolicy.statuses`. */
export function tcbStatusBits(names: readonly TcbStatusName[]): number {
  return names.reduce((bits, name) => bits | (1 << TCB_STATUSES[name]), 0);
}
