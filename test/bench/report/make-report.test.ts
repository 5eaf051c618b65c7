import { expect, test } from 'vitest'
import { makeReport } from '../../../bench/report/make-report.ts'
import type { MeasuredRuns } from '../../../bench/report/measured-runs.ts'
import { zooPoints } from '../../../bench/report/model-tables.ts'

const lasting = (ms: number, runs: number) => Array.from({ length: runs }, (_, i) => (i === 0 ? 5 * ms : ms))

/** Ten wounds over an even network whose tensors shrink. */
function machine(name: string, wholeMs: number): MeasuredRuns {
  return {
    version: 1,
    model: 'even <net>',
    modelHash: 'h',
    machine: name,
    engine: 'onnxruntime',
    threads: 1,
    measuredAt: '2026-11-26T00:00:00.000Z',
    wholeMs: lasting(wholeMs, 100),
    wounds: Array.from({ length: 10 }, (_, i) => ({
      id: `layer, "${i}"`,
      bytes: 400_000 / 2 ** i,
      headMs: lasting((wholeMs * (i + 1)) / 11, 20),
      tailMs: lasting((wholeMs * (10 - i)) / 11, 20),
    })),
  }
}

const report = makeReport({
  edge: machine('pi', 100),
  worker: machine('server', 10),
  edgeName: 'pi',
  workerName: 'server',
  calibration: undefined,
  maxAccuracyLoss: 0.01,
  options: {
    edgeFactor: 1,
    link: { uplinkBps: 5e6, downlinkBps: 5e6, roundTripMs: 10 },
    inputBytes: 20_000,
    inputDecodeMs: 2,
    answerBytes: 300,
  },
  engines: [{ engine: 'wasm', times: [{ model: 'even <net>', wholeMs: 12 }] }],
  zoo: zooPoints(),
})

test('the report is one page that loads nothing, with every figure of the talk', () => {
  const { html } = report
  expect(html.match(/<figure>/g)).toHaveLength(8)
  expect(html).not.toMatch(/(?:src|href)=|@import|url\(|NaN|Infinity|undefined/)
  // Names are text.
  expect(html).toContain('DNN surgery of even &lt;net&gt;')
  expect(html).toContain('layer, &quot;4&quot;')
})

test('every mark of every chart is within its picture', () => {
  const pictures = report.html.match(/<svg[\s\S]*?<\/svg>/g)!
  for (const picture of pictures) {
    const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(picture)!.map(Number)
    for (const [, axis, value] of picture.matchAll(/ (c?[xy][12]?)="(-?[\d.]+)"/g)) {
      const limit = axis!.includes('x') ? width! : height!
      expect(Number(value)).toBeGreaterThanOrEqual(0)
      expect(Number(value)).toBeLessThanOrEqual(limit)
    }
  }
})

test('the table has what is faster than the edge alone, the fastest first', () => {
  const times = [...report.html.matchAll(/<td>([\d.]+) ms<\/td>/g)].map(([, ms]) => Number(ms))
  expect(times.length).toBeGreaterThan(3)
  expect(times.every((ms) => ms < 100)).toBe(true)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
})

test('the data are all there, and commas in names do not break them', () => {
  const [wounds, runs] = report.csv
  expect(wounds!.text.split('\n')).toHaveLength(12)
  expect(wounds!.text).toContain('"layer, ""0""",9.09091')
  expect(runs!.text.split('\n').slice(0, 3)).toEqual(['run,edge_ms,worker_ms', '1,500,50', '2,100,10'])
})

test('zooPoints knows the parameters of each model without loading it', () => {
  expect(zooPoints().find(({ title }) => title === 'MobileNetV2')).toEqual({
    title: 'MobileNetV2',
    parameters: 3_538_984,
    top1: 71.3,
  })
})
