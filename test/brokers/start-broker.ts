import { startEmbedded } from './embedded.ts'
import { startMosquitto } from './mosquitto.ts'
import type { TestBroker, TestBrokerOptions } from './test-broker.ts'

/**
 * The broker that this run of a test is about. Every test file that imports this runs on the embedded broker, and on
 * Mosquitto as well where that is installed (see vitest.config.mjs).
 * @throws {Error} where it does not start, with what it wrote.
 */
export const startBroker: (options?: TestBrokerOptions) => Promise<TestBroker> =
  process.env['SURGEON_TEST_BROKER'] === 'mosquitto' ? startMosquitto : startEmbedded
