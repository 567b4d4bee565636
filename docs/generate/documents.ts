import { editorSchema } from '../../src/config/schema/json-schema.ts'
import { backendReference } from './backends.ts'
import { configurationReference } from './configuration.ts'
import { errorReference } from './errors.ts'
import { lintWalls } from './house/lint.ts'
import { jsonLines } from './json-lines.ts'
import { metricReference } from './metrics.ts'
import { openApiDocument } from './openapi.ts'
import { pluginReference } from './plugins.ts'
import { translationReference } from './translation.ts'

/** Files that are made from the code, by their path in the repository. */
export const documents: readonly { readonly path: string; render(): string | Promise<string> }[] = [
  { path: 'biome.rooms.json', render: lintWalls },
  { path: 'config/schema.json', render: () => `${jsonLines(editorSchema(), 4)}\n` },
  { path: 'config/openapi.json', render: openApiDocument },
  { path: 'docs/backends.md', render: backendReference },
  { path: 'docs/configuration.md', render: configurationReference },
  { path: 'docs/errors.md', render: errorReference },
  { path: 'docs/observability/metrics.md', render: metricReference },
  { path: 'docs/plugins/README.md', render: pluginReference },
  { path: 'docs/translation.md', render: translationReference },
]
