// SPDX-License-Identifier: MIT

/** The statuses of a claim by name, numbered as in `contracts/types/Status.sol`. */
export const STATUS = {
  Unknown: 0,
  Committed: 1,
  Attested: 2,
  Proven: 3,
  Final: 4,
  Challenged: 5,
  Rejected: 6,
  Voided: 7,
} as const;

/** What has happened to one leaf of a batch by name, numbered as `LeafState` in `contracts/types/Leaf.sol`. */
export const LEAF_STATE = {
  Quiet: 0,
  Challenged: 1,
  Answered: 2,
  Rejected: 3,
  Voided: 4,
  Demanded: 5,
  Revealed: 6,
} as const;

/** The name of what has happened to a leaf. */
export type LeafStateName = keyof typeof LEAF_STATE;

/** The name of a status. */
export type StatusName = keyof typeof STATUS;

/** The name of a status number read from the contract. Undefined for a number that is none. */
export function statusName(status: number | bigint): StatusName | undefined {
  return (Object.keys(STATUS) as StatusName[]).find((name) => STATUS[name] === Number(status));
}

/** Whether a claim at `status` stands at `atLeast` or higher on the ladder; never for one that stands aside from it. */
export function stands(status: StatusName, atLeast: StatusName): boolean {
  return STATUS[status] >= STATUS[atLeast] && STATUS[status] <= STATUS.Final;
}
