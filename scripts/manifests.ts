// Renders the manifests of `deploy/kubernetes` from the chart: `npm run manifests`. Needs Helm on PATH.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chart, chartHash, manifestSets } from './manifest-sets.ts'

export function render({ templates, values }: (typeof manifestSets)[number]): string {
  const rendered = execFileSync(
    'helm',
    [
      ...['template', 'olla-gateway', fileURLToPath(chart), '--kube-version', '1.30.0'],
      ...templates.flatMap((template) => ['--show-only', `templates/${template}.yaml`]),
      ...values.flatMap((value) => ['--set', value]),
    ],
    { encoding: 'utf8' },
  )
  // They are applied without Helm.
  return rendered
    .replace(/^# Source: .*\n/gm, '')
    .replace(/^ +(app\.kubernetes\.io\/managed-by|helm\.sh\/chart): .*\n/gm, '')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const set of manifestSets) {
    const header = `# ${set.title}\n# Generated from deploy/helm by \`npm run manifests\`. Chart: ${chartHash()}\n`
    writeFileSync(new URL(`../deploy/kubernetes/${set.file}`, import.meta.url), `${header}${render(set)}`)
  }
}
