import { request } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { dashboardPage } from '../../src/dashboard/dashboard-page.ts'
import { DashboardServer, type DashboardSettings } from '../../src/dashboard/dashboard-server.ts'

let server: DashboardServer | undefined
afterEach(() => server?.stop())

async function serve(settings: Partial<DashboardSettings> = {}): Promise<string> {
  server = new DashboardServer(
    { port: 0, address: '127.0.0.1', ...settings },
    {
      live: () => ({ device: 'pi-1' }),
      metrics: () => ({ contentType: 'text/plain', text: 'up 1\n' }),
      graph: () => Promise.resolve('<svg/>'),
    },
  )
  return server.start()
}

/** With a Host header of one's own, which `fetch` does not allow. */
function statusFor(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { host } }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end()
  })
}

test('the page is one file of less than 300 kB that loads nothing from elsewhere', async () => {
  const url = await serve()
  const response = await fetch(url)
  const page = await response.text()
  expect([response.status, page]).toEqual([200, dashboardPage])
  expect(Buffer.byteLength(page)).toBeLessThan(300_000)
  expect(page).not.toMatch(/(?:src|href)=|@import|https?:/)
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
})

test('data, metrics and the graph are there, nothing else is, and nothing can be changed', async () => {
  const url = await serve()
  expect(await (await fetch(`${url}api/live`)).json()).toEqual({ device: 'pi-1' })
  expect(await (await fetch(`${url}metrics`)).text()).toBe('up 1\n')
  expect(await (await fetch(`${url}graph.svg`)).text()).toBe('<svg/>')
  expect((await fetch(`${url}etc/passwd`)).status).toBe(404)
  expect((await fetch(url, { method: 'POST' })).status).toBe(405)
})

test('a name that is not that of loopback is refused, so that no page of the internet can read along', async () => {
  const url = await serve()
  expect(await statusFor(url, 'evil.example')).toBe(403)
  expect(await statusFor(url, `localhost:${new URL(url).port}`)).toBe(200)
})

test('with a password nobody gets in without it', async () => {
  const url = await serve({ password: 'correct horse' })
  const as = (password: string) => ({
    authorization: `Basic ${Buffer.from(`me:${password}`).toString('base64')}`,
  })
  expect((await fetch(url)).status).toBe(401)
  expect((await fetch(`${url}metrics`, { headers: as('wrong horse') })).status).toBe(401)
  expect((await fetch(url, { headers: as('correct horse') })).status).toBe(200)
})

test('a taken port is told', async () => {
  const url = await serve()
  const second = new DashboardServer(
    { port: Number(new URL(url).port), address: '127.0.0.1' },
    { live: () => 0, metrics: () => ({ contentType: '', text: '' }), graph: () => Promise.resolve('') },
  )
  await expect(second.start()).rejects.toThrow(/EADDRINUSE/)
  await second.stop()
})
