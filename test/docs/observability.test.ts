import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { metricGroups } from '../../docs/generate/metrics.ts'
import { seriesNames } from '../../src/observe/prometheus/exposition.ts'
import { bearer, callersSecret, configuredKey, storeFile } from '../support/callers.ts'
import { parseExposition } from '../support/exposition-parser.ts'
import { postChat, startGateway } from '../support/gateway.ts'
import { hasPromtool, promtool } from '../support/promtool.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

const folder = new URL('../../docs/observability/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8')

const families = metricGroups.flatMap(([, group]) => group)
/** Series of our own by name; `up` is Prometheus' own. */
const labelsOf = new Map(
  families.flatMap((family) =>
    seriesNames(family).map((name) => [name, new Set(family.labels ?? [])] as const),
  ),
)

interface Dashboard {
  readonly panels: readonly {
    readonly id: number
    readonly type: string
    readonly title: string
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
  }[]
  readonly templating: { readonly list: readonly { readonly name: string }[] }
}

interface AlertRule {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

const dashboard = JSON.parse(read('grafana-dashboard.json')) as Dashboard
const alerts = (parse(read('alerts.yaml')) as { groups: { rules: AlertRule[] }[] }).groups.flatMap(
  ({ rules }) => rules,
)

/** Labels that Prometheus adds to every series, and that of buckets. */
const general = ['instance', 'job', 'le']

/** Fails for every series and every label in an expression that the gateway does not expose. */
function checkExpression(expr: string): void {
  const names = expr.match(/\b(?:olla|process|nodejs)_\w+/g) ?? []
  assert.ok(names.length > 0 || /\bup\b/.test(expr), expr)
  const known = new Set(general)
  for (const name of names) {
    const labels = labelsOf.get(name)
    assert.ok(labels !== undefined, `${name} is exposed`)
    for (const label of labels) known.add(label)
  }
  const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/))
  const selected = [...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, list = '']) =>
    [...list.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
  )
  for (const label of [...grouped, ...selected]) assert.ok(known.has(label), `${label} in ${expr}`)
}

/** As Prometheus gets it: Grafana puts its variables in. */
const filledIn = (expr: string) => expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*')

describe('the Grafana dashboard', () => {
  it('queries only exposed metrics', () => {
    for (const { targets = [] } of dashboard.panels) {
      for (const { expr, legendFormat } of targets) {
        checkExpression(filledIn(expr))
        for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
          assert.ok(
            general.includes(label) ||
              expr.includes(label) ||
              [...labelsOf.values()].some((set) => set.has(label)),
            label,
          )
        }
      }
    }
  })

  it('has panels side by side, each with a title and a unique number', () => {
    const taken = new Set<string>()
    assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
    for (const { title, gridPos, targets, type } of dashboard.panels) {
      assert.ok(title.length > 0)
      assert.ok(type === 'row' || (targets?.length ?? 0) > 0, title)
      assert.ok(gridPos.x + gridPos.w <= 24, title)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.ok(!taken.has(`${x},${y}`), `${title} overlaps no other panel`)
          taken.add(`${x},${y}`)
        }
      }
    }
    assert.deepEqual(
      dashboard.templating.list.map(({ name }) => name),
      ['datasource', 'instance'],
    )
  })

  it('has expressions that Prometheus accepts', async (t) => {
    const rules = dashboard.panels
      .flatMap(({ targets = [] }) => targets)
      .map(({ expr }, index) => ({ record: `panel:${index}`, expr: filledIn(expr) }))
    if (!hasPromtool) return t.diagnostic('promtool is not installed: expressions are not parsed')
    const folder = await mkdtemp(join(tmpdir(), 'olla-rules-'))
    t.after(() => rm(folder, { recursive: true }))
    const file = join(folder, 'rules.json')
    await writeFile(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))
    assert.equal(promtool(['check', 'rules', file]), '')
  })
})

describe('the alert rules', () => {
  it('query only exposed metrics, and describe the problem', () => {
    assert.ok(alerts.length >= 8)
    for (const { alert, expr, labels, annotations } of alerts) {
      checkExpression(expr)
      assert.match(alert, /^Olla[A-Z]\w+$/)
      assert.match(labels.severity ?? '', /^(?:critical|warning|info)$/)
      assert.ok((annotations.summary ?? '').length > 10, alert)
    }
  })

  it('are accepted by Prometheus, together with its configuration', (t) => {
    if (!hasPromtool) return t.diagnostic('promtool is not installed: the rules are not loaded')
    assert.equal(promtool(['check', 'rules', fileURLToPath(new URL('alerts.yaml', folder))]), '')
    assert.equal(promtool(['check', 'config', fileURLToPath(new URL('prometheus.yaml', folder))]), '')
  })
})

describe('the list of metrics', () => {
  it('lists exactly the metrics that a gateway exposes', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
    const { key, entry } = configuredKey('ci')
    const signals = [
      {
        path: '/metrics',
        running: ['vllm:num_requests_running'],
        waiting: ['vllm:num_requests_waiting'],
        max_running: ['count vllm:num_requests_running'],
        kv_cache_used: ['vllm:kv_cache_usage_perc'],
        prefix_hit_rate: ['vllm:kv_cache_usage_perc'],
        sleeping: ['vllm:kv_cache_usage_perc'],
        adapters_loaded: ['vllm:num_requests_running'],
      },
    ]
    const gateway = await startGateway(
      t,
      [{ url: simulator.url, type: 'vllm', max_concurrent: 9, signals }],
      {
        discovery: { signals: { interval: '1s' } },
        proxy: {
          sticky_sessions: { enabled: true },
          load_balancer: 'expected-latency',
          hedging: { enabled: true },
        },
        callers: { store: await storeFile(), secret: callersSecret, keys: [entry] },
        cluster: { redis: 'redis://127.0.0.1:1' },
      },
    )
    const headers = bearer(key)
    await (await postChat(gateway.url, { stream: true }, { headers })).text()
    const generate = { method: 'POST', headers, body: JSON.stringify({ model: 'm', prompt: 'x' }) }
    await (await fetch(`${gateway.url}/api/generate`, generate)).text()
    const exposed = async () => {
      const response = await fetch(`${gateway.url}/internal/metrics`, {
        headers: { accept: 'application/openmetrics-text' },
      })
      return parseExposition(await response.text(), 'openmetrics').map(({ name }) => name)
    }
    const last = ['olla_translated_requests', 'olla_caller_requests', 'olla_endpoint_engine_running']
    await eventually(async () => {
      const names = await exposed()
      return last.every((name) => names.includes(name))
    })
    assert.deepEqual(
      await exposed(),
      families.filter(({ isTextOnly }) => isTextOnly !== true).map(({ name }) => name),
    )
  })
})
