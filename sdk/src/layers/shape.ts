// SPDX-License-Identifier: MIT

/** A block of values. They are stored flat: row by row, in a row pixel by pixel, in a pixel channel by channel. */
export interface Shape {
  height: number;
  width: number;
  channels: number;
}

export function sizeOf({ height, width, channels }: Shape): number {
  return height * width * channels;
}

/** A plain vector: one pixel with `length` channels. */
export function vector(length: number): Shape {
  return { height: 1, width: 1, channels: length };
}

/** Where a value lies in the flat list. */
export function placeOf({ width, channels }: Shape, row: number, column: number, channel: number): number {
  return (row * width + column) * channels + channel;
}

/** How often a window fits a side that it moves along by `stride`: no padding, what is left at the end is dropped. */
export function windowsAlong(side: number, window: number, stride: number): number {
  return side < window ? 0 : Math.floor((side - window) / stride) + 1;
}
