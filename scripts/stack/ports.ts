// SPDX-License-Identifier: MIT
import { once } from "node:events";
import { createServer } from "node:net";

/** Whether somebody listens on this port of the loopback address already. */
export async function isPortTaken(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    await once(probe.listen(port, "127.0.0.1"), "listening");
    return false;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") return true;
    throw error;
  } finally {
    probe.close();
  }
}
