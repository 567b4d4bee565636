import { readFileSync } from 'node:fs'
import { open, realpath, rename, rm } from 'node:fs/promises'
import { isRecord } from '../../config/file/decode.ts'
import { noSettings, type SettingEntries } from '../../runtime/configuration/settings/setting-overlay.ts'
import type { OverlayEntry } from './endpoint-overlay.ts'

const formatVersion = 1

/** What operators have changed while the gateway runs. */
export interface OperatorState {
  readonly endpoints: ReadonlyMap<string, OverlayEntry>
  readonly settings: SettingEntries
}

/** Keeps what operators have changed, in a file if there is one. */
export class StateFile {
  readonly #path: string
  #state: OperatorState
  #writing: Promise<unknown> = Promise.resolve()

  /**
   * @param path empty if there is no file
   * @throws Error with a message that names the file, if it is not a state file of this version
   */
  constructor(path: string) {
    this.#path = path
    this.#state = path === '' ? { endpoints: new Map(), settings: noSettings } : read(path)
  }

  get state(): OperatorState {
    return this.#state
  }

  /**
   * Keeps changes, one after the other.
   * @returns why the file could not be written; undefined if it was, or if there is none
   */
  keep(part: Partial<OperatorState>): Promise<string | undefined> {
    this.#state = { ...this.#state, ...part }
    if (this.#path === '') return Promise.resolve(undefined)
    const written = this.#writing.then(() => write(this.#path, this.#state)).then(() => undefined, reasonOf)
    this.#writing = written
    return written
  }
}

/** @returns an empty state if there is no file yet */
function read(path: string): OperatorState {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return { endpoints: new Map(), settings: noSettings }
    throw new Error(`server.state_file ${path} cannot be read`, { cause: error })
  }
  const value = parse(text)
  if (!isRecord(value) || value.version !== formatVersion || !isRecord(value.endpoints)) {
    throw new Error(`server.state_file ${path} is not a state file of version ${formatVersion}`)
  }
  const endpoints = Object.entries(value.endpoints).flatMap(([name, entry]) => {
    const known = readEntry(entry)
    return known === undefined ? [] : [[name, known] as const]
  })
  return { endpoints: new Map(endpoints), settings: readSettings(value.settings) }
}

/** Replaces the file at once: a reader sees the old one or the new one. Only its owner may read it: it may hold secrets. */
async function write(path: string, { endpoints, settings }: OperatorState): Promise<void> {
  const value = {
    version: formatVersion,
    endpoints: Object.fromEntries(endpoints),
    ...(settings === noSettings ? {} : { settings }),
  }
  // A link stays one.
  const real = await realpath(path).catch(() => path)
  const temporary = `${real}.${process.pid}.tmp`
  try {
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.writeFile(`${JSON.stringify(value, null, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, real)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
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

function readSettings(value: unknown): SettingEntries {
  if (!isRecord(value)) return noSettings
  const { aliases, logLevel, limits } = value
  const { rate_limits, queue } = isRecord(limits) ? limits : {}
  return {
    aliases: isRecord(aliases) ? aliases : {},
    logLevel,
    limits: {
      ...(isRecord(rate_limits) ? { rate_limits } : {}),
      ...(isRecord(queue) ? { queue } : {}),
    },
  }
}
