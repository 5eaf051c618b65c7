import { execFile } from 'node:child_process'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { manifestSchema } from '../../src/model-graph/manifest.ts'
import { smallModel, stateful } from '../model-graph/onnx/small-models.ts'
import { repositoryRoot } from '../paths.ts'

const run = promisify(execFile)
const program = fileURLToPath(new URL('dist/cli/surgeon.js', repositoryRoot))

async function surgeon(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    return { code: 0, ...(await run(process.execPath, [program, ...args], { maxBuffer: 1 << 26 })) }
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string }
  }
}

test('surgeon wounds prints what scripts rely on, and verifies', async () => {
  const { code, stdout, stderr } = await surgeon(
    'wounds',
    '--model',
    'mobilenetv2',
    '--json',
    '--verify-limit',
    '4',
  )
  expect([code, stderr]).toEqual([0, ''])
  const document = JSON.parse(stdout) as Record<string, unknown> & {
    wounds: { id: string }[]
    verified: Record<string, unknown>
  }
  expect(document).toMatchObject({ layers: 156, rings: 10, verified: { engine: 'onnxruntime', checked: 4 } })
  expect(document.verified['maxAbsDiff']).toBeLessThan(1e-5)
  expect(document.wounds).toHaveLength(76)
  expect(document.wounds.find(({ id }) => id === 'block_6_project_BN')).toMatchObject({
    after: ['block_6_project_BN'],
    tensors: [{ name: 'block_6_project_BN', shape: [14, 14, 64], bytes: 50_176 }],
  })
})

test('surgeon wounds --optimal lists the frontier, from all on the backend to all on the edge', async () => {
  const { code, stdout } = await surgeon('wounds', '--model', 'mobilenetv2', '--optimal', '--json')
  expect(code).toBe(0)
  const { wounds } = JSON.parse(stdout) as { wounds: { id: string; edgeMs: number; uplinkBytes: number }[] }
  expect(wounds[0]).toMatchObject({ id: 'input', codecs: ['received'] })
  expect(wounds.find(({ id }) => id === 'block_6_project_BN')).toMatchObject({
    codecs: [expect.stringMatching(/^klt:/)],
  })
  expect(wounds.at(-1)).toMatchObject({ id: 'local', uplinkBytes: 0, backendMs: 0 })
  const edgeMs = wounds.map((wound) => wound.edgeMs)
  expect(edgeMs).toEqual(edgeMs.toSorted((a, b) => a - b))
})

test('surgeon wounds --all lists pairs by layer index', async () => {
  const { stdout } = await surgeon('wounds', '--model', 'resnet50-keras22', '--all')
  expect(stdout).toMatch(/res2a_branch2a\+res2a_branch1 +\[7, 14\]/)
  expect(stdout).toContain('200 pairs in two-branch rings')
})

test('surgeon models prints what scripts rely on', async () => {
  const { code, stdout } = await surgeon(
    'models',
    '--model',
    'mobilenet',
    '--engine',
    'onnxruntime',
    '--json',
  )
  expect(code).toBe(0)
  const [row] = JSON.parse(stdout) as Record<string, unknown>[]
  expect(row).toMatchObject({
    name: 'mobilenet',
    layers: 91,
    parameters: 4_253_864,
    trainableParameters: 4_231_976,
    top1: 70.4,
    top5: 89.5,
  })
  expect((row!['loadMs'] as { onnxruntime: number }).onnxruntime).toBeGreaterThan(0)
  const table = await surgeon('models', '--no-load')
  expect(table.stdout.match(/VGG19/g)).toHaveLength(3)
})

test('surgeon graph writes pictures', async () => {
  const out = join(await mkdtemp(join(tmpdir(), 'surgeon-graph-')), 'nasnet.html')
  const { code, stdout } = await surgeon('graph', '--model', 'nasnetmobile', '--out', out)
  expect([code, stdout]).toEqual([0, expect.stringContaining('rings folded')])
  expect(await readFile(out, 'utf8')).toContain('<svg')
})

test.each([
  [['wounds'], 64, /needs --model/],
  [['wounds', '--model', 'alexnet'], 1, /Cannot load model alexnet/],
  [['wounds', '--model', 'vgg19', '--verify-limit', '0'], 64, /--verify-limit must be a whole number from 1/],
  [['wounds', '--model', 'vgg19', '--engine', 'gpu'], 64, /--engine must be one of onnxruntime, .*wasm/],
  [['wounds', '--model', 'x.onnx', '--input-shape', '3'], 64, /--input-shape must be like/],
  [['graph', '--model', 'vgg19', '--out', 'a.png'], 64, /FILE\.svg or FILE\.html/],
  [
    ['graph', '--model', 'vgg19', '--out', '/nowhere/a.svg'],
    1,
    /Cannot write picture: .nowhere.a.svg must be writable/,
  ],
] as const)('surgeon %j exits %d', async (args, code, message) => {
  const result = await surgeon(...args)
  expect(result.code).toBe(code)
  expect(result.stderr).toMatch(message)
})

test('surgeon manifest proposes what the reader takes, says what is a guess, and writes no file over', async () => {
  const folder = await smallModel('voice', stateful)
  const first = await surgeon('manifest', '--model', folder)
  expect(first.code).toBe(0)
  expect(first.stderr).toMatch(/^To be checked: state: /)
  expect(manifestSchema.parse(JSON.parse(first.stdout))).toMatchObject({ name: 'voice', state: { h: 'hn' } })

  const out = join(folder, 'voice.surgeon.json')
  expect((await surgeon('manifest', '--model', folder, '--out', out)).code).toBe(0)
  expect(JSON.parse(await readFile(out, 'utf8'))).toEqual(JSON.parse(first.stdout))
  const again = await surgeon('manifest', '--model', folder, '--out', out)
  expect([again.code, again.stderr]).toEqual([64, expect.stringMatching(/--out must name a new file/)])
})

test('surgeon wounds and manifest take the value that an input always holds', async () => {
  const folder = await smallModel('voice', stateful)
  const { stdout } = await surgeon('manifest', '--model', folder, '--input-value', 'h=1')
  expect(manifestSchema.parse(JSON.parse(stdout))).toMatchObject({
    input: { kind: 'values', shape: [6] },
    fixed: { h: 1 },
  })
  const verified = await surgeon('wounds', '--model', folder, '--input-value', 'h=1', '--verify')
  expect([verified.code, verified.stdout]).toEqual([0, expect.stringMatching(/head \+ tail equal/)])
  const wrong = await surgeon('wounds', '--model', folder, '--input-value', 'h')
  expect([wrong.code, wrong.stderr]).toEqual([64, expect.stringMatching(/--input-value must be like/)])
})

test('surgeon infer takes its files for one sequence of a model with state', async () => {
  const folder = await smallModel('voice', stateful)
  const manifest = {
    name: 'voice',
    input: { kind: 'values', shape: [6] },
    state: { h: 'hn' },
    output: { kind: 'values', tensors: ['y'] },
  }
  await writeFile(join(folder, 'surgeon.json'), JSON.stringify(manifest))
  const window = join(folder, 'window.json')
  await writeFile(window, '[1, -1, 2, 0, 1, 3]')
  const answersAt = async (wound: string) => {
    const { stdout } = await surgeon('infer', window, window, '--model', folder, '--wound', wound, '--json')
    const answers = JSON.parse(stdout) as { outputs: { values: number[] }[] }[]
    return answers.map(({ outputs }) => outputs[0]!.values)
  }
  const whole = await answersAt('local')
  expect(whole[0]).not.toEqual(whole[1])
  for (const wound of ['input', 'hn']) expect(await answersAt(wound)).toEqual(whole)
})
