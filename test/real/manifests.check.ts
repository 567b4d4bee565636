import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { python, skipReason } from './llama-server.ts'

const folder = fileURLToPath(new URL('../../deploy/kubernetes', import.meta.url))
const program = join(dirname(python), 'kubernetes-validate')

describe("Kubernetes' published schemas", { skip: skipReason() }, () => {
  for (const version of ['1.27', '1.37'])
    it(`of version ${version} accept the manifests`, () => {
      const files = readdirSync(folder).map((file) => join(folder, file))
      execFileSync(program, ['-k', version, '--strict', '--quiet', '--no-warn', ...files])
    })
})
