// Which manifests of the chart are kept rendered, and a hash that shows whether they are those of the chart.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

export const chart = new URL('../deploy/helm/olla-gateway/', import.meta.url)

export interface ManifestSet {
  readonly file: string
  readonly title: string
  readonly templates: readonly string[]
  /** `key=value`, as `helm --set` takes them. */
  readonly values: readonly string[]
}

export const manifestSets: readonly ManifestSet[] = [
  {
    file: 'olla-gateway.yaml',
    title: 'Three replicas that share Valkey, in front of inference servers of the Kubernetes cluster.',
    templates: ['configmap', 'serviceaccount', 'deployment', 'service', 'pdb', 'valkey'],
    values: [],
  },
  {
    file: 'autoscaling.yaml',
    title:
      'Replicas by requests in flight and waiting. Needs an adapter for custom metrics. Remove `replicas` of the Deployment.',
    templates: ['hpa'],
    values: ['autoscaling.enabled=true'],
  },
  {
    file: 'network-policy.yaml',
    title: 'Pods of the namespace reach the gateway, and only the gateway reaches Valkey.',
    templates: ['networkpolicy'],
    values: ['networkPolicy.enabled=true'],
  },
  {
    file: 'service-monitor.yaml',
    title: 'Metrics of all replicas for the Prometheus Operator.',
    templates: ['servicemonitor'],
    values: ['serviceMonitor.enabled=true'],
  },
]

/** First 16 hexadecimal digits of SHA-256 over the chart's files that are rendered. */
export function chartHash(): string {
  const hash = createHash('sha256')
  const templates = readdirSync(new URL('templates/', chart)).sort()
  for (const file of ['Chart.yaml', 'values.yaml', ...templates.map((name) => `templates/${name}`)])
    hash.update(`${file}\n${readFileSync(new URL(file, chart), 'utf8')}`)
  return hash.digest('hex').slice(0, 16)
}
