import { readFileSync } from 'node:fs'
import { z } from 'zod'

/** How to reach a broker, as written in configuration files. */
export const endpointSchema = z.strictObject({
  /** mqtt:// or mqtts:// with host and port. */
  url: z.url({
    protocol: /^mqtts?$/,
    error: 'must be a URL such as mqtt://127.0.0.1:1883 or mqtts://broker:8883',
  }),
  username: z.string().optional(),
  password: z.string().optional(),
  /** PEM files. */
  ca: z.string().optional(),
  cert: z.string().optional(),
  key: z.string().optional(),
})

export type Endpoint = z.infer<typeof endpointSchema>

/** The part of a session's options that an endpoint gives; PEM files are read here, once. */
export function endpointOptions(endpoint: Endpoint) {
  const { url, username, password, ca, cert, key } = endpoint
  const pem = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path, 'utf8'))
  const tls = Object.fromEntries(
    Object.entries({ ca: pem(ca), cert: pem(cert), key: pem(key) }).filter(
      ([, value]) => value !== undefined,
    ),
  ) as { ca?: string; cert?: string; key?: string }
  return {
    url,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
  }
}
