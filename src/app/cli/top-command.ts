import { setTimeout as sleep } from 'node:timers/promises'
import { type ClusterBody, type ClusterScreenState, renderCluster } from '../top/cluster-screen.ts'
import { isLive, type LiveScreen, printed, showLive, type Terminal } from '../top/live-screen.ts'
import { renderScreen } from '../top/render.ts'
import { initialState, update } from '../top/state.ts'
import { readOptions } from './arguments.ts'
import { clientOptions, clientUsage, createClient } from './client-arguments.ts'
import { type GatewayClient, GatewayClientError } from './gateway-client.ts'
import type { CommandResult } from './status-command.ts'
import { readOnce, watchGateway } from './watch-gateway.ts'

const usage = `Usage: olla-gateway top [options]     a running gateway, live; without a terminal it prints once

Options:
  --cluster             all replicas: load, lag and who probes what
${clientUsage}

Keys: q quit, arrows or j/k scroll, tab other list, s or left/right sort, r reverse
`

const timeoutMs = 5_000
/** Replicas report with each heartbeat, a few times a second. */
const clusterPollMs = 1_000
/** Lines around the lists when printed once. */
const otherLines = 36

/** `olla-gateway top`. */
export async function topCommand(args: string[], terminal: Terminal): Promise<CommandResult> {
  let client: GatewayClient | undefined
  try {
    const { values } = readOptions(args, { ...clientOptions, cluster: { type: 'boolean' } })
    if (values.help) return { output: usage, exitCode: 0 }
    client = createClient(values, terminal.env, timeoutMs)
    return values.cluster === true ? await showCluster(client, terminal) : await showOne(client, terminal)
  } catch (error) {
    if (error instanceof GatewayClientError) {
      return { output: `${client?.url}: ${error.message}\n`, exitCode: error.kind === 'unreachable' ? 2 : 3 }
    }
    return { output: `${error instanceof Error ? error.message : String(error)}\nTry --help.\n`, exitCode: 3 }
  }
}

async function showOne(client: GatewayClient, terminal: Terminal): Promise<CommandResult> {
  let state = initialState(client.url)
  const screen: LiveScreen = {
    render: (at) => renderScreen(state, at),
    press: (key) => {
      state = update(state, { kind: 'key', key })
    },
    watch: (redraw, signal) =>
      watchGateway(
        client,
        (message) => {
          state = update(state, message)
          redraw()
        },
        signal,
      ),
  }
  if (isLive(terminal)) {
    await showLive(screen, terminal)
    return { output: '', exitCode: 0 }
  }
  state = (await readOnce(client)).reduce(update, state)
  // Room for everything; the empty rest is cut off.
  return { output: printed(screen.render, terminal, otherLines + state.endpoints.length * 2), exitCode: 0 }
}

async function showCluster(client: GatewayClient, terminal: Terminal): Promise<CommandResult> {
  let state: ClusterScreenState = { url: client.url, problem: undefined, views: [] }
  const read = async () => {
    const view = await readCluster(client)
    state = { ...state, problem: undefined, views: [view, ...state.views].slice(0, 2) }
    return view
  }
  const screen: LiveScreen = {
    render: (at) => renderCluster(state, at),
    press: () => undefined,
    async watch(redraw, signal) {
      while (!signal.aborted) {
        await read().catch((error: unknown) => {
          if (!(error instanceof GatewayClientError) || error.kind === 'refused') throw error
          state = { ...state, problem: error.message }
        })
        redraw()
        await sleep(clusterPollMs, undefined, { signal }).catch(() => undefined)
      }
    },
  }
  if (isLive(terminal)) {
    await showLive(screen, terminal)
    return { output: '', exitCode: 0 }
  }
  const { members, endpoints } = await read()
  return {
    output: printed(screen.render, terminal, otherLines + members.length + endpoints.length),
    exitCode: 0,
  }
}

async function readCluster(client: GatewayClient): Promise<ClusterBody> {
  try {
    return (await client.get('/internal/cluster')) as ClusterBody
  } catch (error) {
    if (!(error instanceof GatewayClientError) || error.kind !== 'unexpected') throw error
    throw new GatewayClientError('unexpected', `it is no replica of several: ${error.message}`)
  }
}
