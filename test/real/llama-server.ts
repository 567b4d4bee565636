import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, type TestContext } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const folder = import.meta.dirname
/** An address of its own: the kernel may have given fixed ports of 127.0.0.1 to connections. */
const host = '127.0.0.77'

/** A Python that has the packages of requirements.txt; `npm run test:real:install` makes one. */
export const python = process.env.OLLA_REAL_PYTHON ?? join(folder, '.venv/bin/python')

/**
 * Why the tests of this folder cannot run here; false where they can.
 * @throws Error where they must run (`OLLA_REQUIRE_REAL=1`) and cannot
 */
export function skipReason(): string | false {
  if (existsSync(python)) return false
  const reason = 'no Python with llama.cpp here: run "npm run test:real:install" first'
  if (process.env.OLLA_REQUIRE_REAL === '1') throw new Error(reason)
  return reason
}

/** What a model does with any prompt: says one sentence, calls one tool, repeats its sentence without end, or thinks first. */
export type Behaviour = 'says' | 'calls' | 'loops' | 'thinks'

export const sentence = 'Hello from a very small model.'
/** Tokens of the context that a server is started with, unless a test says otherwise. */
export const contextTokens = 2_048

export interface LlamaServer {
  readonly url: string
  readonly port: number
  /** Ends the process at once, as a crash does. */
  kill(): Promise<void>
}

export interface ServerSettings {
  readonly behaviour?: Behaviour
  /** The name that it lists its model by. */
  readonly model?: string
  /** 0, the default, takes a free one. */
  readonly port?: number
  readonly embeddings?: boolean
  /** Scores a document above others if it ends in a line break. */
  readonly reranking?: boolean
  /** 2,048 by default. */
  readonly context?: number
}

const models = new Map<Behaviour, Promise<string>>()
let modelFolder: Promise<string> | undefined

async function modelFile(behaviour: Behaviour): Promise<string> {
  modelFolder ??= mkdtemp(join(tmpdir(), 'olla-real-'))
  const file = join(await modelFolder, `${behaviour}.gguf`)
  let made = models.get(behaviour)
  if (made === undefined) {
    made = run(python, [join(folder, 'make_model.py'), file, behaviour]).then(() => file)
    models.set(behaviour, made)
  }
  return made
}

after(async () => {
  if (modelFolder !== undefined) await rm(await modelFolder, { recursive: true, force: true })
})

/** Starts llama.cpp's own server; it ends with the test. */
export async function startLlamaServer(t: TestContext, settings: ServerSettings = {}): Promise<LlamaServer> {
  const { behaviour = 'says', model = 'tiny', port = 0, embeddings = false, reranking = false } = settings
  const { context = contextTokens } = settings
  const file = await modelFile(behaviour)
  const args = [join(folder, 'serve.py'), file, host, String(port), model, String(context)]
  const feature = reranking ? ['reranking'] : embeddings ? ['embeddings'] : []
  const child = spawn(python, [...args, ...feature], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ended = once(child, 'exit')
  const kill = async () => {
    child.kill('SIGKILL')
    await ended
  }
  t.after(kill)
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /^http:\/\/[\d.]+:\d+/.exec(line)?.[0]
    if (url !== undefined) return { url, port: Number(new URL(url).port), kill }
  }
  throw new Error('the llama.cpp server ended before it listened')
}

/** Slots of the server that work now. */
export async function busySlots({ url }: LlamaServer): Promise<number> {
  const slots = (await (await fetch(`${url}/slots`)).json()) as { is_processing: boolean }[]
  return slots.filter(({ is_processing }) => is_processing).length
}
