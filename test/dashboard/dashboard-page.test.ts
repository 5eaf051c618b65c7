import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DashboardServer } from '../../src/dashboard/dashboard-server.ts'
import { type LiveState, liveRequests, liveWounds } from '../../src/dashboard/live-state.ts'
import type { RequestRecord } from '../../src/telemetry/request-record.ts'
import { patienceMs } from '../patience.ts'

const programs = ['chromium', 'chromium-browser', 'chromium-headless-shell']
const places = [process.env['SURGEON_CHROMIUM'] ?? '', ...programs.map((name) => `/usr/bin/${name}`)]
const executablePath = places.find((path) => path !== '' && existsSync(path))
const missing = 'Chromium is not installed'

const request = (n: number, changes: Partial<RequestRecord> = {}): RequestRecord => ({
  id: `n${n}`,
  stream: '<b>porch</b>',
  model: 'mobilenetv2',
  arrivedAt: 1_800_000_000_000 + n,
  input: { bytes: 10 },
  plan: {
    wound: n % 4 === 0 ? 'local' : 'input',
    codec: 'received',
    worker: n % 4 === 0 ? undefined : 'pool-1',
    predicted: { edgeMs: 0, remoteMs: 30, remoteDeviationMs: 1, localMs: 80, expectedMs: 30 },
    edgeFactor: 1,
    edgeWaitMs: 0,
  },
  measured: { totalMs: 42, sentBytes: 1000 },
  outcome: { kind: 'answered', finishedAt: 'worker' },
  ...changes,
})

const records = [
  ...Array.from({ length: 40 }, (_, n) => request(n)),
  request(41, { plan: undefined, outcome: { kind: 'refused', code: 'bad-input', message: 'no picture' } }),
]
const wounds = ['input', 'block_6_project_BN', 'global_average_pooling2d_1', 'local']
const live: LiveState = {
  device: 'pi-1',
  version: '0.1.0',
  models: [{ name: 'mobilenetv2', hash: 'abc', engine: 'onnxruntime', engineReason: undefined }],
  ts: 1,
  metrics: { answered: 40, failed: 1, uplink_bps: 8e6, answer_mean_ms: 42 },
  link: 'up',
  wounds: liveWounds(
    wounds.map((id, n) => ({ id, headMs: 10 * n })),
    records,
  ),
  workers: [
    {
      id: 'pool-1',
      version: '0.1.0',
      models: [{ name: 'mobilenetv2', hash: 'abc' }],
      isOurs: true,
      queueMs: 3,
      trust: 'trusted',
    },
  ],
  explanation: ['25.0 of 30.0 inputs a second are answered.'],
  streams: [
    {
      stream: 'porch',
      arrived: 30,
      answered: 24.5,
      reused: 0,
      shed: 5.5,
      failed: 0,
      mix: [
        { plan: 'block_6_project_BN / klt:7', share: 0.45 },
        { plan: 'input / received', share: 0.35 },
        { plan: 'local', share: 0.2 },
      ],
    },
  ],
  connections: [
    { name: 'mqtt', url: 'mqtt://127.0.0.1:1883', isOnline: true, reason: undefined, refused: [] },
  ],
  requests: liveRequests(records),
}

let browser: Browser | undefined
let server: DashboardServer
let url: string
let isGone = false
beforeAll(async () => {
  server = new DashboardServer(
    { port: 0, address: '127.0.0.1' },
    {
      live: () => {
        if (isGone) throw new Error('gone')
        return live
      },
      metrics: () => ({ contentType: 'text/plain', text: '' }),
      graph: () => Promise.resolve('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>'),
    },
  )
  url = await server.start()
  if (executablePath !== undefined)
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], timeout: patienceMs })
})
afterAll(async () => {
  await browser?.close()
  await server.stop()
})

async function newPage(options?: BrowserContextOptions): Promise<Page> {
  const page = await browser!.newPage(options)
  page.setDefaultTimeout(patienceMs)
  return page
}

const looks = [
  ['a desk', { width: 1100, height: 900 }, 'light'],
  ['a phone in the dark', { width: 390, height: 844 }, 'dark'],
] as const

test.for(looks)('the page shows on %s what the agent does', async ([, viewport, colorScheme], { skip }) => {
  skip(browser === undefined, missing)
  const page = await newPage({ viewport, colorScheme })
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
  await page.goto(url)
  await page.getByRole('heading', { name: 'pi-1' }).waitFor()
  // Names come from others: they are text.
  expect(await page.getByText('<b>porch</b>').count()).toBe(20)
  expect(await page.locator('#mix li').allInnerTexts()).toEqual([
    expect.stringMatching(/input[\s\S]*75 %/),
    expect.stringContaining('0 %'),
    expect.stringContaining('0 %'),
    expect.stringMatching(/local[\s\S]*25 %/),
  ])
  expect(await page.locator('#requests tr').first().innerText()).toContain('bad-input')
  expect(await page.locator('#figures').innerText()).toContain('8.00 Mbps')
  expect(await page.locator('#streams').innerText()).toMatch(
    /porch\s+30\/s arrive\s+25\/s answered\s+5\.5\/s left out\s+45 % block_6_project_BN \/ klt:7 · 35 %/,
  )
  expect(await page.locator('#why').innerText()).toContain('25.0 of 30.0')
  // Nothing is wider than the screen, except what scrolls by itself.
  expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
  // By keyboard alone.
  await page.getByText('The whole layer graph').focus()
  await page.keyboard.press('Enter')
  await page.getByAltText(/layer graph/).waitFor()
  expect(faults).toEqual([])
  await page.close()
})

test('the page says when the agent does not answer, and when it is there again', async ({ skip }) => {
  skip(browser === undefined, missing)
  const page = await newPage()
  await page.goto(url)
  await page.getByText('link up').waitFor()
  isGone = true
  await page.getByText('the agent does not answer').waitFor()
  isGone = false
  await page.getByText('link up').waitFor()
  expect(await page.getByRole('status').innerText()).toBe('link up')
  await page.close()
})
