import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { parse as parseYaml } from 'yaml'
import { repositoryRoot } from '../paths.ts'

export const asyncapiText = readFileSync(new URL('docs/asyncapi.yaml', repositoryRoot), 'utf8')
export const asyncapiDocument = parseYaml(asyncapiText) as {
  readonly channels: Readonly<Record<string, { readonly address: string | null }>>
  readonly components: object
}

/** Why a value is not what a schema of the document says, in words; undefined where it is. */
export function asyncapiFault(schema: string, value: unknown): string | undefined {
  const ajv = new Ajv({ allErrors: true, allowUnionTypes: true, formats: { binary: true } })
  ajv.addKeyword('components')
  ajv.addSchema({ components: asyncapiDocument.components }, 'asyncapi')
  const validate = ajv.compile({ $ref: `asyncapi#/components/schemas/${schema}` })
  return validate(value) ? undefined : ajv.errorsText(validate.errors)
}
