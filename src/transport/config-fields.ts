import { z } from 'zod'
import { isTopicId, isTopicPrefix } from './topics.ts'

/** Fields that stand in the configuration of several daemons. */
export const topicIdField = z
  .string()
  .refine(isTopicId, 'must be 1 to 64 characters without +, #, / or control characters')

export const topicPrefixField = z
  .string()
  .refine(isTopicPrefix, 'must be topic levels joined by /, none empty, without +, # or a leading $')
  .default('surgeon')

/** A day; timers cannot wait longer than 24.8 of them, and would fire at once. */
const longestMs = 86_400_000

export function milliseconds(least: number) {
  return z.int().min(least).max(longestMs)
}
