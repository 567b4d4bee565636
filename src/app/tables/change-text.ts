import { isRecord } from '../../config/file/decode.ts'

/** A changed key of the configuration as one line. */
export function changeText({ key, before, after, needs_restart: waits }: Record<string, unknown>): string {
  const note = waits === true ? ' (needs a restart)' : ''
  if (before === null) return `  + ${key}: ${show(after)}${note}`
  if (after === null) return `  - ${key}${note}`
  return `    ${key}: ${show(before)} -> ${show(after)}${note}`
}

/** The answer to a change of endpoints or settings. */
export function changesText({
  changes,
  config_version: version,
  dry_run: isDryRun,
  warning,
}: Record<string, unknown>): string {
  const made = Array.isArray(changes) ? changes.filter(isRecord) : []
  const opening =
    made.length === 0
      ? `nothing differs from version ${String(version)}`
      : isDryRun === true
        ? `would change, in place of version ${String(version)}:`
        : `version ${String(version)}:`
  const note = typeof warning === 'string' ? [`warning: ${warning}`] : []
  return `${[opening, ...made.map(changeText), ...note].join('\n')}\n`
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
