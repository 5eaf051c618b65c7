import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { calibrate } from '../../src/calibration/calibrate.ts'
import { calibrationChart } from '../../src/calibration/calibration-chart.ts'
import { openJournal } from '../../src/calibration/journal.ts'
import { loadCalibration, saveCalibration } from '../../src/codec/calibration-file.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'
import { findWound } from '../../src/model-graph/find-wound.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import { wilsonInterval } from '../../src/scheduler/wilson.ts'
import { crops } from '../crops.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'calibrate-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

describe('calibrate', () => {
  it('measures codecs at wounds, keeps the best, and goes on where it was stopped', async () => {
    const model = await loadModel('mobilenetv2')
    const path = join(directory, 'journal')
    const steps: string[] = []
    const options = {
      model,
      engine: await loadEngine('onnxruntime'),
      threads: 1,
      images: await crops(),
      wounds: ['input', 'global_average_pooling2d_1'].map((name) => findWound(model.graph, name)),
      codecs: {
        input: ['received', 'jpeg:30', 'webp:90@100'],
        features: ['float16', 'q6', 'q2'],
        levels: [],
      },
      journal: await openJournal(path, 'run'),
      progress: (text: string) => void steps.push(text),
    }
    const { rows, calibration } = await calibrate(options)
    expect(rows.map(({ wound, codec }) => `${wound} ${codec}`)).toEqual([
      'input received',
      'input jpeg:30',
      'input webp:90@100',
      'global_average_pooling2d_1 float16',
      'global_average_pooling2d_1 q6',
      'global_average_pooling2d_1 q2',
    ])
    const by = new Map(rows.map((row) => [row.codec, row]))
    expect(by.get('received')).toMatchObject({
      agreement: 1,
      klDivergence: 0,
      changeLoss: 0,
      lost: 0,
      won: 0,
    })
    expect(by.get('float16')).toMatchObject({ bytesMean: 2560, bytesP95: 2560, agreement: 1 })
    expect(by.get('q2')!.klDivergence).toBeGreaterThan(by.get('q6')!.klDivergence)
    expect(by.get('q2')!.bytesMean).toBeLessThan(by.get('q6')!.bytesMean)
    expect(calibration.rows.length).toBeLessThanOrEqual(rows.length)

    const again = await calibrate({ ...options, journal: await openJournal(path, 'run') })
    // Times, too, are those of the first run: nothing was measured anew.
    expect(again.rows).toEqual(rows)
    const other = await openJournal(path, 'another run')
    expect(await other.once('input received', () => Promise.resolve(1))).toBe(1)

    const file = join(directory, 'calibration.json')
    await saveCalibration(file, calibration)
    expect(await loadCalibration(file, model.hash)).toEqual(calibration)
    await expect(loadCalibration(file, 'f00')).rejects.toThrow(/model must be f00/)
    expect(await loadCalibration(join(directory, 'absent'), model.hash)).toBeUndefined()
    const old = join(directory, 'old.json')
    await writeFile(old, JSON.stringify({ ...calibration, version: 1 }))
    await expect(loadCalibration(old, model.hash)).rejects.toThrow(
      /version must be 3, current value is 1; run surgeon calibrate again/,
    )

    const chart = calibrationChart('a < b', rows)
    expect(chart).toContain('a &lt; b')
    expect(chart).not.toContain('NaN')
    await expect(sharp(Buffer.from(chart)).metadata()).resolves.toMatchObject({ width: 940 })
    await expect(calibrate({ ...options, images: options.images.slice(0, 5) })).rejects.toThrow(
      /at least 16 images/,
    )
  })
})

describe('wilsonInterval', () => {
  it('gives published values', () => {
    // Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263, 15 of 148, 0 of 20.
    for (const [hits, trials, lower, upper] of [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
    ] as const) {
      const interval = wilsonInterval(hits, trials)
      expect(interval.lower).toBeCloseTo(lower, 4)
      expect(interval.upper).toBeCloseTo(upper, 4)
    }
  })
})
