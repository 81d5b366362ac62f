// SPDX-License-Identifier: MIT
import { isJsonObject, type JsonValue } from "../canonical-json.ts";

/**
 * What Python's `json.dumps(value, sort_keys=True)` writes: a space after commas and colons, names in the order of their
 * code points, everything but printable ASCII escaped.
 *
 * JSON does not say which numbers Python held as floats: those that are not whole are, and whole ones in the top-level
 * members named in `floats`. An integer that was written as `1.0` elsewhere comes out as `1`.
 */
export function pythonJson(value: JsonValue, floats: readonly string[] = []): string {
  if (typeof value === "string") return asciiString(value);
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : pythonFloat(value);
  if (Array.isArray(value)) return `[${value.map((entry) => pythonJson(entry)).join(", ")}]`;
  if (!isJsonObject(value)) return String(value);
  const members = Object.entries(value)
    .sort(([a], [b]) => compareCodePoints(a, b))
    .map(([name, entry]) => {
      const isFloat = typeof entry === "number" && floats.includes(name);
      return `${asciiString(name)}: ${isFloat ? pythonFloat(entry) : pythonJson(entry)}`;
    });
  return `{${members.join(", ")}}`;
}

/** A float as Python's `repr` writes it: the shortest digits, with an exponent below 1e-4 and from 1e16 on. */
export function pythonFloat(value: number): string {
  const [mantissa = "", exponentText = "0"] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (value !== 0 && (exponent < -4 || exponent >= 16)) {
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  const sign = Object.is(value, -0) ? "-" : "";
  const text = exponent < 0 ? decimal(mantissa, exponent) : String(value);
  return `${sign}${text}${Number.isInteger(value) ? ".0" : ""}`;
}

// String() turns to exponents below 1e-6 only, Python below 1e-4: in between they agree.
function decimal(mantissa: string, exponent: number): string {
  const negative = mantissa.startsWith("-");
  const digits = mantissa.replace(/[-.]/g, "");
  return `${negative ? "-" : ""}0.${"0".repeat(-exponent - 1)}${digits}`;
}

function asciiString(text: string): string {
  return JSON.stringify(text).replace(/[^\x20-\x7e]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function compareCodePoints(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  for (const [at, one] of left.entries()) {
    const other = right[at];
    if (other === undefined) return 1;
    if (one !== other) return (one.codePointAt(0) ?? 0) - (other.codePointAt(0) ?? 0);
  }
  return left.length - right.length;
}
