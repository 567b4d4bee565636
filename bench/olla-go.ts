// Olla itself as a target, on one core: a binary that the environment names, because building it needs Go.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gatewayConfig, originsOf } from './gateway.ts'
import { freePort } from './nginx.ts'
import { start } from './processes.ts'
import type { Running, Target, TargetContext } from './targets.ts'
import { pause } from './workbench.ts'

const binary = process.env.OLLA_BINARY ?? ''
const startupTimeoutMs = 30_000

export const ollaGo: Target = {
  name: 'olla-go',
  title: 'Olla (Go)',
  threads: 1,
  missing: () => (existsSync(binary) ? undefined : 'set OLLA_BINARY to the path of an Olla binary'),
  start: startOlla,
}

async function startOlla({ folder, upstreamPorts, cores }: TargetContext): Promise<Running> {
  const port = await freePort()
  const file = join(folder, 'olla-go.yaml')
  const config = gatewayConfig({ origins: originsOf(upstreamPorts), engine: 'olla', threads: 1 })
  // JSON is YAML. The keys are Olla's own, except one.
  const { http_server: _, ...server } = (config as { server: Record<string, unknown> }).server
  const discovery = { model_discovery: { enabled: true, interval: '5m' } }
  const { static: endpoints } = (config as { discovery: Record<string, unknown> }).discovery
  writeFileSync(
    file,
    JSON.stringify({
      ...config,
      server: { ...server, port },
      discovery: { ...discovery, type: 'static', static: endpoints },
    }),
  )
  const running = await start({
    name: 'olla-go',
    command: [binary, '--config', file],
    cores: cores.one,
    outputFile: join(folder, 'olla-go.log'),
    isUp: /./,
    env: { OLLA_CONFIG_FILE: file, OLLA_FILE_OUTPUT: 'false', GOMAXPROCS: '1' },
  })
  const deadlineMs = performance.now() + startupTimeoutMs
  while (!(await hasModels(port))) {
    if (performance.now() > deadlineMs) throw new Error('Olla has found no models')
    await pause(100)
  }
  return { process: running, port, pathPrefix: '/olla/proxy' }
}

async function hasModels(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/olla/models`)
    return response.ok && (await response.text()).includes('"id"')
  } catch {
    return false
  }
}
