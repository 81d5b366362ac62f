// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * Exit codes: stable, for scripts and service managers. 3 says that nothing speaks against it and something is not known;
 * 75 (EX_TEMPFAIL) that a restart may help.
 */
export const EXIT = { ok: 0, error: 1, usage: 2, undecided: 3, temporary: 75 } as const;
