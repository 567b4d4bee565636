// Writes config/schema.json from src/config/schema.ts: `npm run schema`.
import { writeFileSync } from 'node:fs'
import { editorSchema } from './json-schema.ts'

const target = new URL('../../config/schema.json', import.meta.url)
writeFileSync(target, `${JSON.stringify(editorSchema(), null, 2)}\n`)
