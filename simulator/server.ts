import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Answer } from './answer.ts'
import { type Fault, FaultPlan, readFault } from './faults.ts'
import type { SimulatorOptions, SimulatorState } from './model.ts'
import { jsonBody, type SimulatorRequest } from './request.ts'
import { findRoute, isGeneration, isHealthRoute } from './routes.ts'

export interface SimulatorCounters {
  readonly requests: number
  readonly byPath: Readonly<Record<string, number>>
  /** Requests whose client left before the answer was complete. */
  readonly aborts: number
  readonly inFlight: number
  readonly openSockets: number
  readonly generationsStarted: number
  readonly generationsFinished: number
  readonly receivedBytes: number
}

export interface SimulatorControl {
  setFault(fault: Fault): Promise<void>
  clearFaults(): Promise<void>
  counters(): SimulatorCounters
  /** The last requests, oldest first. */
  requests(): readonly SimulatorRequest[]
}

export interface Simulator {
  readonly name: string
  readonly url: string
  readonly port: number
  readonly control: SimulatorControl
  /** Ends the listener and every connection. */
  close(): Promise<void>
}

const keptRequests = 100
const controlPath = '/__simulator'

/** Starts one scripted inference server. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const host = options.host ?? '127.0.0.1'
  const state: SimulatorState = {
    kind: options.kind,
    name: options.name ?? options.kind,
    models: (options.models ?? ['llama3.2:3b']).map((model) =>
      typeof model === 'string' ? { name: model } : model,
    ),
    tokensPerSecond: options.tokensPerSecond ?? 200,
    timeToFirstTokenMs: options.timeToFirstTokenMs ?? 20,
    version: options.version ?? '1.0.0',
    apiKey: options.apiKey,
  }
  const plan = new FaultPlan()
  const sockets = new Set<Socket>()
  const requests: SimulatorRequest[] = []
  const byPath: Record<string, number> = {}
  const counts = {
    requests: 0,
    aborts: 0,
    inFlight: 0,
    generationsStarted: 0,
    generationsFinished: 0,
    receivedBytes: 0,
  }
  let port = options.port ?? 0
  let server = await listen()

  async function listen(): Promise<Server> {
    const created = createServer(receive)
    created.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
    await new Promise<void>((resolve, reject) => {
      created.once('error', reject)
      created.listen(port, host, resolve)
    })
    const address = created.address()
    if (typeof address === 'object' && address !== null) port = address.port
    return created
  }

  function receive(incoming: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('error', () => {})
    incoming.on('end', () => {
      const url = incoming.url ?? '/'
      const request: SimulatorRequest = {
        method: incoming.method ?? 'GET',
        path: url.split('?', 1)[0] ?? '/',
        url,
        rawHeaders: incoming.rawHeaders,
        body: Buffer.concat(chunks),
      }
      if (request.path.startsWith(controlPath)) void answerControl(request, response)
      else serve(request, response)
    })
  }

  function serve(request: SimulatorRequest, response: ServerResponse): void {
    count(request, response)
    const fault = plan.take(request.path, isHealthRoute(state.kind, request.path))
    const answer = new Answer(response, fault)
    if (fault !== undefined && breaksOff(fault, answer, response)) return
    if (state.apiKey !== undefined && !request.rawHeaders.includes(`Bearer ${state.apiKey}`)) {
      answer.json({ error: { message: 'invalid API key', type: 'authentication_error' } }, 401)
      return
    }
    findRoute(state.kind, request)(state, request, answer)
  }

  function count(request: SimulatorRequest, response: ServerResponse): void {
    const generates = isGeneration(request.path)
    counts.requests++
    counts.inFlight++
    counts.receivedBytes += request.body.length
    byPath[request.path] = (byPath[request.path] ?? 0) + 1
    requests.push(request)
    if (requests.length > keptRequests) requests.shift()
    if (generates) counts.generationsStarted++
    response.once('close', () => {
      counts.inFlight--
      if (!response.writableFinished) counts.aborts++
      else if (generates) counts.generationsFinished++
    })
  }

  async function setFault(fault: Fault): Promise<void> {
    plan.set(fault)
    if (fault.kind === 'refuse') await stop()
  }

  async function clearFaults(): Promise<void> {
    plan.clear()
    if (server.listening) return
    server = await listen()
  }

  async function stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    await closed
  }

  async function answerControl(request: SimulatorRequest, response: ServerResponse): Promise<void> {
    const route = `${request.method} ${request.path.slice(controlPath.length)}`
    const say = (body: unknown, status = 200) => {
      response.writeHead(status, { 'Content-Type': 'application/json' })
      response.end(`${JSON.stringify(body)}\n`)
    }
    if (route === 'POST /faults') {
      const fault = readFault(jsonBody(request))
      if (fault === undefined) {
        say({ error: 'a fault needs a "kind"' }, 400)
        return
      }
      say({ set: fault })
      // After the answer: `refuse` closes this connection as well.
      if (fault.kind === 'refuse') response.once('finish', () => void setFault(fault))
      else await setFault(fault)
    } else if (route === 'DELETE /faults') {
      await clearFaults()
      say({ cleared: true })
    } else if (route === 'GET /counters') say(counters())
    else if (route === 'GET /requests') {
      say(
        requests.map(({ method, url, rawHeaders, body }) => ({
          method,
          url,
          headers: rawHeaders,
          bytes: body.length,
        })),
      )
    } else
      say({
        name: state.name,
        kind: state.kind,
        faults: plan.active,
        routes: ['POST|DELETE /faults', 'GET /counters', 'GET /requests'],
      })
  }

  function counters(): SimulatorCounters {
    return { ...counts, byPath: { ...byPath }, openSockets: sockets.size }
  }

  return {
    name: state.name,
    get url() {
      return `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`
    },
    get port() {
      return port
    },
    control: { setFault, clearFaults, counters, requests: () => requests },
    close: stop,
  }
}

/** Faults that leave no room for an answer. */
function breaksOff(fault: Fault, answer: Answer, response: ServerResponse): boolean {
  switch (fault.kind) {
    case 'hang':
      return true
    case 'reset_before_headers':
      response.socket?.resetAndDestroy()
      return true
    case 'close_before_headers':
      response.socket?.end()
      return true
    case 'status':
    case 'health':
      if (fault.retryAfter !== undefined) response.setHeader('Retry-After', fault.retryAfter)
      answer.text(
        fault.body ?? '{"error":{"message":"simulated failure"}}',
        'application/json',
        fault.status ?? 503,
      )
      return true
    default:
      return false
  }
}
