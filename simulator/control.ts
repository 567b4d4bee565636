import type { ServerResponse } from 'node:http'
import { FaultError, faultSchemas, readFault } from './faults.ts'
import { Rejection } from './rejections.ts'
import type { SimulatorRequest } from './request.ts'
import { readScripts } from './script.ts'
import type { Simulator } from './server.ts'

export const controlPath = '/__simulator'

/**
 * `/__simulator`: reports a simulator's traffic and sets its faults. Its own requests are not counted, and no fault
 * except a refusal affects them.
 */
export async function answerControl(
  { name, kind, control }: Pick<Simulator, 'name' | 'kind' | 'control'>,
  request: SimulatorRequest,
  response: ServerResponse,
): Promise<void> {
  switch (`${request.method} ${request.path.slice(controlPath.length).replace(/\/$/, '')}`) {
    case 'GET ':
      say(response, 200, { name, kind, faults: control.faults(), routes, faultKinds: describeFaults() })
      break
    case 'GET /counters':
      say(response, 200, control.counters())
      break
    case 'GET /requests':
      say(response, 200, control.requests().map(describeRequest))
      break
    case 'GET /faults':
      say(response, 200, { faults: control.faults() })
      break
    case 'POST /faults':
      await setFault(control, request, response)
      break
    case 'DELETE /faults':
      await control.clearFaults()
      say(response, 200, { faults: [] })
      break
    case 'POST /scripts':
      script(control, request, response)
      break
    default:
      say(response, 404, { error: `no such route; see GET ${controlPath}` })
  }
}

const routes = [
  `GET ${controlPath}`,
  `GET ${controlPath}/counters`,
  `GET ${controlPath}/requests`,
  `GET ${controlPath}/faults`,
  `POST ${controlPath}/faults`,
  `DELETE ${controlPath}/faults`,
  `POST ${controlPath}/scripts`,
]

function script(control: Simulator['control'], request: SimulatorRequest, response: ServerResponse): void {
  try {
    const scripts = readScripts(JSON.parse(request.body.toString('utf8')))
    control.script(...scripts)
    say(response, 200, { scripts: scripts.length })
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof Rejection)) throw error
    say(response, 400, { error: error.message })
  }
}

async function setFault(
  control: Simulator['control'],
  request: SimulatorRequest,
  response: ServerResponse,
): Promise<void> {
  try {
    const fault = readFault(request.json())
    if (fault.kind === 'refuse') {
      // The fault closes this connection as well: answer first.
      const said = new Promise((resolve) => response.once('close', resolve))
      say(response, 200, { faults: [...control.faults(), fault] }, { Connection: 'close' })
      await said
      await control.setFault(fault)
      return
    }
    await control.setFault(fault)
    say(response, 200, { faults: control.faults() })
  } catch (error) {
    if (!(error instanceof FaultError || error instanceof Rejection)) throw error
    say(response, 400, { error: error.message })
  }
}

function say(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers })
  response.end(`${JSON.stringify(body)}\n`)
}

function describeRequest({ method, url, rawHeaders, body, bodySha256 }: SimulatorRequest) {
  return { method, url, rawHeaders, bodyBytes: body.length, bodySha256 }
}

/** Describes each kind of fault and its properties. */
function describeFaults(): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(faultSchemas).map(([kind, { description, properties }]) => {
      const told = Object.entries<{ description?: string; type?: string }>(properties)
        .filter(([property]) => property !== 'kind')
        .map(([property, schema]) => [property, schema.description ?? schema.type ?? ''])
      return [kind, { description, ...Object.fromEntries(told) }]
    }),
  )
}
