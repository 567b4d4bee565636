import { access, constants, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../config/diagnostics.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { LogOutput } from './log-output.ts'

const logName = 'olla-gateway'
const dayMs = 86_400_000
/** Bytes that wait at most while the disk is full. */
const mostPendingBytes = 8 * 1024 * 1024

/**
 * Rotated files in `logging.dir`; those that are too old are removed first.
 * @throws ConfigError where the folder cannot be written to
 */
export async function createLogFile(config: GatewayConfig['logging'], minLength: number): Promise<LogOutput> {
  try {
    await mkdir(config.dir, { recursive: true })
    await access(config.dir, constants.W_OK)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    const message = `the folder ${config.dir} cannot be written to (${code})`
    throw new ConfigError([{ severity: 'error', key: 'logging.dir', message }])
  }
  await removeOldFiles(config.dir, config.max_age_days)
  const { default: roll } = await import('pino-roll')
  const file = await roll({
    file: join(config.dir, logName),
    extension: '.log',
    size: `${config.max_size_mb}m`,
    limit: { count: config.max_backups },
    mkdir: true,
    sync: false,
    minLength,
    maxLength: mostPendingBytes,
  })
  // Without a listener a full disk would end the process. Its lines stay held back, and the next write tries again.
  file.on('error', () => {})
  // Without `flushSync`, which repeats a failing write forever.
  return {
    write: (text) => void file.write(text),
    flush: () => file.flush(() => {}),
    whenIdle: (done) => file.flush(() => done()),
  }
}

/** Size and number are pino-roll's to bound; it knows no age. */
async function removeOldFiles(dir: string, maxAgeDays: number): Promise<void> {
  if (maxAgeDays === 0) return
  const names = await readdir(dir).catch(() => [])
  for (const name of names) {
    if (!name.startsWith(logName) || !name.endsWith('.log')) continue
    const path = join(dir, name)
    const { mtimeMs } = await stat(path)
    if (Date.now() - mtimeMs > maxAgeDays * dayMs) await rm(path, { force: true })
  }
}
