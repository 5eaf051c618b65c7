/**
 * Home Assistant's MQTT discovery of a whole device in one retained message
 * (home-assistant.io/integrations/mqtt, "Device discovery payload").
 */
import type { Metric, Unit } from '../telemetry/metric.ts'

export interface DiscoveredDevice {
  readonly device: string
  readonly version: string
  readonly model: string
  readonly topics: { readonly state: string; readonly metrics: string; readonly result: string }
  /** Streams that are answered on `RESULT/NAME` of their own; empty where all are answered on the result topic. */
  readonly streams: readonly string[]
}

/** A state of at most 255 characters of whatever kind of answer; attributes have all of it. */
const answerTemplate = [
  '{% if not value_json.ok %}{{ value_json.error.code }}',
  '{% elif value_json.top is defined %}{{ value_json.top[0].label }}',
  "{% elif value_json.boxes is defined %}{{ value_json.boxes | map(attribute='label') | unique | join(', ') | default('nothing', true) }}",
  '{% elif value_json.text is defined %}{{ value_json.text }}',
  "{% else %}{{ value_json.outputs[0]['values'][0] }}{% endif %}",
].join('')

const probabilityTemplate = [
  '{% if value_json.top is defined %}{{ (100 * value_json.top[0].probability) | round(1) }}',
  '{% elif value_json.boxes is defined and value_json.boxes %}{{ (100 * value_json.boxes[0].score) | round(1) }}',
  '{% else %}None{% endif %}',
].join('')

/** Home Assistant's words for a unit; without a class it is a plain number. */
const units: Readonly<Record<Unit, { device_class?: string; unit_of_measurement?: string }>> = {
  count: {},
  ms: { device_class: 'duration', unit_of_measurement: 'ms' },
  seconds: { device_class: 'duration', unit_of_measurement: 's' },
  bytes: { device_class: 'data_size', unit_of_measurement: 'B' },
  'bits per second': { device_class: 'data_rate', unit_of_measurement: 'bit/s' },
  celsius: { device_class: 'temperature', unit_of_measurement: '°C' },
  hertz: { device_class: 'frequency', unit_of_measurement: 'Hz' },
  ratio: {},
  'yes or no': {},
}

/** Where the message goes, retained. */
export function discoveryTopic(prefix: string, device: string): string {
  return `${prefix}/device/${objectId(device)}/config`
}

export function discoveryMessage(
  { device, version, model, topics, streams }: DiscoveredDevice,
  metrics: readonly Metric<never>[],
): Record<string, unknown> {
  const id = objectId(device)
  const places =
    streams.length === 0
      ? [{ key: '', name: '', topic: topics.result }]
      : streams.map((name) => ({
          key: `_${objectId(name)}`,
          name: ` ${name}`,
          topic: `${topics.result}/${name}`,
        }))
  const answers = places.flatMap(({ key, name, topic }): [string, object][] => [
    [
      `answer${key}`,
      {
        p: 'sensor',
        name: `Answer${name}`,
        icon: 'mdi:tag',
        state_topic: topic,
        value_template: answerTemplate,
        json_attributes_topic: topic,
      },
    ],
    [
      `probability${key}`,
      {
        p: 'sensor',
        name: `Probability${name}`,
        unit_of_measurement: '%',
        suggested_display_precision: 0,
        state_topic: topic,
        value_template: probabilityTemplate,
      },
    ],
  ])
  const measured = metrics.map(({ key, unit, kind, help }) => {
    const isSwitch = unit === 'yes or no'
    const component = {
      p: isSwitch ? 'binary_sensor' : 'sensor',
      name: help,
      entity_category: 'diagnostic',
      state_topic: topics.metrics,
      value_template: isSwitch
        ? `{{ none if value_json.${key} is not defined else 'ON' if value_json.${key} else 'OFF' }}`
        : `{{ value_json.${key} | default(none) }}`,
      ...(isSwitch
        ? {}
        : { state_class: kind === 'counter' ? 'total_increasing' : 'measurement', ...units[unit] }),
    }
    return [key, component] as const
  })
  const components = Object.entries({ ...Object.fromEntries(answers), ...Object.fromEntries(measured) })
  return {
    dev: { ids: [`surgeon_${id}`], name: `Surgeon ${device}`, mf: 'Surgeon', mdl: model, sw: version },
    o: { name: 'dnn-surgeon', sw: version },
    availability: [
      {
        topic: topics.state,
        value_template: '{{ value_json.state }}',
        payload_available: 'online',
        payload_not_available: 'offline',
      },
    ],
    cmps: Object.fromEntries(
      components.map(([key, component]) => [key, { ...component, unique_id: `surgeon_${id}_${key}` }]),
    ),
  }
}

/** Topics and ids there take letters, digits, `_` and `-` only. */
function objectId(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_-]/g, '_')
}
