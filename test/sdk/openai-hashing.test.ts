// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type JsonObject, type JsonValue, parseJson } from "@meantime/sdk/canonical-json";
import { claimId, parseClaim } from "@meantime/sdk/claim";
import { MeantimeError } from "@meantime/sdk/errors";
import { bytesToHex, type Hex, keccak256Text, ZERO_HASH } from "@meantime/sdk/hex";
import { modelId } from "@meantime/sdk/model";
import {
  commitAnswer,
  commitRequest,
  inputBytes,
  opens,
  outputBytes,
  outputPreimage,
} from "@meantime/sdk/openai/commitment";
import {
  answerContent,
  OPENAI_PATHS,
  type OpenAiPath,
  TRANSPORT_MEMBERS,
} from "@meantime/sdk/openai/content";
import { createAnswerFold } from "@meantime/sdk/openai/fold";
import { type OpenAiModel, openAiModelEntry } from "@meantime/sdk/openai/model";
import { OUTPUT_KECCAK, outputFits } from "@meantime/sdk/request";
import { createEventReader, writeEvent } from "@meantime/sdk/server-events";
import fc from "fast-check";
import vectors from "../../docs/vectors/openai-hashing.json" with { type: "json" };

interface Case {
  name: string;
  path: OpenAiPath;
  salt: Hex;
  request: string;
  input: string;
  responses: { body?: string; chunks?: string[] }[];
  output: string;
  inputHash: Hex;
  outputHash: Hex;
  claim: unknown;
  claimId: Hex;
}
const cases = vectors.cases as Case[];
const domain = { chainId: BigInt(vectors.domain.chainId), settlement: vectors.domain.settlement as Hex };

describe("hashes of OpenAI-shaped requests and answers", () => {
  it("are those of the vectors, and so are the claim ids", () => {
    for (const { name, path, salt, request, input, output, ...one } of cases) {
      const body = parseJson(request);
      assert.equal(text(inputBytes({ path, body })), input, name);
      assert.equal(commitRequest({ path, body, salt }), one.inputHash, name);
      for (const response of one.responses.map(whole)) {
        assert.equal(text(outputBytes({ path, response })), output, name);
        assert.equal(commitAnswer({ path, response, salt }), one.outputHash, name);
      }
      const opening = {
        input: new TextEncoder().encode(input),
        salt,
        output: new TextEncoder().encode(output),
      };
      assert.ok(opens(opening, one));
      assert.equal(claimId(domain, parseClaim(one.claim)), one.claimId, name);
    }
    assert.deepEqual(new Set(cases.map(({ path }) => path)), new Set(OPENAI_PATHS));
  });

  it("bind every member of a request, at every depth, its path and its salt", () => {
    for (const { path, salt, request, inputHash } of cases) {
      const body = parseJson(request) as JsonObject;
      for (const changed of mutations(body)) {
        assert.notEqual(commitRequest({ path, body: changed, salt }), inputHash, JSON.stringify(changed));
      }
      for (const other of OPENAI_PATHS) {
        if (other !== path) assert.notEqual(commitRequest({ path: other, body, salt }), inputHash);
      }
      assert.notEqual(commitRequest({ path, body, salt: flipped(salt) }), inputHash);
    }
  });

  it("bind every member of an answer but what is transport", () => {
    for (const { path, salt, responses, outputHash } of cases) {
      for (const response of responses.map(whole)) {
        const content = answerContent(path, response);
        for (const changed of mutations(content)) {
          assert.notEqual(hashOrNone(path, changed, salt), outputHash, JSON.stringify(changed));
        }
        const moved = Object.fromEntries(TRANSPORT_MEMBERS.map((name) => [name, `another ${name}`]));
        assert.equal(
          commitAnswer({ path, response: { ...(response as JsonObject), ...moved }, salt }),
          outputHash,
        );
        assert.notEqual(commitAnswer({ path, response, salt: flipped(salt) }), outputHash);
      }
    }
  });

  it("hide a short answer: the hash of one and the same answer differs by salt, and the answer's salt hides the request's", () => {
    const [{ path, responses, salt, output } = fail()] = cases;
    const response = whole(responses[0] ?? {});
    const preimage = outputPreimage(new TextEncoder().encode(output), salt);
    assert.equal(text(preimage.subarray(64)), output);
    assert.ok(!bytesToHex(preimage).includes(salt.slice(2)));
    assert.ok(outputFits(OUTPUT_KECCAK, commitAnswer({ path, response, salt }), bytesToHex(preimage)));
  });

  it("take no answer that is an error, has no choices, or two of one place", () => {
    const noAnswers: JsonValue[] = [
      [],
      "hello",
      {},
      { choices: [] },
      { choices: {} },
      { choices: [1] },
      { choices: [{ index: 0 }, { index: 0 }] },
      { choices: [{ index: 1 }, {}] },
      { choices: [{ index: "0" }] },
      { choices: [{ index: 0.5 }] },
      { choices: [{ index: 0 }], error: { message: "upstream failed" } },
      { choices: [{ message: { tool_calls: [{ index: 1 }, { index: 1 }] } }] },
    ];
    for (const response of noAnswers) {
      assert.throws(
        () => answerContent("/v1/chat/completions", response),
        (error) => isError(error, "MT-SDK-510"),
        JSON.stringify(response),
      );
    }
  });
});

describe("the registry entry of a model behind a server", () => {
  const model = { name: "llama-3.1", version: 2, weights: "sha256:0123", reexecutable: false };
  const measurement: Hex = `0x${"11".repeat(32)}`;

  it("names interface, name, version and weights by their canonical JSON, and the schemes of these routes", () => {
    const entry = openAiModelEntry({ ...model, measurement });
    const specification = '{"interface":"openai","name":"llama-3.1","version":2,"weights":"sha256:0123"}';
    assert.equal(entry.specHash, keccak256Text(specification));
    assert.equal(entry.inputScheme, keccak256Text("meantime.input.openai.v1"));
    assert.equal(entry.outputScheme, OUTPUT_KECCAK);
    assert.deepEqual([entry.verificationKeyId, entry.measurement], [ZERO_HASH, measurement]);
  });

  it("is proven by an enclave, by re-executors, by both, or by nothing", () => {
    const kindsOf = (more: Partial<OpenAiModel>) =>
      modelId(openAiModelEntry({ ...model, ...more })).slice(-2);
    assert.equal(kindsOf({ measurement }), "02");
    assert.equal(kindsOf({ reexecutable: true }), "04");
    assert.equal(kindsOf({ measurement, reexecutable: true }), "06");
    assert.equal(kindsOf({}), "00");
  });
});

describe("folding a stream", () => {
  it("gives one answer, however its texts are cut into chunks", () => {
    const letters = 'Grüße, 世界! 👩‍🚀 \\ " \n';
    fc.assert(
      fc.property(fc.array(fc.nat(letters.length), { maxLength: 8 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), letters.length];
        const fold = createAnswerFold();
        for (const [at, from] of places.slice(0, -1).entries())
          fold.add({ choices: [{ index: 0, delta: { content: letters.slice(from, places[at + 1]) } }] });
        fold.add({ choices: [{ index: 0, delta: { role: "assistant" }, finish_reason: "stop" }] });
        assert.deepEqual(fold.response(), {
          choices: [{ index: 0, message: { content: letters, role: "assistant" }, finish_reason: "stop" }],
        });
      }),
    );
  });

  it("refuses what clients could read in two ways", () => {
    const streams: JsonValue[][] = [
      [delta({ role: "assistant" }), delta({ role: "user" })],
      [call({ id: "a" }), call({ id: "b" })],
      [call({ function: { name: "delete" } }), call({ function: { name: "_all" } })],
      [finish("stop"), finish("length")],
      [{ model: "one" }, { model: "two" }],
      [delta({ content: "a" }), delta({ content: ["a"] })],
      [delta({ content: ["a"] }), delta({ content: "a" })],
      [delta({ score: 1 }), delta({ score: 2 })],
      [{ choices: [{ index: 0, delta: {}, message: {} }] }],
      [{ choices: ["one"] }],
      ["chunk"],
      [null],
    ];
    for (const chunks of streams) {
      const fold = createAnswerFold();
      assert.throws(
        () => {
          for (const chunk of chunks) fold.add(chunk);
        },
        (error) => isError(error, "MT-SDK-511"),
        JSON.stringify(chunks),
      );
    }
  });

  it("takes what says nothing or the same again", () => {
    const fold = createAnswerFold();
    for (const chunk of [
      { model: "", choices: [] },
      delta({ role: "assistant", content: "" }),
      { model: "one", ...delta({ role: "assistant", content: "a", refusal: null }) },
      { model: "one", ...delta({ role: "", content: null, tool_calls: [] }) },
      finish("stop"),
      { choices: [], usage: { total_tokens: 1 } },
    ]) {
      fold.add(chunk);
    }
    assert.deepEqual(answerContent("/v1/chat/completions", fold.response()), {
      model: "one",
      choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "a" } }],
    });
  });

  it("takes a choice without an index for the one of its place", () => {
    const fold = createAnswerFold();
    for (const content of ["a", "b"]) fold.add({ choices: [{ delta: { content } }] });
    assert.deepEqual(fold.response(), { choices: [{ index: 0, message: { content: "ab" } }] });
  });

  it("shows an error in the stream, so that it is no answer, and takes __proto__ for a name", () => {
    const fold = createAnswerFold();
    fold.add(parseJson('{"choices":[{"index":0,"delta":{"__proto__":{"a":1}}}]}'));
    assert.match(JSON.stringify(fold.response()), /"__proto__":\{"a":1\}/);
    fold.add({ error: { message: "overloaded" } });
    assert.throws(
      () => answerContent("/v1/chat/completions", fold.response()),
      (error) => isError(error, "MT-SDK-510"),
    );
  });
});

describe("server-sent events", () => {
  it("are read the same, however the bytes come", () => {
    const stream =
      "\uFEFF: hello\r\nevent: x\rdata: one\r\n\r\ndata:two\ndata: lines\n\n\ndata\n\nid: 1\n\ndata: unfinished\n";
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 10 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), stream.length];
        const reader = createEventReader();
        const events = places.flatMap((from, at) =>
          reader.push(stream.slice(from, places[at + 1] ?? stream.length)),
        );
        assert.deepEqual(events, ["one", "two\nlines", ""]);
      }),
    );
    assert.deepEqual(createEventReader().push(writeEvent("a\nb") + writeEvent("c")), ["a\nb", "c"]);
  });

  it("come back as they were written: lines end where the standard ends them, and nowhere else", () => {
    const cases: [data: string, read: string][] = [
      ["a\u2028b", "a\u2028b"],
      ["a\u2029b\u2028", "a\u2029b\u2028"],
      ["\u2028", "\u2028"],
      ["a\u0085b\vc\fd", "a\u0085b\vc\fd"],
      ["a\nb", "a\nb"],
      ["a\rb", "a\nb"],
      ["a\r\nb", "a\nb"],
      ["a\n\rb\r", "a\n\nb\n"],
      ["\r\n", "\n"],
      ["", ""],
      [" a", " a"],
    ];
    for (const [data, read] of cases)
      assert.deepEqual(createEventReader().push(writeEvent(data)), [read], JSON.stringify(data));
    const content = { content: "one\u2028two\u2029three" };
    assert.equal(writeEvent(JSON.stringify(content)), `data: ${JSON.stringify(content)}\n\n`);
  });

  it("are read to the last where lines end in \\r alone, and once where a \\r\\n comes in two parts", () => {
    assert.deepEqual(createEventReader().push("data: one\r\rdata: two\r\r"), ["one", "two"]);
    const reader = createEventReader();
    assert.deepEqual(
      ["data: one\r", "", "\ndata: more\r", "\n\r", "\n", "data: two\n\n"].map((part) => reader.push(part)),
      [[], [], [], ["one\nmore"], [], ["two"]],
    );
  });
});

/** The same value with one member or entry changed, added or removed, at every place. */
function* mutations(value: JsonValue): Generator<JsonValue> {
  if (Array.isArray(value)) {
    yield [...value, "added"];
    for (const [at, entry] of value.entries()) {
      yield value.toSpliced(at, 1);
      for (const changed of mutations(entry)) yield value.with(at, changed);
    }
  } else if (typeof value === "object" && value !== null) {
    yield { ...value, added: 1 };
    for (const [name, entry] of Object.entries(value)) {
      const { [name]: _, ...rest } = value;
      // Left out, an index is the place.
      if (name !== "index") yield rest;
      for (const changed of mutations(entry)) yield { ...value, [name]: changed };
    }
  } else yield typeof value === "number" ? value + 1 : `${value}!`;
}

function hashOrNone(path: OpenAiPath, response: JsonValue, salt: Hex): Hex | undefined {
  try {
    return commitAnswer({ path, response, salt });
  } catch (error) {
    assert.ok(isError(error, "MT-SDK-510"));
    return undefined;
  }
}

function whole({ body, chunks = [] }: { body?: string; chunks?: string[] }): JsonValue {
  if (body !== undefined) return parseJson(body);
  const fold = createAnswerFold();
  for (const chunk of chunks) fold.add(parseJson(chunk));
  return fold.response();
}

function delta(members: JsonObject): JsonObject {
  return { choices: [{ index: 0, delta: members }] };
}

function call(members: JsonObject): JsonObject {
  return delta({ tool_calls: [{ index: 0, ...members }] });
}

function finish(reason: string): JsonObject {
  return { choices: [{ index: 0, delta: {}, finish_reason: reason }] };
}

function flipped(salt: Hex): Hex {
  return `${salt.slice(0, -1)}${salt.endsWith("1") ? "2" : "1"}` as Hex;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function fail(): never {
  throw new Error("no vectors");
}

function isError(error: unknown, code: string): error is MeantimeError {
  return error instanceof MeantimeError && error.code === code;
}
