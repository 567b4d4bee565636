import type { KeyPath, Problem } from '../schema/diagnostics.ts'
import type { GatewayConfig } from '../schema/schema.ts'
import { isBrokenKey } from '../schema/webhooks-schema.ts'

/** What the schema of webhooks cannot express. @param config before secrets are read */
export function checkWebhooks({ webhooks }: GatewayConfig['callers']): Problem[] {
  const problems: Problem[] = []
  for (const [index, { url, secret, secret_file: file, timeout }] of webhooks.entries()) {
    const error = (key: string, message: string) => {
      const path: KeyPath = ['callers', 'webhooks', index, key]
      problems.push({ severity: 'error', path, message })
    }
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
      error('url', 'is not a URL such as https://host/path')
    else if (new URL(url).username !== '' || new URL(url).password !== '')
      error('url', 'must not contain a user or password')
    if (secret === undefined && file === undefined)
      error('secret', 'is needed: receivers check the signature with it')
    if (secret !== undefined && isBrokenKey(secret)) error('secret', 'is not base64 after whsec_')
    if (timeout <= 0) error('timeout', 'must be more than 0')
  }
  return problems
}
