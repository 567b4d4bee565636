// The gateway with one concern more than by default.
import { gatewayConfig, originsOf, startGateway } from './gateway.ts'
import { builtScript } from './package.ts'
import type { Target } from './targets.ts'

interface Concern {
  readonly name: string
  readonly title: string
  /** Sections of the configuration besides the usual ones. */
  readonly sections?: Readonly<Record<string, object>>
  readonly env?: Readonly<Record<string, string>>
}

const concerns: readonly Concern[] = [
  { name: 'olla-text', title: 'gateway, text log', env: { OLLA_LOGGING_FORMAT: 'text' } },
  {
    name: 'olla-sticky',
    title: 'gateway, sticky sessions',
    sections: { proxy: { engine: 'olla', sticky_sessions: { enabled: true } } },
  },
  {
    name: 'olla-otel',
    title: 'gateway, OpenTelemetry SDK',
    sections: { telemetry: { enabled: true } },
    env: { NODE_OPTIONS: `--import ${builtScript('otel-sdk')}` },
  },
]

export const concernTargets: readonly Target[] = concerns.map(({ name, title, sections, env }) => ({
  name,
  title,
  threads: 1,
  only: ['chat-64'],
  missing: () => undefined,
  start: ({ folder, upstreamPorts, cores }) =>
    startGateway({
      name,
      folder,
      cores: cores.one,
      config: {
        ...gatewayConfig({ origins: originsOf(upstreamPorts), engine: 'olla', threads: 1 }),
        ...sections,
      },
      ...(env === undefined ? {} : { env }),
    }),
}))
