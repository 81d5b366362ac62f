// SPDX-License-Identifier: GPL-3.0-or-later
import { MeantimeError } from "@meantime/sdk/errors";

/**
 * What a ceremony refuses. Codes: `MT-CER-001` wrong usage, `MT-CER-002` a powers-of-tau file that is not pinned or too
 * small, `MT-CER-003` a key that does not verify, `MT-CER-004` a file that cannot be read, or would be overwritten,
 * `MT-CER-005` a contribution or beacon that snarkjs does not accept.
 */
export class CeremonyError extends MeantimeError {
  constructor(code: string, message: string, hint: string, details: Record<string, unknown> = {}) {
    super(code, message, { hint, details });
    this.name = "CeremonyError";
  }
}
