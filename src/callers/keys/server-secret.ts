import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { SectionOptions } from '../../config/options/sections.ts'

/**
 * The secret that keys are hashed with: the configuration's, or that of the file beside a SQLite store, which is made
 * when the first thread needs it. Without a store either, there are no keys, and the secret is a random one.
 * @throws Error if the file cannot be read or written
 */
export function serverSecret({ secret, store }: Pick<SectionOptions<'callers'>, 'secret' | 'store'>): string {
  return secret ?? (store === '' ? randomSecret() : fileSecret(`${store}.secret`))
}

function fileSecret(file: string): string {
  mkdirSync(dirname(file), { recursive: true })
  try {
    const made = randomSecret()
    writeFileSync(file, `${made}\n`, { flag: 'wx', mode: 0o600 })
    return made
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  const found = readFileSync(file, 'utf8').trim()
  if (found === '') throw new Error(`${file} is empty`)
  return found
}

function randomSecret(): string {
  return randomBytes(32).toString('base64url')
}
