import type { OnnxNode } from './onnx-file.ts'

/**
 * Joins nodes between which goes what cannot cross (sequences, tensors of variable size), so that the rest can be cut
 * anywhere: who makes such a value and who reads it end up in one group, with all that lies on a way between two of
 * a group. These are the strongly connected components of the graph in which such values also lead backwards (Tarjan,
 * SIAM Journal on Computing 1972, iterative). O(nodes + values).
 * @param nodes In topological order.
 * @returns Groups in a topological order, which is the nodes' own where nothing is joined; nodes in theirs.
 */
export function joinNodes(nodes: readonly OnnxNode[], canCross: (value: string) => boolean): OnnxNode[][] {
  const maker = new Map(nodes.flatMap(({ writes }, index) => writes.map((value) => [value, index] as const)))
  const next = nodes.map((): number[] => [])
  const ahead = nodes.map((): number[] => [])
  for (const [index, { reads }] of nodes.entries()) {
    for (const value of reads) {
      const source = maker.get(value)
      if (source === undefined) continue
      next[source]!.push(index)
      ahead[source]!.push(index)
      if (!canCross(value)) next[index]!.push(source)
    }
  }
  const group = components(next)
  return inOrder(nodes, group, ahead)
}

/** @returns Number of each node's strongly connected component. */
function components(next: readonly (readonly number[])[]): Int32Array {
  const count = next.length
  const component = new Int32Array(count).fill(-1)
  const visited = new Int32Array(count).fill(-1)
  const lowest = new Int32Array(count)
  const open: number[] = []
  let visits = 0
  let found = 0
  for (let root = 0; root < count; root += 1) {
    if (visited[root]! >= 0) continue
    const stack = [{ node: root, edge: 0 }]
    while (stack.length > 0) {
      const top = stack.at(-1)!
      const { node } = top
      if (top.edge === 0) {
        visited[node] = visits
        lowest[node] = visits
        visits += 1
        open.push(node)
      }
      const target = next[node]![top.edge]
      top.edge += 1
      if (target !== undefined) {
        if (visited[target]! < 0) stack.push({ node: target, edge: 0 })
        else if (component[target]! < 0) lowest[node] = Math.min(lowest[node]!, visited[target]!)
        continue
      }
      stack.pop()
      const above = stack.at(-1)
      if (above !== undefined) lowest[above.node] = Math.min(lowest[above.node]!, lowest[node]!)
      if (lowest[node] !== visited[node]) continue
      let member: number
      do {
        member = open.pop()!
        component[member] = found
      } while (member !== node)
      found += 1
    }
  }
  return component
}

/** Groups are taken as soon as all they read from are, the one with the earliest node first. */
function inOrder(
  nodes: readonly OnnxNode[],
  group: Int32Array,
  ahead: readonly (readonly number[])[],
): OnnxNode[][] {
  const members = new Map<number, number[]>()
  for (const index of nodes.keys()) {
    const list = members.get(group[index]!)
    if (list === undefined) members.set(group[index]!, [index])
    else list.push(index)
  }
  const waiting = new Map<number, number>()
  for (const [index, readers] of ahead.entries()) {
    for (const reader of readers) {
      if (group[reader] !== group[index]) waiting.set(group[reader]!, (waiting.get(group[reader]!) ?? 0) + 1)
    }
  }
  const ready = [...members.keys()].filter((id) => !waiting.has(id))
  const first = (id: number): number => members.get(id)![0]!
  const order: OnnxNode[][] = []
  while (ready.length > 0) {
    const id = ready.reduce((best, each) => (first(each) < first(best) ? each : best))
    ready.splice(ready.indexOf(id), 1)
    order.push(members.get(id)!.map((index) => nodes[index]!))
    for (const reader of members.get(id)!.flatMap((index) => ahead[index]!)) {
      const target = group[reader]!
      if (target === id) continue
      const left = waiting.get(target)! - 1
      waiting.set(target, left)
      if (left === 0) ready.push(target)
    }
  }
  return order
}
