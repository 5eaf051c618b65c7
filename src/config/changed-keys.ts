/**
 * Names of what differs between two configurations, in the order of the new one: `log`, and one level deeper `mqtt.url`
 * where both have an object there.
 */
export function changedKeys(before: object, after: object): string[] {
  return differing(before, after).flatMap(([key, old, fresh]) =>
    isObject(old) && isObject(fresh) ? differing(old, fresh).map(([inner]) => `${key}.${inner}`) : [key],
  )
}

function differing(before: object, after: object): [key: string, old: unknown, fresh: unknown][] {
  const [old, fresh] = [new Map(Object.entries(before)), new Map(Object.entries(after))]
  return [...new Set([...fresh.keys(), ...old.keys()])]
    .filter((key) => JSON.stringify(old.get(key)) !== JSON.stringify(fresh.get(key)))
    .map((key) => [key, old.get(key), fresh.get(key)])
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
