/**
 * Biconnected components of an undirected graph (Hopcroft and Tarjan, CACM 16(6), 1973): maximal sets of edges any
 * two of which lie on a common simple cycle; a bridge is a component of its own. Depth-first with an explicit stack,
 * as networks have paths of more than a thousand layers. O(nodes + edges) time and space.
 */

export type UndirectedEdge = readonly [number, number]

/**
 * @param nodes number of nodes; edges join `0 .. nodes - 1`, without loops and without doubles.
 * @returns components as lists of indices into `edges`, in the order in which the search completes them.
 */
export function biconnectedComponents(nodes: number, edges: readonly UndirectedEdge[]): number[][] {
  const incident: number[][] = Array.from({ length: nodes }, () => [])
  for (const [index, [a, b]] of edges.entries()) {
    incident[a]!.push(index)
    incident[b]!.push(index)
  }
  const components: number[][] = []
  // 0 means not visited; `low` is the earliest node reached from a node's subtree by one more edge.
  const visit = new Int32Array(nodes)
  const low = new Int32Array(nodes)
  const next = new Int32Array(nodes)
  const entered = new Int32Array(nodes).fill(-1)
  const openEdges: number[] = []
  let clock = 0
  for (let root = 0; root < nodes; root++) {
    if (visit[root] !== 0) continue
    visit[root] = low[root] = ++clock
    const path = [root]
    while (path.length > 0) {
      const node = path.at(-1)!
      const edge = incident[node]![next[node]!++]
      if (edge === undefined) {
        path.pop()
        const parent = path.at(-1)
        if (parent === undefined) continue
        low[parent] = Math.min(low[parent]!, low[node]!)
        if (low[node]! < visit[parent]!) continue
        // No way around `parent`: what was opened since the edge to `node` is one component.
        components.push(openEdges.splice(openEdges.lastIndexOf(entered[node]!)))
        continue
      }
      if (edge === entered[node]) continue
      const [a, b] = edges[edge]!
      const other = a === node ? b : a
      if (visit[other] === 0) {
        visit[other] = low[other] = ++clock
        entered[other] = edge
        openEdges.push(edge)
        path.push(other)
      } else if (visit[other]! < visit[node]!) {
        openEdges.push(edge)
        low[node] = Math.min(low[node]!, visit[other]!)
      }
    }
  }
  return components
}
