import { DashboardServer } from '../src/dashboard/dashboard-server.ts'
import { announceToHomeAssistant } from '../src/home-assistant/announce.ts'
import { discoveryMessage, discoveryTopic } from '../src/home-assistant/discovery.ts'
import type { Log } from '../src/telemetry/log.ts'
import { metricValues } from '../src/telemetry/metric.ts'
import type { MqttSession } from '../src/transport/mqtt-session.ts'
import { type DeviceLeaf, deviceTopic } from '../src/transport/topics.ts'
import { agentMetrics } from './agent-metrics.ts'
import type { AgentConfig } from './config.ts'
import { PeriodicMessage } from './periodic-message.ts'
import type { Shown } from './shown.ts'

type Dashboard = AgentConfig['dashboard']

const metricsPeriodMs = 1000

export interface AppearanceOptions {
  readonly config: AgentConfig
  readonly shown: Shown
  /** With the device's broker. */
  readonly session: MqttSession
  /** Names of the models, for people. */
  readonly models: string
  readonly log: Log
}

/** What shows the agent to others: metrics, dashboard, Home Assistant. None of it is needed to answer. */
export class Appearance {
  private readonly options: AppearanceOptions
  /**
   * One flat JSON object of numbers: the form that Grafana's MQTT source, Telegraf and Home Assistant all read without
   * further ado. Words, such as which engine and why, are in the state.
   */
  private readonly metrics: PeriodicMessage
  private page: DashboardServer | undefined
  /** As it was asked for last, whether or not it could be served. */
  private dashboard: Dashboard
  private endAnnouncing: (() => Promise<void>) | undefined

  constructor(options: AppearanceOptions) {
    const { shown, session, config } = options
    this.options = options
    this.dashboard = config.dashboard
    this.metrics = new PeriodicMessage({
      session,
      topic: this.topic('metrics'),
      periodMs: metricsPeriodMs,
      text: () => JSON.stringify({ ts: Date.now(), ...metricValues(agentMetrics, shown.figures()) }),
    })
  }

  async start(): Promise<void> {
    this.options.shown.start()
    this.metrics.start()
    await this.servePage()
    await this.announce()
  }

  async stop(): Promise<void> {
    await this.endAnnouncing?.()
    this.endAnnouncing = undefined
    await this.page?.stop()
    this.page = undefined
    this.metrics.stop()
    this.options.shown.stop()
  }

  /** Serves the page elsewhere, otherwise or not at all; nothing is done where nothing has changed. */
  async showOn(dashboard: Dashboard): Promise<void> {
    if (JSON.stringify(dashboard) === JSON.stringify(this.dashboard)) return
    this.dashboard = dashboard
    await this.page?.stop()
    this.page = undefined
    await this.servePage()
  }

  private async servePage(): Promise<void> {
    const { shown, log } = this.options
    if (this.dashboard === false) return
    this.page = new DashboardServer(this.dashboard, shown)
    await this.page.start().then(
      (url) => log('info', 'the dashboard is served', { url }),
      (error: Error) => log('warn', 'there is no dashboard', { error }),
    )
  }

  private async announce(): Promise<void> {
    const { config, shown, session, models, log } = this.options
    const { device, homeAssistant, streams = [] } = config
    if (homeAssistant === undefined) return
    const discovered = {
      device,
      version: shown.version,
      model: models,
      topics: { state: this.topic('state'), metrics: this.topic('metrics'), result: this.topic('result') },
      streams: streams.map(({ name }) => name),
    }
    try {
      this.endAnnouncing = await announceToHomeAssistant({
        session,
        prefix: homeAssistant.prefix,
        topic: discoveryTopic(homeAssistant.prefix, device),
        message: discoveryMessage(discovered, agentMetrics),
        log,
      })
    } catch (error) {
      log('warn', 'Home Assistant is not listened to', { error })
    }
  }

  private topic(leaf: DeviceLeaf): string {
    const { device, topicPrefix } = this.options.config
    return deviceTopic(device, leaf, topicPrefix)
  }
}
