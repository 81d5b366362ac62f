// SPDX-License-Identifier: GPL-3.0-or-later
import type { Example } from "./example.ts";
import { type RandomStream, shuffle } from "./random.ts";

/** A network under training: its numbers, and what pulls at them. */
export interface Trainable {
  /** Changed in place by {@link descend}. */
  parameters: Float64Array[];
  /** Adds the gradients of the batch's summed loss, one array a parameter array, and returns that loss. */
  addGradients: (batch: readonly Example[], gradients: readonly Float64Array[]) => number;
}

/** How {@link descend} descends. */
export interface TrainingPlan {
  epochs: number;
  batchSize: number;
  /** Rate of the first step; it falls linearly to zero at the last. */
  learningRate: number;
  momentum: number;
  /** Pull towards zero per step, times the learning rate. Small weights mean tight bounds, hence fewer constraints. */
  weightDecay: number;
  random: RandomStream;
  onEpoch: (epoch: number, meanLoss: number) => void;
}

/** Minibatch descent with momentum. The same examples, plan and random stream give the same bits on every machine. */
export function descend(
  { parameters, addGradients }: Trainable,
  examples: readonly Example[],
  plan: TrainingPlan,
): void {
  const order = Uint32Array.from(examples.keys());
  const velocities = parameters.map((values) => new Float64Array(values.length));
  const gradients = parameters.map((values) => new Float64Array(values.length));
  const stepCount = plan.epochs * Math.ceil(examples.length / plan.batchSize);
  let step = 0;
  for (let epoch = 0; epoch < plan.epochs; epoch++) {
    shuffle(order, plan.random);
    let loss = 0;
    for (let start = 0; start < order.length; start += plan.batchSize) {
      const places = order.subarray(start, start + plan.batchSize);
      const batch = Array.from(places, (place) => examples[place] as Example);
      for (const values of gradients) values.fill(0);
      loss += addGradients(batch, gradients);
      const rate = plan.learningRate * (1 - step++ / stepCount);
      parameters.forEach((values, which) => {
        const slope = gradients[which] as Float64Array;
        const velocity = velocities[which] as Float64Array;
        for (let i = 0; i < values.length; i++) {
          const pull = (slope[i] as number) / batch.length + plan.weightDecay * (values[i] as number);
          velocity[i] = plan.momentum * (velocity[i] as number) - rate * pull;
          values[i] = (values[i] as number) + (velocity[i] as number);
        }
      });
    }
    plan.onEpoch(epoch + 1, loss / order.length);
  }
}
