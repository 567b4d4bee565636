import type { FastifyInstance, FastifyRequest } from 'fastify'

/** Ollama's answer here; scripts and plugins check for this text. */
const running = 'Ollama is running'

/**
 * `GET /` of the gateway's own listener: clients check here whether a server is running, Ollama's by HEAD, and people
 * open it in a browser. In a host application the path belongs to the host.
 */
export function rootRoute(
  app: FastifyInstance,
  { version, hasDashboard }: { readonly version: string; readonly hasDashboard: boolean },
): void {
  const page = rootPage(version, hasDashboard)
  app.get('/', (request, reply) => {
    reply.header('Vary', 'Accept')
    switch (wanted(request)) {
      case 'html':
        return reply
          .type('text/html; charset=utf-8')
          .header('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'")
          .send(page)
      case 'text':
        return reply.type('text/plain; charset=utf-8').send(running)
      case 'json':
        return reply.send({ name: 'olla-gateway', version, message: running })
    }
  })
}

/** Browsers accept HTML; a client that accepts text but not JSON gets the bare text. */
function wanted({ headers: { accept = '' } }: FastifyRequest): 'html' | 'text' | 'json' {
  const types = accept.toLowerCase()
  if (types.includes('application/json')) return 'json'
  if (types.includes('text/html')) return 'html'
  return types.includes('text/plain') ? 'text' : 'json'
}

function rootPage(version: string, hasDashboard: boolean): string {
  const links = [
    ...(hasDashboard ? ['<a href="/internal/ui/">Dashboard</a>'] : []),
    '<a href="/v1/models">Models</a>',
    '<a href="/internal/status">Status</a>',
  ]
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>olla-gateway</title>
<style>body{font:16px/1.6 system-ui,sans-serif;margin:4rem auto;max-width:40rem;padding:0 1rem}</style>
<h1>olla-gateway ${version}</h1>
<p>${running.replace('Ollama', 'The gateway')}. Point clients to this address: OpenAI clients with <code>/v1</code> appended, Anthropic and Ollama clients as it is.</p>
<p>${links.join(' · ')}</p>
</html>
`
}
