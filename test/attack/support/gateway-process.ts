import type { ChildProcess } from 'node:child_process'
import type { TestContext } from 'node:test'
import { folder, listening, run } from '../../support/command.ts'
import { eventually } from '../../support/simulator.ts'

export interface GatewayProcess {
  readonly port: number
  readonly url: string
  readonly child: ChildProcess
  output(): string
}

export interface GatewaySettings {
  /** Flow YAML of `server` beside host, port and limits; begins with a comma. */
  readonly server?: string
  /** Whole sections. */
  readonly more?: string
  /** Flow YAML of the endpoint; begins with a comma. */
  readonly endpoint?: string
}

/** The gateway's command in front of one endpoint, without rate limits, once it serves the model `m`. */
export async function startProcess(
  t: TestContext,
  upstreamUrl: string,
  { server = '', more = '', endpoint = '' }: GatewaySettings = {},
): Promise<GatewayProcess> {
  const limits =
    '{ global_requests_per_minute: 0, per_ip_requests_per_minute: 0, health_requests_per_minute: 0 }'
  const yaml = `server: { host: 127.0.0.1, port: 0, request_logging: false, rate_limits: ${limits}${server} }
logging: { level: warn }
${more}
discovery: { static: { endpoints: [ { url: '${upstreamUrl}', name: up, type: openai-compatible, check_interval: 60s${endpoint} } ] } }
`
  const running = run(t, ['-c', 'gateway.yaml'], { cwd: await folder({ 'gateway.yaml': yaml }) })
  const url = await listening(running)
  await eventually(async () => (await (await fetch(`${url}/v1/models`)).text()).includes('"m"'))
  return { port: Number(new URL(url).port), url, child: running.child, output: running.output }
}
