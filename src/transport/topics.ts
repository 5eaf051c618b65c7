/**
 * Names of the topics: `<prefix>/device/<device>/<leaf>` and `<prefix>/worker/<worker>/<leaf>`. Pure functions;
 * ids and prefix are checked, because an id with a wildcard or a slash would reach other people's topics.
 */
const deviceLeaves = ['input', 'result', 'state', 'metrics', 'plan', 'reply', 'probe'] as const
export type DeviceLeaf = (typeof deviceLeaves)[number]

const workerLeaves = ['state', 'request'] as const
export type WorkerLeaf = (typeof workerLeaves)[number]

const defaultTopicPrefix = 'surgeon'

/** @throws {RangeError} where the device id or the prefix is not fit for a topic. */
export function deviceTopic(device: string, leaf: DeviceLeaf, prefix: string = defaultTopicPrefix): string {
  return `${checkPrefix(prefix)}/device/${checkId('device', device)}/${leaf}`
}

/** @throws {RangeError} where the worker id or the prefix is not fit for a topic. */
export function workerTopic(worker: string, leaf: WorkerLeaf, prefix: string = defaultTopicPrefix): string {
  return `${checkPrefix(prefix)}/worker/${checkId('worker', worker)}/${leaf}`
}

/** Filter for that leaf of every device. */
export function everyDeviceTopic(leaf: DeviceLeaf, prefix: string = defaultTopicPrefix): string {
  return `${checkPrefix(prefix)}/device/+/${leaf}`
}

/** Filter for that leaf of every worker. */
export function everyWorkerTopic(leaf: WorkerLeaf, prefix: string = defaultTopicPrefix): string {
  return `${checkPrefix(prefix)}/worker/+/${leaf}`
}

/** The device a topic belongs to, or undefined where it is no such topic under that prefix. */
export function deviceOf(
  topic: string,
  leaf: DeviceLeaf,
  prefix: string = defaultTopicPrefix,
): string | undefined {
  return idBetween(topic, `${prefix}/device/`, `/${leaf}`)
}

/** The worker a topic belongs to, or undefined where it is no such topic under that prefix. */
export function workerOf(
  topic: string,
  leaf: WorkerLeaf,
  prefix: string = defaultTopicPrefix,
): string | undefined {
  return idBetween(topic, `${prefix}/worker/`, `/${leaf}`)
}

/** True for 1 to 64 characters without `+`, `#`, `/`, control characters or lone surrogates. */
export function isTopicId(id: string): boolean {
  return id.length <= 64 && /^[^+#/\p{Cc}\p{Surrogate}]+$/u.test(id)
}

function checkId(kind: string, id: string): string {
  if (!isTopicId(id)) {
    throw new RangeError(
      `Cannot name topic: ${kind} id must be 1 to 64 characters without +, #, / or control characters, current value is ${JSON.stringify(id)}`,
    )
  }
  return id
}

/** True for up to 256 characters of levels, each a topic id, joined by `/`, without a leading `$`. */
export function isTopicPrefix(prefix: string): boolean {
  // `$` would start a broker's own or a shared topic.
  return !prefix.startsWith('$') && prefix.length <= 256 && prefix.split('/').every(isTopicId)
}

function checkPrefix(prefix: string): string {
  if (!isTopicPrefix(prefix)) {
    throw new RangeError(
      `Cannot name topic: prefix must be topic levels joined by /, without wildcards or a leading $, current value is ${JSON.stringify(prefix)}`,
    )
  }
  return prefix
}

function idBetween(topic: string, before: string, after: string): string | undefined {
  if (!topic.startsWith(before) || !topic.endsWith(after)) return undefined
  const id = topic.slice(before.length, -after.length)
  return isTopicId(id) && before.length + id.length + after.length === topic.length ? id : undefined
}
