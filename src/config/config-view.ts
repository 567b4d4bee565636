import { isRecord } from './file/decode.ts'
import { encodeConfig } from './print.ts'
import type { GatewayConfig } from './schema/schema.ts'

export interface ConfigView {
  /** As in the file: durations with units, secrets masked. */
  readonly values: Readonly<Record<string, unknown>>
  /** Dotted keys whose values differ from the defaults. */
  readonly changed: readonly string[]
}

/** @param defaults the configuration without a file and variables */
export function configView(config: GatewayConfig, defaults: GatewayConfig): ConfigView {
  const values = encodeConfig(config)
  const changed: string[] = []
  compare(values, encodeConfig(defaults), [], changed)
  return { values, changed: changed.sort() }
}

/** Compares sections key by key; a list or a map of free names is one value. */
function compare(value: unknown, other: unknown, path: readonly string[], changed: string[]): void {
  if (isRecord(value) && isRecord(other) && !isFree(path)) {
    for (const key of new Set([...Object.keys(value), ...Object.keys(other)])) {
      compare(value[key], other[key], [...path, key], changed)
    }
  } else if (JSON.stringify(value) !== JSON.stringify(other)) {
    changed.push(path.join('.'))
  }
}

function isFree([section]: readonly string[]): boolean {
  return section === 'model_aliases' || section === 'model_fallbacks'
}
