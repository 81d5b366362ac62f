// SPDX-License-Identifier: GPL-3.0-or-later
// The three inner loops of a 3x3 convolution, on one plane of one image each. A plane has `side` x `side` elements, the
// map that the kernel makes of it (side - 2) x (side - 2). Offsets say where kernel, plane and map begin in their arrays.
//
// The nine weights are spelt out: in a loop of their own they would be read again for every pixel, at three times the cost.

/** map += the correlation of `plane` with `kernel`. */
export function addCorrelation(
  kernels: Float64Array,
  kernel: number,
  planes: Float64Array,
  plane: number,
  maps: Float64Array,
  map: number,
  side: number,
): void {
  const k0 = kernels[kernel] as number;
  const k1 = kernels[kernel + 1] as number;
  const k2 = kernels[kernel + 2] as number;
  const k3 = kernels[kernel + 3] as number;
  const k4 = kernels[kernel + 4] as number;
  const k5 = kernels[kernel + 5] as number;
  const k6 = kernels[kernel + 6] as number;
  const k7 = kernels[kernel + 7] as number;
  const k8 = kernels[kernel + 8] as number;
  const mapSide = side - 2;
  for (let row = 0; row < mapSide; row++) {
    let top = plane + row * side;
    let out = map + row * mapSide;
    for (let column = 0; column < mapSide; column++, top++, out++) {
      const middle = top + side;
      const bottom = middle + side;
      maps[out] =
        (maps[out] as number) +
        k0 * (planes[top] as number) +
        k1 * (planes[top + 1] as number) +
        k2 * (planes[top + 2] as number) +
        k3 * (planes[middle] as number) +
        k4 * (planes[middle + 1] as number) +
        k5 * (planes[middle + 2] as number) +
        k6 * (planes[bottom] as number) +
        k7 * (planes[bottom + 1] as number) +
        k8 * (planes[bottom + 2] as number);
    }
  }
}

/** Gradient of the kernel += the correlation of `plane` with the slopes by the map. */
export function addKernelGradient(
  gradients: Float64Array,
  kernel: number,
  planes: Float64Array,
  plane: number,
  slopes: Float64Array,
  map: number,
  side: number,
): void {
  let g0 = 0;
  let g1 = 0;
  let g2 = 0;
  let g3 = 0;
  let g4 = 0;
  let g5 = 0;
  let g6 = 0;
  let g7 = 0;
  let g8 = 0;
  const mapSide = side - 2;
  for (let row = 0; row < mapSide; row++) {
    let top = plane + row * side;
    let at = map + row * mapSide;
    for (let column = 0; column < mapSide; column++, top++, at++) {
      const slope = slopes[at] as number;
      if (slope === 0) continue;
      const middle = top + side;
      const bottom = middle + side;
      g0 += slope * (planes[top] as number);
      g1 += slope * (planes[top + 1] as number);
      g2 += slope * (planes[top + 2] as number);
      g3 += slope * (planes[middle] as number);
      g4 += slope * (planes[middle + 1] as number);
      g5 += slope * (planes[middle + 2] as number);
      g6 += slope * (planes[bottom] as number);
      g7 += slope * (planes[bottom + 1] as number);
      g8 += slope * (planes[bottom + 2] as number);
    }
  }
  const sums = [g0, g1, g2, g3, g4, g5, g6, g7, g8];
  for (const [at, sum] of sums.entries()) gradients[kernel + at] = (gradients[kernel + at] as number) + sum;
}

/** Slopes by the plane += the full convolution of the slopes by the map with `kernel`. */
export function addPlaneSlopes(
  kernels: Float64Array,
  kernel: number,
  planeSlopes: Float64Array,
  plane: number,
  slopes: Float64Array,
  map: number,
  side: number,
): void {
  const mapSide = side - 2;
  for (let k = 0; k < 9; k++) {
    const weight = kernels[kernel + k] as number;
    const offset = plane + Math.floor(k / 3) * side + (k % 3);
    for (let row = 0; row < mapSide; row++) {
      let to = offset + row * side;
      let at = map + row * mapSide;
      for (let column = 0; column < mapSide; column++, to++, at++) {
        planeSlopes[to] = (planeSlopes[to] as number) + weight * (slopes[at] as number);
      }
    }
  }
}
