/** A changed key of the configuration as one line. */
export function changeText({ key, before, after, needs_restart: waits }: Record<string, unknown>): string {
  const note = waits === true ? ' (needs a restart)' : ''
  if (before === null) return `  + ${key}: ${show(after)}${note}`
  if (after === null) return `  - ${key}${note}`
  return `    ${key}: ${show(before)} -> ${show(after)}${note}`
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
