import type { CutNetwork } from './cut-network.ts'
import { Groups } from './groups.ts'

/**
 * Joins each node that one other node reads alone
 * - with its reader where giving its output costs no less than being given all it reads: then it is on the backend
 *   whenever the reader is (on the edge it must be when the reader is);
 * - with its producer where it costs less, and reads one tensor that nothing else reads: then it is on the edge whenever
 *   the producer is.
 *
 * One of the two holds for every layer of a chain. Each join makes one node less and one new question: O(nodes).
 * @param more What each node costs more on the edge; of groups, the sum is then at the node that names the group.
 */
export function joinedAtPrices(
  { isInput, tensors }: CutNetwork,
  tensorPrices: Float64Array,
  more: Float64Array,
): Groups {
  const { producer, firstReader, readers, isAnswer } = tensors
  const nodes = more.length
  const groups = new Groups(nodes)
  /** By node: what it makes and reads, the only one where the count is 1, and the price of all it reads. */
  const made = new Int32Array(nodes)
  const madeCount = new Int32Array(nodes)
  const read = new Int32Array(nodes)
  const readCount = new Int32Array(nodes)
  const readPrice = new Float64Array(nodes)
  for (let t = 0; t < tensors.count; t++) {
    made[producer[t]!] = t
    madeCount[producer[t]!]! += 1
    for (let i = firstReader[t]!; i < firstReader[t + 1]!; i++) {
      const reader = readers[i]!
      read[reader] = t
      readCount[reader]! += 1
      readPrice[reader]! += tensorPrices[t]!
    }
  }
  const isPrivate = (t: number) => isAnswer[t] === 0 && firstReader[t + 1] === firstReader[t]! + 1
  for (let first = 0; first < nodes; first++) {
    let node = groups.of(first)
    while (isInput[node] === 0 && madeCount[node] === 1 && readCount[node]! > 0 && isPrivate(made[node]!)) {
      const output = made[node]!
      const reader = groups.of(readers[firstReader[output]!]!)
      if (more[node]! + tensorPrices[output]! >= readPrice[node]!) {
        groups.join(node, reader)
        more[reader]! += more[node]!
        // A tensor that both read counts twice: what is joined is then fewer, not wrong.
        readPrice[reader]! += readPrice[node]! - tensorPrices[output]!
        readCount[reader]! += readCount[node]! - 1
        read[reader] = read[node]!
        break
      }
      const input = read[node]!
      if (readCount[node] !== 1 || !isPrivate(input)) break
      const from = groups.of(producer[input]!)
      if (madeCount[from] !== 1) break
      groups.join(node, from)
      more[from]! += more[node]!
      made[from] = output
      // What was joined may now be better off with the reader.
      node = from
    }
  }
  return groups
}
