import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { folder } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { postChat } from '../support/gateway.ts'
import { jsonAnswer, startRawUpstream } from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'

const command = fileURLToPath(new URL('../../bin/olla-gateway.js', import.meta.url))

interface Fault {
  readonly name: string
  /** Standard output and standard error. */
  stdio(cwd: string): [Stdio, Stdio]
  /** The section `logging`. */
  readonly logging?: string
  /** Before the start. */
  prepare?(cwd: string): void
  /** When it serves. */
  later?(child: ChildProcess, cwd: string): void
  /** Runs before the command, in the shell. */
  readonly shell?: string
  /** Whether lines are lost before the stop. */
  readonly loses: boolean
  /** Default one: the thread that writes is the same with several. */
  readonly threads?: readonly number[]
}
type Stdio = 'ignore' | 'pipe' | number

const full = () => openSync('/dev/full', 'w')
const fileLog = 'output: file, dir: logs'

const faults: readonly Fault[] = [
  { name: 'a full standard output', stdio: () => [full(), 'ignore'], loses: true },
  { name: 'a full standard error', stdio: () => ['ignore', full()], loses: false },
  { name: 'both full', stdio: () => [full(), full()], loses: true, threads: [1, 2] },
  {
    name: 'a file that may not grow',
    stdio: (cwd) => [openSync(join(cwd, 'out'), 'w'), 'ignore'],
    shell: 'ulimit -f 16',
    loses: true,
  },
  {
    name: 'log files that may not grow',
    stdio: () => ['ignore', 'ignore'],
    shell: 'ulimit -f 16',
    logging: fileLog,
    loses: true,
  },
  {
    name: 'log files whose folder is replaced by a file',
    stdio: () => ['ignore', 'ignore'],
    logging: fileLog,
    later(_child, cwd) {
      rmSync(join(cwd, 'logs'), { recursive: true })
      openSync(join(cwd, 'logs'), 'w')
    },
    loses: true,
    threads: [1, 2],
  },
  {
    name: 'a log file that cannot be opened in time',
    stdio: () => ['ignore', 'ignore'],
    logging: fileLog,
    prepare(cwd) {
      mkdirSync(join(cwd, 'logs'))
      // Opening it for writing waits for a reader.
      execFileSync('mkfifo', [join(cwd, 'logs', 'olla-gateway.1.log')])
    },
    loses: true,
  },
  {
    name: 'pipes that stopped readers hold',
    stdio: () => ['pipe', 'pipe'],
    later({ stdout, stderr }) {
      stdout?.pause()
      stderr?.pause()
    },
    loses: false,
    threads: [1, 2],
  },
  {
    name: 'pipes whose readers have gone',
    stdio: () => ['pipe', 'pipe'],
    later({ stdout, stderr }) {
      stdout?.destroy()
      stderr?.destroy()
    },
    loses: true,
    threads: [1, 2],
  },
]

describe('log output that fails', { skip: !existsSync('/dev/full') && 'no /dev/full' }, () => {
  for (const fault of faults) {
    for (const threads of fault.threads ?? [1]) {
      it(`${fault.name}, threads: ${threads}: serves, counts, stops with 0`, async (t) => {
        const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{}')))
        const port = await freePort()
        const cwd = await folder({ 'olla.yaml': configFor(upstream.url, port, threads, fault.logging) })
        fault.prepare?.(cwd)
        const line = `${fault.shell ?? ':'}; exec "$0" "$1" -c olla.yaml`
        const child = spawn('bash', ['-c', line, process.execPath, command], {
          cwd,
          env: { PATH: process.env.PATH ?? '' },
          stdio: ['ignore', ...fault.stdio(cwd)],
        })
        t.after(() => child.kill('SIGKILL'))
        const url = `http://127.0.0.1:${port}`
        await eventually(
          async () => (await fetch(`${url}/internal/ready`).catch(() => undefined))?.status === 200,
        )
        fault.later?.(child, cwd)
        const user = 'x'.repeat(1000)
        for (let round = 0; round < 10; round++) {
          const answers = await Promise.all(Array.from({ length: 20 }, () => postChat(url, { user })))
          for (const { status } of answers) assert.equal(status, 200)
        }
        const dropped = async () => {
          const reading = (await (await fetch(`${url}/internal/process`)).json()) as {
            log: { lines_dropped: number }
          }
          return reading.log.lines_dropped
        }
        await eventually(async () => {
          await postChat(url)
          return (await dropped()) > 0 === fault.loses
        })
        assert.match(
          await (await fetch(`${url}/internal/metrics`)).text(),
          /^olla_log_lines_dropped_total \d+$/m,
        )
        const exit = once(child, 'exit')
        child.kill('SIGTERM')
        assert.deepEqual(await exit, [0, null])
      })
    }
  }

  it('reports the number of dropped lines once it works again', async (t) => {
    const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{}')))
    const port = await freePort()
    const cwd = await folder({ 'olla.yaml': configFor(upstream.url, port, 1, fileLog) })
    const child = spawn(process.execPath, [command, '-c', 'olla.yaml'], { cwd, stdio: 'ignore', env: {} })
    t.after(() => child.kill('SIGKILL'))
    const url = `http://127.0.0.1:${port}`
    await eventually(
      async () => (await fetch(`${url}/internal/ready`).catch(() => undefined))?.status === 200,
    )
    const logs = join(cwd, 'logs')
    rmSync(logs, { recursive: true })
    openSync(logs, 'w')
    const dropped = async () => {
      await postChat(url)
      const reading = (await (await fetch(`${url}/internal/process`)).json()) as {
        log: { lines_dropped: number }
      }
      return reading.log.lines_dropped
    }
    await eventually(async () => (await dropped()) > 0)
    rmSync(logs)
    await eventually(async () => {
      await postChat(url)
      const [name] = existsSync(logs) ? readdirSync(logs) : []
      return (
        name !== undefined &&
        /"lines":\d+,"msg":"log lines were dropped"/.test(readFileSync(join(logs, name), 'utf8'))
      )
    })
  })
})

function configFor(url: string, port: number, threads: number, logging = ''): string {
  return `server: { host: 127.0.0.1, port: ${port}, threads: ${threads}, shutdown_timeout: 5s, rate_limits: { per_ip_requests_per_minute: 0, global_requests_per_minute: 0, health_requests_per_minute: 0 } }
discovery: { static: { endpoints: [ { url: '${url}', name: box, type: openai } ] } }
logging: { ${logging} }
`
}
