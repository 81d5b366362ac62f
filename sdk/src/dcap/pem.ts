// SPDX-License-Identifier: MIT
import { MeantimeError } from "../errors.ts";

const BLOCK = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g;

/** The certificates of a PEM text as DER, in order. Throws MT-SDK-652 where there is none or Base64 is broken. */
export function pemToDer(pem: string): Uint8Array[] {
  const blocks = [...pem.matchAll(BLOCK)].map(([, base64 = ""]) => base64.replace(/\s/g, ""));
  if (blocks.length === 0) throw malformed("no certificate in the PEM text");
  return blocks.map((base64) => {
    try {
      return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    } catch (cause) {
      throw malformed("broken Base64 in the PEM text", cause);
    }
  });
}

function malformed(message: string, cause?: unknown): MeantimeError {
  return new MeantimeError("MT-SDK-652", message, {
    hint: "Pass PEM as Intel's service or a quote has it: blocks between BEGIN CERTIFICATE and END CERTIFICATE.",
    cause,
  });
}
