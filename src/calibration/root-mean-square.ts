/** Over all values of all arrays; never 0. */
export function rootMeanSquare(arrays: readonly Float32Array[]): number {
  let sum = 0
  let count = 0
  for (const array of arrays) {
    for (let i = 0; i < array.length; i++) sum += array[i]! * array[i]!
    count += array.length
  }
  return Math.max(Math.sqrt(sum / count), 1e-20)
}
