import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { clusterSecretKeys, secretKeys } from '../file/secrets.ts'
import type { KeyPath, Problem } from '../schema/diagnostics.ts'
import type { GatewayConfig } from '../schema/schema.ts'

/**
 * Finds files with secrets that other users of this machine can read. A file that belongs to root may be readable by
 * its group: this is how a service that runs as another user gets its secrets.
 * @param text of the configuration file
 */
export function findReadableSecrets(
  { discovery, dashboard, callers, cluster }: GatewayConfig,
  { path, text, folder }: { readonly path: string; readonly text: string; readonly folder: string },
): Problem[] {
  if (process.platform === 'win32') return []
  const files = new Map<string, KeyPath>()
  const inline: string[] = []
  for (const [index, { auth }] of discovery.static.endpoints.entries()) {
    for (const key of secretKeys) {
      const file = auth?.[`${key}_file`]
      const value = auth?.[key]
      if (file !== undefined)
        files.set(resolve(folder, file), ['discovery', 'static', 'endpoints', index, 'auth', `${key}_file`])
      else if (value !== undefined && key !== 'username') inline.push(value)
    }
  }
  if (dashboard.admin_token_file !== undefined)
    files.set(resolve(folder, dashboard.admin_token_file), ['dashboard', 'admin_token_file'])
  else if (dashboard.admin_token !== undefined) inline.push(dashboard.admin_token)
  for (const key of clusterSecretKeys) {
    const file = cluster[`${key}_file`]
    const value = cluster[key]
    if (file !== undefined) files.set(resolve(folder, file), ['cluster', `${key}_file`])
    else if (value !== undefined) inline.push(value)
  }
  const withSecrets: (readonly [KeyPath, typeof callers | (typeof callers.webhooks)[number]])[] = [
    [['callers'], callers],
    ...callers.webhooks.map((webhook, index) => [['callers', 'webhooks', index], webhook] as const),
  ]
  for (const [key, { secret, secret_file: file }] of withSecrets) {
    if (file !== undefined) files.set(resolve(folder, file), [...key, 'secret_file'])
    else if (secret !== undefined) inline.push(secret)
  }
  // The file does not contain values of variables.
  if (inline.some((secret) => secret !== '' && text.includes(secret))) files.set(path, [])
  return [...files].flatMap(([file, key]): Problem[] => {
    const mode = readableMode(file)
    if (mode === undefined) return []
    const what = key.length === 0 ? 'this file holds secrets, and' : 'the file'
    const message = `${what} can be read by other users of this machine (mode ${mode}): chmod 600`
    return [{ severity: 'warning', path: key, message }]
  })
}

/** @returns the mode of a file that other users can read */
function readableMode(file: string): string | undefined {
  try {
    const { mode, uid } = statSync(file)
    const isReadable = (mode & 0o004) !== 0 || ((mode & 0o040) !== 0 && uid !== 0)
    return isReadable ? (mode & 0o777).toString(8).padStart(4, '0') : undefined
  } catch {
    // Another check reports files that cannot be read.
    return undefined
  }
}
