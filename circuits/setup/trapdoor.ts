// SPDX-License-Identifier: GPL-3.0-or-later

// INSECURE BY DESIGN. Whoever reads these numbers can forge a proof of anything under keys made from them: they exist so
// that a clone builds its local keys in seconds, the same bytes everywhere. Never use such keys where money is at stake.
export const TAU = 123456789012345678901234567890n;
export const ALPHA = 987654321098765432109876543210n;
export const BETA = 555555555555555555555555555555n;
