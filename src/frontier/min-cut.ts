/**
 * Minimum cut by Dinic's algorithm: breadth-first levels from the sink, then a blocking flow along them, until the
 * source cannot reach it. O(nodes^2 x arcs) at worst; the networks of layer graphs are long and thin and take far less.
 * Capacities are whole numbers below 2^53, so every sum is exact. Nothing is allocated per phase, and no recursion:
 * paths are hundreds of nodes long.
 * Source: E. A. Dinic, "Algorithm for solution of a problem of maximum flow in networks with power estimation", 1970.
 */

/** Arcs come in pairs: arc `2i` leads from `ends[2i + 1]` to `ends[2i]`, arc `2i + 1` back. */
export interface FlowNetwork {
  readonly nodes: number
  readonly source: number
  readonly sink: number
  readonly ends: ArrayLike<number>
  /** By arc: whole numbers of at least 0. */
  readonly capacities: ArrayLike<number>
  /**
   * By node, whole numbers: paths that only ascend, and then those that only descend, are filled before any levels are
   * looked for. Any order is right; where most paths run along it, few levels are left to look for.
   */
  readonly order?: ArrayLike<number>
}

export interface MinCut {
  readonly value: number
  /** 1 for the nodes on the source's side, of all minimum cuts the one with the fewest. */
  readonly sourceSide: Uint8Array
}

/** Beyond every place in an order. */
const furthest = 2 ** 31 - 1

/** @returns A value of at least the largest arc that must not be cut means that every cut has one. */
export function minCut(network: FlowNetwork): MinCut {
  const { nodes, source, sink, order } = network
  const ends = new Int32Array(network.ends)
  const residual = new Float64Array(network.capacities)
  const { leaving, firstLeaving } = arcsByNode(nodes, ends)
  const level = new Int32Array(nodes)
  const queue = new Int32Array(nodes)
  const next = new Int32Array(nodes)
  const path = new Int32Array(nodes)

  /** Levels count down to the sink: a path along them ends there unless it was filled up since. */
  const findLevels = (): boolean => {
    level.fill(-1)
    level[sink] = 0
    queue[0] = sink
    let filled = 1
    for (let taken = 0; taken < filled && level[source] === -1; taken++) {
      const node = queue[taken]!
      for (let i = firstLeaving[node]!; i < firstLeaving[node + 1]!; i++) {
        const arc = leaving[i]!
        const end = ends[arc]!
        if (residual[arc ^ 1] === 0 || level[end] !== -1) continue
        level[end] = level[node]! + 1
        queue[filled++] = end
      }
    }
    return level[source] !== -1
  }

  /** Fills the paths on which levels descend: from the source to the sink none is left that could take more. */
  const pushAlongLevels = (): number => {
    next.set(firstLeaving.subarray(0, nodes))
    let total = 0
    let node = source
    let length = 0
    for (;;) {
      if (node === sink) {
        let least = Infinity
        for (let i = 0; i < length; i++) least = Math.min(least, residual[path[i]!]!)
        let full = length
        for (let i = length - 1; i >= 0; i--) {
          const arc = path[i]!
          residual[arc]! -= least
          residual[arc ^ 1]! += least
          if (residual[arc] === 0) full = i
        }
        total += least
        // On from where the first full arc begins.
        length = full
        node = ends[path[full]! ^ 1]!
      }
      let arc = -1
      for (; next[node]! < firstLeaving[node + 1]!; next[node]!++) {
        const candidate = leaving[next[node]!]!
        if (residual[candidate] !== 0 && level[ends[candidate]!]! < level[node]!) {
          arc = candidate
          break
        }
      }
      if (arc >= 0) {
        path[length++] = arc
        node = ends[arc]!
      } else if (length === 0) {
        return total
      } else {
        length--
        node = ends[path[length]! ^ 1]!
        next[node]! += 1
      }
    }
  }

  let value = 0
  for (const direction of order === undefined ? [] : [-1, 1]) {
    for (let node = 0; node < nodes; node++) level[node] = direction * order![node]!
    level[source] = furthest
    level[sink] = -furthest
    value += pushAlongLevels()
  }
  while (findLevels()) value += pushAlongLevels()

  const sourceSide = new Uint8Array(nodes)
  sourceSide[source] = 1
  const waiting = [source]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    for (let i = firstLeaving[node]!; i < firstLeaving[node + 1]!; i++) {
      const arc = leaving[i]!
      const end = ends[arc]!
      if (residual[arc] === 0 || sourceSide[end] === 1) continue
      sourceSide[end] = 1
      waiting.push(end)
    }
  }
  return { value, sourceSide }
}

/** Arcs that leave node n: `leaving[firstLeaving[n]]` to before `leaving[firstLeaving[n + 1]]`. */
function arcsByNode(nodes: number, ends: Int32Array) {
  const firstLeaving = new Int32Array(nodes + 1)
  for (let arc = 0; arc < ends.length; arc++) firstLeaving[ends[arc]! + 1]! += 1
  for (let node = 0; node < nodes; node++) firstLeaving[node + 1]! += firstLeaving[node]!
  const leaving = new Int32Array(ends.length)
  const place = firstLeaving.slice()
  for (let arc = 0; arc < ends.length; arc++) {
    const from = ends[arc ^ 1]!
    leaving[place[from]!] = arc
    place[from]! += 1
  }
  return { leaving, firstLeaving }
}
