import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { z } from 'zod'
import { withEnvironment } from './environment.ts'

/** The configuration cannot be used; the message names every fault. A daemon exits with 78 (sysexits EX_CONFIG). */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/**
 * Reads a YAML or JSON file, and what the environment says instead, into a frozen configuration. Unknown keys are faults; all faults are reported together.
 * @param faultsOf What is wrong with the files that a well-formed configuration names, one line each.
 * @throws {ConfigError}
 */
export async function loadConfig<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  faultsOf: (config: Readonly<z.output<Schema>>) => Promise<readonly string[]> = () => Promise.resolve([]),
): Promise<Readonly<z.output<Schema>>> {
  const config = parseConfig(await readDocument(path), schema, path)
  const faults = await faultsOf(config)
  if (faults.length > 0) throw unusable(path, faults)
  return config
}

/** What the file says, with what the environment says instead, unchecked. @throws {ConfigError} */
export async function readDocument(path: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new ConfigError(`Cannot read configuration ${path}: ${(cause as Error).message}`, { cause })
  }
  try {
    return withEnvironment(parse(text) ?? {}, process.env)
  } catch (cause) {
    throw new ConfigError(`Cannot read configuration ${path}: it is not YAML: ${(cause as Error).message}`, {
      cause,
    })
  }
}

/** As {@link loadConfig} for a document that is already there; `origin` is named in the error. */
export function parseConfig<Schema extends z.ZodType>(
  document: unknown,
  schema: Schema,
  origin: string,
): Readonly<z.output<Schema>> {
  const parsed = schema.safeParse(document)
  if (parsed.success) return Object.freeze(parsed.data)
  const faults = parsed.error.issues.map(
    (issue) => `${issue.path.join('.') || '(top level)'}: ${issue.message}`,
  )
  throw unusable(origin, faults)
}

function unusable(origin: string, faults: readonly string[]): ConfigError {
  return new ConfigError(
    `Cannot use configuration ${origin}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
  )
}
