// SPDX-License-Identifier: GPL-3.0-or-later

import { RelayerError, TemporaryError } from "../errors.ts";

/** The job itself fails: its input or its files do not fit the circuit. */
export function noProof(reason: string): RelayerError {
  return new RelayerError(
    "MT-PRV-001",
    `no proof: ${reason}`,
    "Check that wasm, zkey and input fit the model.",
  );
}

/** A proof was computed and is none. */
export function wrongProof(zkey: string): RelayerError {
  return new RelayerError(
    "MT-PRV-005",
    `the proof made with ${zkey} does not verify`,
    "The proving key does not belong to the verification key, or the prover is faulty. Nothing was sent.",
    { zkey },
  );
}

/** The process died under the job; the next one gets a new process. */
export function crashed(reason: string): TemporaryError {
  return new TemporaryError("MT-PRV-006", `the proving process ended: ${reason}`, "Try again.", {
    retryable: true,
  });
}

export function timedOut(milliseconds: number): RelayerError {
  return new RelayerError(
    "MT-PRV-007",
    `no proof within ${milliseconds} ms`,
    "Raise prover.timeoutMilliseconds, or give the machine fewer workers.",
  );
}

export function aborted(): RelayerError {
  return new RelayerError("MT-PRV-008", "the proof was given up", "Ask again if it is still wanted.");
}

export function tooMuchMemory(megabytes: number): RelayerError {
  return new RelayerError(
    "MT-PRV-009",
    `the proving process took more than ${megabytes} MB`,
    "Raise prover.memoryMegabytes where the machine has it.",
  );
}

/** The external binary cannot be used. snarkjs proves in its place. */
export function rapidsnarkUnusable(binary: string, reason: string): RelayerError {
  return new RelayerError(
    "MT-PRV-010",
    `${binary} cannot be used: ${reason}`,
    "snarkjs proves in its place, several times slower. Correct prover.rapidsnark, or remove it.",
    { binary },
  );
}
