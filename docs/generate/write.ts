// Writes the files that are made from the code: `npm run docs`.
import { writeFileSync } from 'node:fs'
import { documents } from './documents.ts'

for (const { path, render } of documents) {
  writeFileSync(new URL(`../../${path}`, import.meta.url), await render())
}
