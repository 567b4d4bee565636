// Forked by keep-alive.ts: an endpoint that reports its counts on request.
import { startEndpoint } from './endpoint.ts'

const endpoint = await startEndpoint({ closesAfterMs: Number(process.argv[2]) })
process.on('message', () => process.send?.(endpoint.counts()))
process.send?.({ url: endpoint.url })
