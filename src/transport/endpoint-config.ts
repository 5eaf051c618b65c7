import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { z } from 'zod'
import { readSecret } from '../config/secret-file.ts'

const examples = 'mqtt://127.0.0.1:1883, mqtts://broker:8883 or wss://broker/mqtt'

/** How to reach a broker, as written in configuration files. */
export const endpointSchema = z
  .strictObject({
    /** mqtt:// or mqtts:// with host and port; ws:// or wss:// also with a path. */
    url: z
      .url({ protocol: /^(mqtt|ws)s?$/, error: `must be a URL such as ${examples}`, abort: true })
      .superRefine((url, context) => {
        for (const message of urlFaults(new URL(url))) context.addIssue({ code: 'custom', message })
      }),
    /** Of the account at the broker. */
    username: z.string().optional(),
    /** Of the account; `passwordFile` keeps it out of this file. */
    password: z.string().optional(),
    /** File whose first line is the password, or the name of a systemd credential; read at each attempt to connect. */
    passwordFile: z.string().min(1).optional(),
    /**
     * PEM file of the authority that signed the broker's certificate. It, `cert` and `key` are read again at each attempt
     * to connect: a renewed certificate needs no restart.
     */
    ca: z.string().optional(),
    /** PEM file of the client's own certificate, where the broker asks for one. */
    cert: z.string().optional(),
    /** PEM file of its key. */
    key: z.string().optional(),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    path: ['cert'],
    error: 'must stand together with key',
  })
  .refine(({ password, passwordFile }) => password === undefined || passwordFile === undefined, {
    path: ['passwordFile'],
    error: 'must not stand beside password',
  })
  .refine(({ url, ca, cert }) => isEncrypted(url) || (ca ?? cert) === undefined, {
    path: ['url'],
    error: 'must begin with mqtts:// or wss:// where ca or cert is given',
  })

export type Endpoint = z.infer<typeof endpointSchema>

interface Tls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** The part of a session's options that an endpoint gives. */
export function endpointOptions(endpoint: Endpoint) {
  const { url, username, passwordFile, ca, cert } = endpoint
  const password = passwordFile === undefined ? endpoint.password : () => readSecret(passwordFile)
  return {
    url,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...((ca ?? cert) === undefined ? {} : { tls: () => readTls(endpoint) }),
  }
}

/** What is wrong with the files that an endpoint names, as lines that begin with the field's name. */
export function endpointFaults(name: string, endpoint: Endpoint): string[] {
  const faults: string[] = []
  try {
    createSecureContext(readTls(endpoint))
  } catch (error) {
    faults.push(`${name}: ca, cert and key must be PEM files that fit together: ${(error as Error).message}`)
  }
  try {
    if (endpoint.passwordFile !== undefined) readSecret(endpoint.passwordFile)
  } catch (error) {
    faults.push(`${name}.passwordFile: must be readable: ${(error as Error).message}`)
  }
  return faults
}

/** @throws {Error} where a file cannot be read. */
function readTls({ ca, cert, key }: Endpoint): Tls {
  const read = (name: keyof Tls, path: string | undefined) =>
    path === undefined ? {} : { [name]: readFileSync(path, 'utf8') }
  return { ...read('ca', ca), ...read('cert', cert), ...read('key', key) }
}

function isEncrypted(url: string): boolean {
  return /^(mqtts|wss):/.test(url)
}

/** What the library below would take silently, over what the file says elsewhere. */
function urlFaults({ protocol, hostname, username, password, search, hash, pathname }: URL): string[] {
  const faults: string[] = []
  if (hostname === '') faults.push(`must name a host, as ${examples} do`)
  if (username !== '' || password !== '') faults.push('must not hold a user: write username and password')
  if (search !== '' || hash !== '') faults.push('must not have a query or a fragment')
  // It would be taken for a local socket.
  if (protocol.startsWith('mqtt') && pathname !== '' && pathname !== '/')
    faults.push('must not have a path with mqtt:// or mqtts://')
  return faults
}
