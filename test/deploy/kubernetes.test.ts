import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { workerConfigSchema } from '../../backend/config.ts'
import { repositoryRoot } from '../paths.ts'

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly data?: Readonly<Record<string, string>>
  readonly spec?: unknown
}

function manifests(name: string): Manifest[] {
  const text = readFileSync(new URL(`deploy/kubernetes/${name}`, repositoryRoot), 'utf8')
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest)
}

const workers = manifests('workers.yaml')
const byKind = (kind: string) => workers.find((manifest) => manifest.kind === kind)!

test('the configuration in the manifest is one that a worker takes', () => {
  const text = byKind('ConfigMap').data!['worker.yaml']!.replaceAll('POD_NAME', 'surgeon-worker-0')
  const config = workerConfigSchema.parse(parse(text))
  expect(config).toMatchObject({
    worker: 'surgeon-worker-0',
    mqtt: { username: 'surgeon-worker-0' },
    metrics: { port: 8731 },
  })
  // What it asks of the node, and the port that is looked at.
  expect(byKind('StatefulSet').spec).toMatchObject({
    template: {
      spec: {
        containers: [
          {
            ports: [{ name: 'metrics', containerPort: config.metrics!.port }],
            resources: { requests: { cpu: String(config.threads) } },
          },
        ],
      },
    },
  })
})

test('what is scaled is the set of workers, by a metric that they tell', () => {
  const [, scaled] = manifests('autoscaling.yaml')
  expect(scaled).toMatchObject({
    spec: {
      scaleTargetRef: { kind: 'StatefulSet', name: byKind('StatefulSet').metadata.name },
      triggers: [{ metadata: { query: expect.stringContaining('surgeon_worker_queue_seconds') } }],
    },
  })
})
