/**
 * Overlays a profile on another of the same name: mappings are merged key by key, everything else is replaced. Olla's
 * own files lack the gateway's additions, so they must not replace its profiles completely.
 */
export function overlay(below: unknown, above: unknown): unknown {
  if (!isMapping(below) || !isMapping(above)) return above
  const merged: Record<string, unknown> = { ...below }
  for (const [key, value] of Object.entries(above)) merged[key] = overlay(below[key], value)
  return merged
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
