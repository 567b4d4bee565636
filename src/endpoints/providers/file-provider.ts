import { type FSWatcher, watch } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../kernel/clock.ts'
import type { FoundEndpoint, Provider, ProviderReports } from './contract/contract.ts'
import { Repeat } from './contract/schedule.ts'
import { readEndpointFile } from './endpoint-files.ts'

export interface FileProviderOptions {
  /** Folder whose `.yaml`, `.yml` and `.json` files are read; or one file. */
  readonly path: string
  /** Keys that an endpoint may have. */
  readonly keys: ReadonlySet<string>
  /** Between two readings without a notice of the file system. */
  readonly intervalMs: number
  readonly clock: Clock
}

const maxFiles = 1_000
const maxFileBytes = 4 * 1024 * 1024
/** A file counts as whole if two readings with this time between them are equal. */
const settleMs = 200

interface KnownFile {
  text: string
  endpoints: readonly FoundEndpoint[]
  problem: string | undefined
}

/**
 * Reads endpoints from the files of a folder. A file that is not valid keeps the endpoints that it had, and is reported. A
 * removed file takes its endpoints along.
 */
export class FileProvider implements Provider {
  readonly #options: FileProviderOptions
  readonly #repeat: Repeat
  readonly #known = new Map<string, KnownFile>()
  #reports: ProviderReports | undefined
  #watcher: FSWatcher | undefined
  #hasRead = false
  /** Texts of the previous reading that differ from what is known. */
  #changed = new Map<string, string>()

  constructor(options: FileProviderOptions) {
    this.#options = options
    this.#repeat = new Repeat({ clock: options.clock, minMs: settleMs, read: () => this.#read() })
  }

  start(reports: ProviderReports): void {
    this.#reports = reports
    this.#watch()
    this.#repeat.soon()
  }

  refresh(): void {
    this.#repeat.soon()
  }

  stop(): void {
    this.#repeat.stop()
    this.#watcher?.close()
  }

  /** Notices only make it faster: the interval finds everything that they miss, as on network file systems. */
  #watch(): void {
    if (this.#watcher !== undefined) return
    try {
      this.#watcher = watch(this.#options.path, { persistent: false }, () => this.#repeat.soon())
      this.#watcher.on('error', () => this.#unwatch())
    } catch {
      this.#unwatch()
    }
  }

  #unwatch(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }

  async #read(): Promise<number> {
    const { intervalMs } = this.#options
    let texts: Map<string, string>
    try {
      texts = await this.#texts()
    } catch (error) {
      this.#unwatch()
      this.#reports?.failed(`cannot read ${this.#options.path}: ${codeOf(error)}`)
      return intervalMs
    }
    this.#watch()
    const changed = new Map([...texts].filter(([file, text]) => this.#known.get(file)?.text !== text))
    const isSettled = [...changed].every(([file, text]) => !this.#hasRead || this.#changed.get(file) === text)
    this.#changed = changed
    if (!isSettled) return settleMs
    this.#hasRead = true
    for (const file of this.#known.keys()) if (!texts.has(file)) this.#known.delete(file)
    for (const [file, text] of changed) this.#take(file, text)
    this.#report()
    return intervalMs
  }

  #take(file: string, text: string): void {
    const before = this.#known.get(file)
    try {
      this.#known.set(file, {
        text,
        endpoints: readEndpointFile(text, this.#options.keys),
        problem: undefined,
      })
    } catch (error) {
      const message = error instanceof SyntaxError ? error.message : 'is not valid'
      this.#known.set(file, { text, endpoints: before?.endpoints ?? [], problem: `${file}: ${message}` })
    }
  }

  #report(): void {
    const files = [...this.#known.values()]
    this.#reports?.found(files.flatMap(({ endpoints }) => endpoints))
    const problems = files.flatMap(({ problem }) => (problem === undefined ? [] : [problem]))
    if (problems.length > 0) this.#reports?.failed(problems.slice(0, 3).join('; '))
  }

  async #texts(): Promise<Map<string, string>> {
    const { path } = this.#options
    if (!(await stat(path)).isDirectory()) {
      const text = await readText(path)
      if (text === undefined) throw new Error('it is neither a folder nor a regular file')
      return new Map([[path, text]])
    }
    const names = (await readdir(path)).filter((name) => /^[^.].*\.(ya?ml|json)$/i.test(name)).sort()
    if (names.length > maxFiles) throw new Error(`more than ${maxFiles} files`)
    const texts = new Map<string, string>()
    for (const name of names) {
      const text = await readText(join(path, name)).catch((error: unknown) => {
        // Renamed in the meantime.
        if (codeOf(error) === 'ENOENT') return undefined
        throw error
      })
      if (text !== undefined) texts.set(name, text)
    }
    return texts
  }
}

/** @returns undefined if it is no regular file: reading a pipe would wait for a writer without end */
async function readText(path: string): Promise<string | undefined> {
  const found = await stat(path)
  if (!found.isFile()) return undefined
  if (found.size > maxFileBytes) throw new Error(`larger than ${maxFileBytes} bytes`)
  return readFile(path, 'utf8')
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}
