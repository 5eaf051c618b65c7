import type { AgentConfig } from '../../agent/config.ts'
import type { LiveState } from '../../src/dashboard/live-state.ts'

const answerMs = 5000

/** What a running agent says of itself on its page; undefined where none answers there. */
export async function askAgent({ device, dashboard }: AgentConfig): Promise<LiveState | undefined> {
  if (dashboard === false) return undefined
  const { address, port, password } = dashboard
  // An address that stands for all of them is asked on loopback.
  const host =
    address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '[::1]' : address.replace(/^.*:.*$/, '[$&]')
  const authorization = `Basic ${Buffer.from(`doctor:${password ?? ''}`).toString('base64')}`
  try {
    const response = await fetch(`http://${host}:${port}/api/live`, {
      headers: { authorization },
      signal: AbortSignal.timeout(answerMs),
    })
    if (!response.ok) return undefined
    const live = (await response.json()) as LiveState
    return live.device === device ? live : undefined
  } catch {
    return undefined
  }
}
