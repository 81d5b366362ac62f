// SPDX-License-Identifier: GPL-3.0-or-later
// npm run --silent circuits:import -- FILE.onnx [options]: a model specification from an ONNX file.
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { MeantimeError } from "@meantime/sdk/errors";
import { specificationJson } from "../specification-json.ts";
import { importError } from "./error.ts";
import { type ImportOptions, importOnnx } from "./import-onnx.ts";

const HELP = `npm run --silent circuits:import -- FILE.onnx [options]

Writes the model specification that an ONNX network makes.

  --calibration FILE.json  inputs like the model's own, [[element, ...], ...]; needed unless the graph is quantised
  --name NAME              name of the model; the file's own name unless told
  --output FILE            where to write; standard output unless told
  --input-bits N           bits of an input element (8)
  --input-scale N          input steps that make a real 1 (2^input-bits - 1)
  --input-shape 28x28      rows and columns, for a graph that reads a vector
  --weight-bits N          bits of a weight, sign included, where the graph has reals (8)
  --activation-bits N      bits that the largest calibrated value keeps after a ReLU (8)
  --approximate            accept a quantised graph that can only be approximated
  --help                   this text
`;

const { values, positionals } = parseArgs({
  options: {
    calibration: { type: "string" },
    name: { type: "string" },
    output: { type: "string" },
    "input-bits": { type: "string" },
    "input-scale": { type: "string" },
    "input-shape": { type: "string" },
    "weight-bits": { type: "string" },
    "activation-bits": { type: "string" },
    approximate: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const [file] = positionals;
if (values.help || !file) {
  (values.help ? process.stdout : process.stderr).write(HELP);
  process.exit(values.help ? 0 : 1);
}
try {
  const text = specificationJson(importOnnx(readBytes(file), optionsFor(file)));
  if (values.output === undefined) process.stdout.write(text);
  else writeFileSync(values.output, text);
} catch (error) {
  if (!(error instanceof MeantimeError)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\n${error.hint}\n`);
  process.exitCode = 1;
}

function optionsFor(onnxFile: string): ImportOptions {
  const { calibration, name } = values;
  const fileName = basename(onnxFile, ".onnx").toLowerCase();
  return {
    name: name ?? fileName.replace(/^[^a-z]+/, "").replace(/[^a-z0-9]+/g, "_"),
    approximate: values.approximate,
    ...numberOption("inputBits", values["input-bits"]),
    ...numberOption("inputScale", values["input-scale"]),
    ...numberOption("weightBits", values["weight-bits"]),
    ...numberOption("activationBits", values["activation-bits"]),
    ...(values["input-shape"] === undefined
      ? {}
      : { inputShape: values["input-shape"].split("x").map(Number) }),
    ...(calibration === undefined ? {} : { calibration: readJson(calibration) }),
  };
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw importError("options", `cannot read ${path}`, "Give the path of a file that is there.", cause);
  }
}

// What it holds is checked by the import.
function readJson(path: string): number[][] {
  try {
    return JSON.parse(new TextDecoder().decode(readBytes(path)));
  } catch (cause) {
    if (cause instanceof MeantimeError) throw cause;
    throw importError("options", `${path} is not JSON`, "Write a list of lists of integers.", cause);
  }
}

function numberOption(option: string, text: string | undefined): Record<string, number> {
  return text === undefined ? {} : { [option]: Number(text) };
}
