/**
 * The value at a path such as `event.image` or `frames.0` in JSON.
 * @returns undefined where there is none.
 */
export function valueAt(json: unknown, path: string): unknown {
  let value = json
  for (const name of path.split('.')) {
    // Own fields alone: `constructor` is nobody's picture.
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Readonly<Record<string, unknown>>)[name]
  }
  return value
}
