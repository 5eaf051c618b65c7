import { z } from 'zod'
import { loadConfig } from '../../src/config/load-config.ts'
import { createEmbeddedBroker } from '../../src/embedded-broker/embedded-broker.ts'
import { stderrLog } from '../../src/telemetry/stderr-log.ts'
import { readOptions } from '../../src/terminal/options.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'
import { runDaemon } from '../daemon.ts'

const brokerConfigSchema = z.strictObject({
  port: z.int().min(1).max(65535).default(1883),
  host: z.string().default('127.0.0.1'),
  /** Needed to listen on anything but loopback: this broker knows neither TLS nor access rules. */
  allowRemoteClients: z.boolean().default(false),
  maximumPacketBytes: z.int().min(1024).default(8_454_144),
  maximumConnections: z.int().min(1).default(1000),
  credentials: z.strictObject({ username: z.string(), password: z.string() }).optional(),
})

export async function broker(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, { options: { config: { type: 'string' }, port: { type: 'string' } } })
  const config =
    values.config === undefined
      ? brokerConfigSchema.parse({})
      : await loadConfig(values.config, brokerConfigSchema)
  const port = values.port === undefined ? config.port : Number(values.port)
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new UsageError(`--port must be a whole number up to 65535, current value is ${values.port}`)
  }
  const log = stderrLog('broker')
  const { credentials, ...rest } = config
  return runDaemon(
    createEmbeddedBroker({
      ...rest,
      port,
      log: (message) => log('info', message),
      ...(credentials === undefined ? {} : { credentials }),
    }),
    { log },
  )
}
