import { expect, test } from 'vitest'
import { runTogether } from '../../src/calibration/run-together.ts'
import type { Executable } from '../../src/executor/engine.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'

const requests = Array.from({ length: 20 }, (_, i): TensorValue[] => [
  { shape: [1, 3], data: Float32Array.of(i, 2 * i, 3 * i) },
])
const doubled = requests.map(([value]) => [...value!.data].map((x) => 2 * x))

/** Doubles each value; `batch` says what it makes of several together. */
function executable(batch: (inputs: readonly TensorValue[]) => TensorValue[] | Promise<TensorValue[]>): {
  readonly executable: Executable
  readonly sizes: number[]
  readonly now: () => number
} {
  const sizes: number[] = []
  let nowMs = 0
  const twice = (inputs: readonly TensorValue[]) =>
    inputs.map(({ shape, data }) => ({ shape, data: data.map((x) => 2 * x) }))
  return {
    sizes,
    now: () => nowMs,
    executable: {
      run: (inputs) => {
        const size = inputs[0]!.shape[0]!
        sizes.push(size)
        // A call takes a moment, whatever its size: together is faster.
        nowMs += 1
        return Promise.resolve(size === 1 ? twice(inputs) : batch(twice(inputs)))
      },
      release: () => Promise.resolve(),
    },
  }
}

async function outputs(run: Awaited<ReturnType<typeof runTogether>>): Promise<number[][]> {
  return (await run(requests)).map(([value]) => [...value!.data])
}

test('runTogether() runs several in one call and gives each its own', async () => {
  const { executable: whole, sizes, now } = executable((values) => [...values])
  const run = await runTogether(whole, requests, now)
  sizes.length = 0
  expect(await outputs(run)).toEqual(doubled)
  expect(sizes).toEqual([8, 8, 4])
})

test.each([
  ['fails', () => Promise.reject<TensorValue[]>(new Error('the batch axis is fixed'))],
  [
    'computes over the batch',
    (values: readonly TensorValue[]) => values.map(({ shape, data }) => ({ shape, data: data.toSorted() })),
  ],
  [
    'forgets the batch axis',
    (values: readonly TensorValue[]) => values.map(({ data }) => ({ shape: [data.length], data })),
  ],
])('runTogether() runs one by one where a batch %s', async (_, batch) => {
  const { executable: whole, sizes, now } = executable(batch)
  const run = await runTogether(whole, requests, now)
  sizes.length = 0
  expect(await outputs(run)).toEqual(doubled)
  expect(sizes).toEqual(requests.map(() => 1))
})
