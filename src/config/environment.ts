import { parse } from 'yaml'

const prefix = 'SURGEON__'

/**
 * A configuration with what the environment says instead: `SURGEON__mqtt__url=mqtt://broker:1883` is `mqtt: { url: … }`.
 * Values are read as YAML, so that numbers, lists and `false` are what they look like.
 */
export function withEnvironment(
  document: unknown,
  environment: Readonly<Record<string, string | undefined>>,
): unknown {
  let result = document
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(prefix) || text === undefined) continue
    result = replaced(result, name.slice(prefix.length).split('__'), parse(text) as unknown)
  }
  return result
}

function replaced(document: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value
  const isObject = typeof document === 'object' && document !== null && !Array.isArray(document)
  const own = isObject ? (document as Record<string, unknown>) : {}
  return { ...own, [key]: replaced(own[key], rest, value) }
}
