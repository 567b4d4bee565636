import { readFileSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { isRecord } from '../../config/file/decode.ts'
import type { OverlayEntry } from './endpoint-overlay.ts'

const formatVersion = 1

/**
 * Reads the entries of a state file; none if there is no file yet.
 * @throws Error with a message that names the file, if it is not a state file of this version
 */
export function readStateFile(path: string): [string, OverlayEntry][] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw new Error(`server.state_file ${path} cannot be read`, { cause: error })
  }
  const value = parse(text)
  if (!isRecord(value) || value.version !== formatVersion || !isRecord(value.endpoints)) {
    throw new Error(`server.state_file ${path} is not a state file of version ${formatVersion}`)
  }
  return Object.entries(value.endpoints).flatMap(([name, entry]) => {
    const known = readEntry(entry)
    return known === undefined ? [] : [[name, known]]
  })
}

/** Replaces the file at once: a reader sees the old one or the new one. Only its owner may read it: it may hold secrets. */
export async function writeStateFile(
  path: string,
  entries: ReadonlyMap<string, OverlayEntry>,
): Promise<void> {
  const text = `${JSON.stringify({ version: formatVersion, endpoints: Object.fromEntries(entries) }, null, 2)}\n`
  const temporary = `${path}.${process.pid}.tmp`
  try {
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function readEntry(entry: unknown): OverlayEntry | undefined {
  if (!isRecord(entry)) return undefined
  if (entry.kind === 'added' && isRecord(entry.value)) return { kind: 'added', value: entry.value }
  if (entry.kind === 'changed' && isRecord(entry.patch)) return { kind: 'changed', patch: entry.patch }
  return entry.kind === 'removed' ? { kind: 'removed' } : undefined
}
