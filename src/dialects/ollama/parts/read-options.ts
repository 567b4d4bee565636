import { isObject } from '../../../kernel/json/json-fields.ts'
import type { Settings } from '../../hub/contract/conversation.ts'
import type { Feature } from '../../hub/contract/features.ts'
import { isGiven, refuse } from './read-fields.ts'

/** The settings that `options` sets. */
export type OptionSettings = {
  -readonly [Key in
    | 'maxTokens'
    | 'temperature'
    | 'topP'
    | 'topK'
    | 'minP'
    | 'seed'
    | 'stop'
    | 'presencePenalty'
    | 'frequencyPenalty'
    | 'repeatPenalty'
    | 'contextTokens']?: Settings[Key]
}

interface NumberOption {
  readonly isInteger: boolean
  /** Undefined if other APIs have no such setting. */
  readonly setting?: Exclude<keyof OptionSettings, 'stop'>
  /** Undefined if the option concerns only the machine, so that the answer is the same without it. */
  readonly feature?: Feature
  /** Whether the value leaves the setting to the endpoint. */
  readonly isUnset?: (value: number) => boolean
  /** A value that has no effect, so that an API without the option gives the same answer. */
  readonly neutral?: number
}

const engineOption = (isInteger: boolean, neutral: number): NumberOption => ({
  isInteger,
  neutral,
  feature: 'engine_options',
})
const machineOption: NumberOption = { isInteger: true }
const notPositive = (value: number): boolean => value <= 0

/** The options of Ollama's `Options` and `Runner` structs. Ollama ignores all others. */
const numberOptions: ReadonlyMap<string, NumberOption> = new Map(
  Object.entries<NumberOption>({
    // -1 means no limit, -2 until the context is full; earlier versions treat 0 as no limit too.
    num_predict: { isInteger: true, setting: 'maxTokens', feature: 'max_tokens', isUnset: notPositive },
    num_ctx: { isInteger: true, setting: 'contextTokens', feature: 'context_length', isUnset: notPositive },
    temperature: { isInteger: false, setting: 'temperature', feature: 'temperature' },
    top_p: { isInteger: false, setting: 'topP', feature: 'top_p', neutral: 1 },
    top_k: { isInteger: true, setting: 'topK', feature: 'top_k', neutral: 0 },
    min_p: { isInteger: false, setting: 'minP', feature: 'min_p', neutral: 0 },
    seed: { isInteger: true, setting: 'seed', feature: 'seed', isUnset: (value) => value === -1 },
    presence_penalty: {
      isInteger: false,
      setting: 'presencePenalty',
      feature: 'presence_penalty',
      neutral: 0,
    },
    frequency_penalty: {
      isInteger: false,
      setting: 'frequencyPenalty',
      feature: 'frequency_penalty',
      neutral: 0,
    },
    repeat_penalty: { isInteger: false, setting: 'repeatPenalty', feature: 'repeat_penalty', neutral: 1 },
    typical_p: engineOption(false, 1),
    tfs_z: engineOption(false, 1),
    repeat_last_n: engineOption(true, 64),
    mirostat: engineOption(true, 0),
    num_keep: machineOption,
    num_batch: machineOption,
    num_gpu: machineOption,
    main_gpu: machineOption,
    num_thread: machineOption,
    draft_num_predict: machineOption,
  }),
)

/**
 * Reads `options` as Ollama does: null and unknown options have no effect, a value of another type is an error, and
 * integers are truncated.
 * @param uses receives the features that the options use
 * @throws GatewayError invalid_request
 */
export function readOptions(options: unknown, uses: Set<Feature>): OptionSettings {
  const settings: OptionSettings = {}
  if (!isGiven(options)) return settings
  if (!isObject(options)) refuse('options: must be an object')
  for (const [name, value] of Object.entries(options)) {
    if (!isGiven(value)) continue
    if (name === 'stop') readStop(value, settings, uses)
    else if (name === 'use_mmap') checkFlag(name, value)
    else readNumber(name, value, settings, uses)
  }
  return settings
}

function readNumber(name: string, value: unknown, settings: OptionSettings, uses: Set<Feature>): void {
  const option = numberOptions.get(name)
  if (option === undefined) return
  const { isInteger, setting, feature, isUnset, neutral } = option
  const given = numberOf(value)
  if (given === undefined) refuse(`options.${name}: must be ${isInteger ? 'an integer' : 'a number'}`)
  const number = isInteger ? Math.trunc(given) : given
  if (isUnset?.(number) === true) return
  if (setting !== undefined) settings[setting] = number
  if (feature !== undefined && number !== neutral) uses.add(feature)
}

/** An integer beyond 2^53, such as a seed of 64 bits, is an object here; see `parseLossless`. */
function numberOf(value: unknown): number | undefined {
  const isLong = isObject(value) && Object.getPrototypeOf(value) === null
  const number = isLong ? Number(value.rawJSON) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** Ollama requires a list; clients of other APIs send one text. */
function readStop(value: unknown, settings: OptionSettings, uses: Set<Feature>): void {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  const stop = list.map((each, index) =>
    typeof each === 'string'
      ? each
      : refuse(Array.isArray(value) ? `options.stop.${index}: must be a string` : stopRule),
  )
  const sequences = stop.filter((each) => each !== '')
  if (sequences.length === 0) return
  settings.stop = sequences
  uses.add('stop')
}

const stopRule = 'options.stop: must be a string or a list of strings'

function checkFlag(name: string, value: unknown): void {
  if (typeof value !== 'boolean') refuse(`options.${name}: must be true or false`)
}
