// The gateway with endpoints behind TLS, which nginx ends in front of the upstream.
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { gatewayConfig, startGateway } from './gateway.ts'
import { hasProgram } from './native.ts'
import { freePort, nginx, nginxConfiguration, startNginx } from './nginx.ts'
import type { Running, Target, TargetContext } from './targets.ts'

export const tlsGateway: Target = {
  name: 'olla-tls',
  title: 'gateway, TLS to the endpoint',
  threads: 1,
  only: ['chat-16', 'chat-64'],
  missing: () =>
    nginx.missing() ??
    (hasProgram('openssl') ? undefined : 'openssl is not installed (Debian: apt-get install openssl)'),
  start: startBehindTls,
}

async function startBehindTls({ folder, upstreamPorts, cores }: TargetContext): Promise<Running> {
  const own = join(folder, 'tls')
  mkdirSync(own, { recursive: true })
  const certificate = createCertificate(own)
  const ports = [await freePort(), await freePort()]
  const server = (port: number) => `
    listen 127.0.0.1:${port} ssl backlog=4096;
    ssl_certificate ${certificate.file};
    ssl_certificate_key ${certificate.keyFile};`
  const endpoint = await startNginx({
    name: 'nginx-tls',
    folder: own,
    cores: cores.upstream,
    configuration: nginxConfiguration(own, ports.map(server), upstreamPorts),
  })
  const gateway = await startGateway({
    name: 'olla-tls',
    folder: own,
    cores: cores.one,
    config: gatewayConfig({
      origins: ports.map((port) => `https://127.0.0.1:${port}`),
      engine: 'olla',
      threads: 1,
    }),
    env: { NODE_EXTRA_CA_CERTS: certificate.file },
  })
  return { ...gateway, helpers: [endpoint] }
}

function createCertificate(folder: string): { readonly file: string; readonly keyFile: string } {
  const file = join(folder, 'certificate.pem')
  const keyFile = join(folder, 'key.pem')
  const request = ['req', '-x509', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1']
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', keyFile]
  const names = ['-addext', 'subjectAltName=IP:127.0.0.1', '-out', file]
  execFileSync('openssl', [...request, ...key, ...names], { stdio: 'pipe' })
  return { file, keyFile }
}
