/**
 * Dependent quantisation (trellis-coded quantisation; Marcellin and Fischer, IEEE Trans. Comm. 38, 1990, in the form
 * of Schwarz et al., "Hybrid video coding with trellis-coded quantization", DCC 2019, ITU-T H.266 7.3.11.11). Two
 * quantisers take turns: the even multiples of half a step, and zero with the odd ones. Which one a coefficient has
 * follows from the parities of the codes before it, so both ends know it, and the encoder chooses the path through
 * the trellis whose squared error is least (Viterbi). The values that can be reached lie as densely as with half the
 * step, but a code tells only a step: about 1 dB at the same rate.
 */
export const trellisStates = 8

/** Ungerboeck's code of 8 states (IEEE Trans. Inf. Theory 28, 1982, table I), parity check polynomials. */
const checkOfQuantiser = 0o13
const checkOfParity = 0o04

/** State after a code: `nextState[2 * state + (code & 1)]`. A state's lowest bit is its quantiser. */
export const nextState: Uint8Array<ArrayBuffer> = transitions()

function transitions(): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(2 * trellisStates)
  for (let from = 0; from < next.length; from++) {
    const state = from >> 1
    // The polynomials' lowest coefficients (1 and 0) give the quantiser; the others feed the register.
    const quantiser = state & 1 ? checkOfQuantiser >> 1 : 0
    const parity = from & 1 ? checkOfParity >> 1 : 0
    next[from] = (state >> 1) ^ quantiser ^ parity
  }
  return next
}

/** Predecessors of each state, two, as indices of `nextState`. */
const arrivals = Uint8Array.from(
  Array.from({ length: trellisStates }, (_, state) =>
    [...nextState.keys()].filter((from) => nextState[from] === state),
  ).flat(),
)

/** Value in steps of a code of a quantiser. */
export function trellisValue(code: number, quantiser: number): number {
  return code - 0.5 * quantiser * Math.sign(code)
}

/**
 * Codes of values in steps (finite), the path of least squared error from state 0; the final state is free.
 * O(values x states), one byte a value and state for the way back.
 */
export function trellisCodes(values: Float32Array | Float64Array): Int32Array<ArrayBuffer> {
  const count = values.length
  const cameFrom = new Uint8Array(count * trellisStates)
  let costs = new Float64Array(trellisStates).fill(Infinity)
  costs[0] = 0
  let following = new Float64Array(trellisStates)
  // Of the best code of even and odd parity of either quantiser: 2 * quantiser + parity.
  const errors = new Float64Array(4)
  for (let i = 0, at = 0; i < count; i++) {
    const halves = Math.abs(2 * values[i]!)
    for (let branch = 0; branch < 4; branch++) {
      const error = halves - nearest(halves, branch)
      errors[branch] = error * error
    }
    for (let state = 0; state < trellisStates; state++) {
      const first = arrivals[2 * state]!
      const second = arrivals[2 * state + 1]!
      const a = costs[first >> 1]! + errors[branchOf(first)]!
      const b = costs[second >> 1]! + errors[branchOf(second)]!
      following[state] = a <= b ? a : b
      cameFrom[at++] = a <= b ? first : second
    }
    const spent = costs
    costs = following
    following = spent
  }
  let state = costs.indexOf(costs.reduce((least, cost) => Math.min(least, cost)))
  const codes = new Int32Array(count)
  for (let i = count - 1; i >= 0; i--) {
    const from = cameFrom[i * trellisStates + state]!
    const magnitude = (nearest(Math.abs(2 * values[i]!), branchOf(from)) + 1) >> 1
    codes[i] = values[i]! < 0 ? -magnitude : magnitude
    state = from >> 1
  }
  return codes
}

/** Quantiser of the state and parity of the code, of an index of `nextState`. */
function branchOf(from: number): number {
  return (from & 2) | (from & 1)
}

/** The value in half steps nearest to `halves` >= 0 whose code has the branch's quantiser and parity. */
function nearest(halves: number, branch: number): number {
  switch (branch) {
    case 0:
      return 4 * Math.floor((halves + 2) / 4)
    case 1:
      return 4 * Math.floor(halves / 4) + 2
    case 2:
      return halves < 1.5 ? 0 : 4 * Math.floor((halves + 3) / 4) - 1
    default:
      return 4 * Math.floor((halves + 1) / 4) + 1
  }
}
