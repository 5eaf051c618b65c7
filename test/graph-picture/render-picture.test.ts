import { expect, test } from 'vitest'
import { graphHtml, graphSvg } from '../../src/graph-picture/render-picture.ts'
import { textWidth } from '../../src/graph-picture/text-width.ts'
import type { LayerGraph } from '../../src/model-graph/layer-graph.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { singleWounds } from '../../src/model-graph/single-wounds.ts'

function ids(svg: string, prefix: string): string[] {
  return [...svg.matchAll(new RegExp(`<g id="(${prefix}[^"]*)" class="node"`, 'g'))].map((match) => match[1]!)
}

test('graphSvg draws every layer once and marks the wounds', async () => {
  const { graph } = await loadModel('zoo:mobilenetv2')
  const svg = await graphSvg(graph, { folded: false })
  expect(ids(svg, 'layer_').toSorted()).toEqual(graph.layers.map(({ index }) => `layer_${index}`).toSorted())
  // Without `local`, which cuts nothing.
  expect([...svg.matchAll(/>(?:&#160;| )*✂ [\d.]+ [kM]?B</g)]).toHaveLength(singleWounds(graph).length - 1)
  expect([...svg.matchAll(/class="cluster"/g)]).toHaveLength(10)
})

test('every text has room in its box in the widest font, too', async () => {
  const { graph } = await loadModel('resnet50')
  for (const folded of [true, false]) {
    const svg = await graphSvg(graph, { folded })
    const boxes = svg.split('class="node"').slice(1)
    expect(boxes.length).toBeGreaterThan(40)
    for (const box of boxes) {
      const path = / (?:d|points)="([^"]+)"/.exec(box)![1]!
      const xs = [...path.matchAll(/(-?[\d.]+),-?[\d.]+/g)].map(([, x]) => Number(x))
      const room = Math.max(...xs) - Math.min(...xs)
      const texts = [...box.split('<!--')[0]!.matchAll(/text-anchor="(\w+)"[^>]*>([^<]*)</g)]
      expect(texts).toHaveLength(2)
      for (const [, anchor, text] of texts) {
        expect(anchor).toBe('middle')
        expect(textWidth(text!.replaceAll('&#160;', ' '), 10)).toBeLessThan(room)
      }
    }
  }
})

test('graphSvg draws a folded NASNetLarge with few boxes', async () => {
  const { graph } = await loadModel('nasnetlarge')
  const svg = await graphSvg(graph, { folded: true })
  expect(ids(svg, 'group_').length).toBeGreaterThan(15)
  expect(ids(svg, '').length).toBeLessThan(40)
})

test('graphHtml keeps names from becoming markup, and needs no network', async () => {
  const { graph } = await loadModel('vgg19')
  const evil = `</script><img src=x onerror=alert(1)>&"'`
  const layers = graph.layers.map((layer) => (layer.index === 3 ? { ...layer, name: evil } : layer))
  const renamed: LayerGraph = { ...graph, name: evil, layers }
  const html = await graphHtml(renamed, { folded: false })
  expect(html).not.toContain('<img')
  expect(html.match(/<\/script>/g)).toHaveLength(2)
  const data = /<script type="application\/json" id="facts">(.*)<\/script>/.exec(html)![1]!
  const facts = JSON.parse(data) as { layers: { layer: string }[]; boxes: Record<string, number[]> }
  expect(facts.layers[3]!.layer).toBe(`3 ${evil}`)
  expect(Object.values(facts.boxes).flat()).toEqual(graph.layers.map(({ index }) => index))
  expect(html.match(/(?:src|href)="?https?:/g)).toBeNull()
})

test('graphSvg draws what crosses in optimal plans thick, and says so', async () => {
  const { graph } = await loadModel('zoo:mobilenetv2')
  const tensor = graph.tensors.find(({ name }) => name === 'block_6_project_BN')!
  const svg = await graphSvg(graph, { folded: false, optimal: new Set([tensor.id]) })
  expect(svg.match(/<path[^>]*stroke-width="4"/g)).toHaveLength(tensor.consumers.length)
  expect(svg).toContain('thick: crosses in a plan')
})
