/**
 * Whether a topic matches a subscription's filter (MQTT 5, section 4.7): `+` is one level, `#` the rest, the level
 * above included; neither matches a first level that starts with `$`. `$share/<group>/` is not part of the match.
 */
export function matchesFilter(filter: string, topic: string): boolean {
  const wanted = withoutShare(filter).split('/')
  const levels = topic.split('/')
  if (topic.startsWith('$') && (wanted[0] === '+' || wanted[0] === '#')) return false
  for (const [i, level] of wanted.entries()) {
    if (level === '#') return true
    if (i >= levels.length || (level !== '+' && level !== levels[i])) return false
  }
  return wanted.length === levels.length
}

/**
 * False where a broker would refuse the filter: empty, NUL, too long, `#` not last, a wildcard that is not alone in its
 * level, or `$share` without a group and a filter.
 */
export function isTopicFilter(filter: string): boolean {
  const shared = filter.startsWith('$share/')
  const inner = withoutShare(filter).split('/')
  const wild = (level: string, last: boolean) => level === '+' || (level === '#' && last)
  const fit = inner.every((level, i) => !/[+#]/.test(level) || wild(level, i === inner.length - 1))
  const group = shared ? /^\$share\/[^/+#]+\/./.test(filter) : true
  return filter !== '' && fit && group && !filter.includes('\0') && Buffer.byteLength(filter) <= 0xffff
}

/** @throws {RangeError} where it is none. */
export function checkFilter(filter: string): void {
  if (!isTopicFilter(filter)) {
    throw new RangeError(
      `Cannot subscribe: filter must be a valid topic filter, current value is ${JSON.stringify(filter)}`,
    )
  }
}

/** @throws {RangeError} where the topic cannot be published to: empty, NUL, too long or with a wildcard. */
export function checkTopic(topic: string): void {
  if (topic === '' || /[+#\0]/.test(topic) || Buffer.byteLength(topic) > 0xffff) {
    throw new RangeError(
      `Cannot publish: topic must not be empty nor hold wildcards or NUL, current value is ${JSON.stringify(topic)}`,
    )
  }
}

function withoutShare(filter: string): string {
  return filter.startsWith('$share/') ? filter.split('/').slice(2).join('/') : filter
}
