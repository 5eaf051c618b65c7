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
}

/** Home Assistant's words for a unit; without a class it is a plain number. */
const units: Readonly<Record<Unit, { device_class?: string; unit_of_measurement?: string }>> = {
  count: {},
  ms: { device_class: 'duration', unit_of_measurement: 'ms' },
  seconds: { device_class: 'duration', unit_of_measurement: 's' },
  bytes: { device_class: 'data_size', unit_of_measurement: 'B' },
  'bits per second': { device_class: 'data_rate', unit_of_measurement: 'bit/s' },
  celsius: { device_class: 'temperature', unit_of_measurement: '°C' },
  ratio: {},
  'yes or no': {},
}

/** Where the message goes, retained. */
export function discoveryTopic(prefix: string, device: string): string {
  return `${prefix}/device/${objectId(device)}/config`
}

export function discoveryMessage(
  { device, version, model, topics }: DiscoveredDevice,
  metrics: readonly Metric<never>[],
): Record<string, unknown> {
  const id = objectId(device)
  const answer = {
    answer: {
      p: 'sensor',
      name: 'Answer',
      icon: 'mdi:tag',
      state_topic: topics.result,
      value_template: '{{ value_json.top[0].label if value_json.ok else "error" }}',
    },
    probability: {
      p: 'sensor',
      name: 'Probability',
      unit_of_measurement: '%',
      suggested_display_precision: 0,
      state_topic: topics.result,
      value_template: '{{ (100 * value_json.top[0].probability) if value_json.ok else 0 }}',
    },
  }
  const measured = metrics.map(({ key, unit, kind, help }) => {
    const isSwitch = unit === 'yes or no'
    const component = {
      p: isSwitch ? 'binary_sensor' : 'sensor',
      name: help,
      entity_category: 'diagnostic',
      state_topic: topics.metrics,
      value_template: isSwitch
        ? `{{ 'ON' if value_json.${key} | default(0) else 'OFF' }}`
        : `{{ value_json.${key} | default(none) }}`,
      ...(isSwitch
        ? {}
        : { state_class: kind === 'counter' ? 'total_increasing' : 'measurement', ...units[unit] }),
    }
    return [key, component] as const
  })
  const components = Object.entries({ ...answer, ...Object.fromEntries(measured) })
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
function objectId(device: string): string {
  return device.replaceAll(/[^A-Za-z0-9_-]/g, '_')
}
