// SPDX-License-Identifier: GPL-3.0-or-later

/** The body of a streamed answer, as it is written. */
export interface Sink {
  readonly body: ReadableStream<Uint8Array>;
  /** Resolves when there is room for more; at once when nobody reads any more, or nobody is to be waited for. */
  write(text: string): Promise<void>;
  /** From now on no reader is waited for. */
  hurry(): void;
  end(): void;
}

/** What may wait for a slow reader before the upstream has to. */
const ROOM_BYTES = 65_536;

/** A body whose reader may be slow, and may go away. */
export function createSink(): Sink {
  const encoder = new TextEncoder();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let isOver = false;
  let isHurried = false;
  let onRoom: (() => void) | undefined;
  const makeRoom = () => {
    onRoom?.();
    onRoom = undefined;
  };
  const body = new ReadableStream<Uint8Array>(
    {
      start: (given) => {
        controller = given;
      },
      pull: makeRoom,
      cancel: () => {
        isOver = true;
        makeRoom();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: ROOM_BYTES }),
  );
  return {
    body,
    async write(text) {
      if (isOver || text === "") return;
      controller?.enqueue(encoder.encode(text));
      if (isHurried || (controller?.desiredSize ?? 1) > 0) return;
      await new Promise<void>((resolve) => {
        onRoom = resolve;
      });
    },
    hurry() {
      isHurried = true;
      makeRoom();
    },
    end() {
      if (isOver) return;
      isOver = true;
      controller?.close();
    },
  };
}
