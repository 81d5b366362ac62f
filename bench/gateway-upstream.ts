// SPDX-License-Identifier: MIT
// A process of its own (see gateway.ts): an upstream that answers every chat completion at once, with as little work as
// can be, so that the gateway is what is measured. It sends its parent the port.
import { type AddressInfo, createServer, type Socket } from "node:net";
import { RequestReader } from "./gateway-wire.ts";

const BODY = JSON.stringify({
  id: "chatcmpl-bench",
  object: "chat.completion",
  created: 1_760_000_000,
  model: "bench-model",
  choices: [
    {
      index: 0,
      message: {
        role: "assistant",
        content:
          "Settlement can wait: the answer is here at once, the receipt binds its giver, and the proof follows in the meantime.",
      },
      finish_reason: "stop",
    },
  ],
  usage: { prompt_tokens: 61, completion_tokens: 27, total_tokens: 88 },
});
const ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(BODY)}\r\n\r\n${BODY}`,
);

const server = createServer({ noDelay: true }, answerAll);
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.once("disconnect", () => process.exit(0));

function answerAll(socket: Socket): void {
  const reader = new RequestReader();
  socket.on("data", (chunk) => {
    for (let left = reader.read(chunk); left > 0; left--) socket.write(ANSWER);
  });
  socket.on("error", () => socket.destroy());
}
