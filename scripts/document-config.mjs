// Writes docs/configuration.md and the JSON Schemas that editors read (deploy/*.schema.json) from the schemas of the
// daemons and the comments beside their fields. Run after the build; --check only says whether they are up to date.
import { readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

// Defaults are those of a user who has set nothing.
for (const name of ['CACHE_DIRECTORY', 'XDG_CACHE_HOME', 'STATE_DIRECTORY', 'XDG_STATE_HOME'])
  delete process.env[name]
const { z } = await import('zod')
const { agentConfigSchema } = await import('../dist/agent/config.js')
const { workerConfigSchema } = await import('../dist/backend/config.js')
const { manifestSchema } = await import('../dist/src/model-graph/manifest.js')

const root = join(import.meta.dirname, '..')
const read = (path) => readFileSync(join(root, path), 'utf8')

/** Where the fields of a key stand, if not beside it. */
const elsewhere = {
  mqtt: 'src/transport/endpoint-config.ts',
  pool: 'src/transport/endpoint-config.ts',
  compiledCache: 'src/executor/compiled-cache/cache-settings.ts',
}

/** What one sentence explains. */
const whole = new Set(['model'])

const agent = document('agent', 'agent/config.ts', agentConfigSchema)
const worker = document('worker', 'backend/config.ts', workerConfigSchema)
const outputs = {
  'deploy/agent.schema.json': `${JSON.stringify(agent.schema, undefined, 2)}\n`,
  'docs/surgeon.schema.json': `${JSON.stringify(manifestJsonSchema(), undefined, 2)}\n`,
  'deploy/worker.schema.json': `${JSON.stringify(worker.schema, undefined, 2)}\n`,
  'docs/configuration.md': `# Configuration

YAML or JSON; unknown keys are refused, and all faults are told together (\`surgeon agent --check-config FILE\`). Any key can be set in the environment instead: \`SURGEON__mqtt__url=mqtt://broker:1883\`. Editors that know the YAML language server complete and check a file that begins with

\`\`\`yaml
# yaml-language-server: $schema=https://unpkg.com/dnn-surgeon/deploy/agent.schema.json
\`\`\`

This page and the schemas are made from the source: \`npm run build && node scripts/document-config.mjs\`.

## surgeon agent

${table(agent.rows)}

## surgeon worker

${table(worker.rows)}
`,
}

let stale = 0
for (const [path, text] of Object.entries(outputs)) {
  let before = ''
  try {
    before = read(path)
  } catch {
    // Not written yet.
  }
  if (normal(before) === normal(text)) continue
  stale++
  if (process.argv.includes('--check'))
    console.error(`${path} is out of date: node scripts/document-config.mjs`)
  else writeFileSync(join(root, path), text)
}
if (process.argv.includes('--check') && stale > 0) process.exitCode = 1

/** What JSON Schema can say of a manifest; that lists have one entry for each place of the last axis it cannot. */
function manifestJsonSchema() {
  const { $schema, ...schema } = z.toJSONSchema(manifestSchema, { io: 'input' })
  const comments = fieldComments('src/model-graph/manifest.ts')
  const explain = (node) => {
    for (const [key, value] of Object.entries(node.properties ?? {}))
      if (comments.has(key)) value.description = comments.get(key)
    for (const inner of Object.values(node)) if (typeof inner === 'object' && inner !== null) explain(inner)
  }
  explain(schema)
  const kindIs = (kind) => ({ properties: { kind: { const: kind } }, required: ['kind'] })
  const [numbers, noBoxes] = [kindIs('values'), { not: kindIs('boxes') }]
  const allFixed = { additionalProperties: { required: ['value'] } }
  return {
    $schema,
    title: 'surgeon.json',
    ...schema,
    if: { required: ['input'] },
    then: { properties: { inputs: allFixed } },
    else: { required: ['inputs'], properties: { inputs: { not: allFixed }, output: noBoxes } },
    allOf: [
      {
        if: { properties: { input: numbers }, required: ['input'] },
        then: { properties: { output: noBoxes } },
      },
    ],
  }
}

/** Comment of each field of a source file by the field's name, where one name has one comment. */
function fieldComments(file) {
  const found = new Map()
  for (const [, comment, key] of read(file).matchAll(/\/\*\*\s+((?:(?!\*\/)[\s\S])*?)\s*\*\/\s+([\w$]+):/g))
    found.set(
      key,
      found.has(key) ? undefined : comment.replace(/^\*\s*/, '').replaceAll(/\s*\n\s*\*\s*/g, ' '),
    )
  // Of the many kinds one has a comment.
  found.delete('kind')
  return new Map([...found].filter(([, comment]) => comment !== undefined))
}

/** The formatter pads tables. */
function normal(text) {
  return text.replace(/ +\|/g, ' |').replace(/-{3,}/g, '---')
}

function document(name, file, schema) {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  const comments = commentsIn(file)
  const rows = []
  describe(
    json,
    [],
    (path) => {
      const [first, ...rest] = path
      const text =
        comments.get(path.join('.')) ??
        (first in elsewhere ? commentsIn(elsewhere[first]).get(rest.join('.')) : undefined)
      return text ?? ''
    },
    rows,
  )
  return { rows, schema: { ...json, title: `surgeon ${name}` } }
}

function describe(node, path, textOf, rows) {
  for (const [key, value] of Object.entries(node.properties ?? {})) {
    const text = textOf([...path, key].map((part) => part.replace('[]', '')))
    if (text !== '') value.description = text
    const inner = whole.has(key)
      ? undefined
      : [value, value.items ?? {}, ...(value.anyOf ?? [])].find(({ properties }) => properties !== undefined)
    // Each of a list has these keys.
    const shown = inner !== undefined && inner === value.items ? `${key}[]` : key
    if (typeof value.default === 'string') value.default = value.default.replace(homedir(), '~')
    const standard =
      inner !== undefined
        ? ''
        : value.default === undefined
          ? node.required?.includes(key)
            ? '(must be given)'
            : ''
          : `\`${JSON.stringify(value.default)}\``
    rows.push([[...path, key].join('.'), typeOf(value), standard, text])
    if (inner !== undefined) describe(inner, [...path, shown], textOf, rows)
  }
}

function typeOf({ type, enum: values, anyOf, items, minimum, maximum, const: constant }) {
  if (constant !== undefined) return `\`${constant}\``
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(', ')
  if (anyOf !== undefined) return anyOf.map(typeOf).join(' or ')
  if (type === 'array') return `list of ${typeOf(items)}`
  const least = minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? ` from ${minimum}` : ''
  const most = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? ` to ${maximum}` : ''
  return `${type === 'object' ? 'keys' : (type ?? 'text')}${least}${most}`
}

function table(rows) {
  const cells = rows.map(
    ([key, type, standard, text]) =>
      `| \`${key}\` | ${type} | ${standard} | ${text.replaceAll('|', '\\|')} |`,
  )
  return ['| key | value | default | |', '| --- | --- | --- | --- |', ...cells].join('\n')
}

/** Comment by the path of the field that it stands before; the indentation tells what is within what. */
function commentsIn(file) {
  const found = new Map()
  const within = []
  let comment
  for (const line of read(file).split('\n')) {
    const [, begin] = /^\s*\/\*\*\s?(.*)$/.exec(line) ?? []
    const [, more] = /^\s*\*\s?(.*)$/.exec(line) ?? []
    if (begin !== undefined) comment = begin
    else if (more !== undefined && comment !== undefined) comment += ` ${more}`
    const [, indent, key] = /^(\s+)(\w+):/.exec(line) ?? []
    if (key !== undefined) {
      while (within.length > 0 && within.at(-1).depth >= indent.length) within.pop()
      within.push({ depth: indent.length, key })
      const text = comment
        ?.replace(/\*?\/\s*$/, '')
        .replace(/\*$/, '')
        .trim()
      if (text) found.set(within.map(({ key }) => key).join('.'), text)
      comment = undefined
    }
  }
  return found
}
