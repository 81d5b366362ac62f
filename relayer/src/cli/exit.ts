// SPDX-License-Identifier: GPL-3.0-or-later

/** Exit codes: stable, for scripts and service managers. 75 (EX_TEMPFAIL) says that a restart may help. */
export const EXIT = { ok: 0, error: 1, usage: 2, temporary: 75 } as const;
