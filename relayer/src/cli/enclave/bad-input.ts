// SPDX-License-Identifier: GPL-3.0-or-later

import { RelayerError } from "../../errors.ts";

/** Files or flags that say nothing about an attestation: the command exits with 2, not with 1 as for a refusal. */
export class BadInputError extends RelayerError {}
