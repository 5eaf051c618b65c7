import type { OnnxFile, OnnxNode } from './onnx-file.ts'

/**
 * Nodes in an order in which each reads only what nodes before it give. An order that is so already stays as it is.
 * O(nodes + values).
 * @throws {TypeError} for a cycle, a value given twice, or one that nothing gives, naming layer, type and file.
 */
export function sortNodes(file: OnnxFile): OnnxNode[] {
  const { path, nodes, constants, inputs } = file
  const given = new Set([...constants.keys(), ...inputs.map(({ name }) => name)])
  const maker = new Map<string, OnnxNode>()
  for (const node of nodes) {
    for (const value of node.writes) {
      if (maker.has(value) || given.has(value))
        throw nodeError(file, node, `must give values of its own, '${value}' is given twice`)
      maker.set(value, node)
    }
  }
  const state = new Map<OnnxNode, 'open' | 'done'>()
  const order: OnnxNode[] = []
  for (const root of nodes) {
    if (state.has(root)) continue
    const stack = [{ node: root, next: 0 }]
    state.set(root, 'open')
    while (stack.length > 0) {
      const top = stack.at(-1)!
      const value = top.node.reads[top.next]
      top.next += 1
      if (value === undefined) {
        state.set(top.node, 'done')
        order.push(top.node)
        stack.pop()
        continue
      }
      if (given.has(value)) continue
      const source = maker.get(value)
      if (file.texts.has(value))
        throw nodeError(file, top.node, `must compute with numbers, constant '${value}' is texts`)
      if (source === undefined)
        throw nodeError(file, top.node, `must read what the model holds, nothing gives '${value}'`)
      if (state.get(source) === 'open') {
        const names = stack.map(({ node }) => node.name)
        const cycle = [...names.slice(names.indexOf(source.name)), source.name]
        throw new TypeError(
          `Cannot load ${path}: layers must not form a cycle, current cycle is ${cycle.join(' reads ')}`,
        )
      }
      if (state.has(source)) continue
      state.set(source, 'open')
      stack.push({ node: source, next: 0 })
    }
  }
  return order
}

export function nodeError(
  file: Pick<OnnxFile, 'path'>,
  node: OnnxNode,
  complaint: string,
  cause?: unknown,
): TypeError {
  return new TypeError(
    `Cannot load ${file.path}: layer '${node.name}' of type ${node.proto.opType} ${complaint}`,
    { cause },
  )
}
