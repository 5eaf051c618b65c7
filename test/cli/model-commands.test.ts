import { execFile } from 'node:child_process'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
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
