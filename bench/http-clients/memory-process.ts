// Forked by memory.ts: a gateway that reports its memory on request.
import { trustLocalhost } from '../../test/support/certificates.ts'
import { startGateway } from './gateway.ts'

const [url = '', proxy = '{}'] = process.argv.slice(2)
trustLocalhost()
const { port } = await startGateway(url, JSON.parse(proxy) as Record<string, unknown>)
process.on('message', () => {
  globalThis.gc?.()
  globalThis.gc?.()
  process.send?.(process.memoryUsage())
})
process.send?.({ port })
