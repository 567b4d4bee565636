import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startBusyEndpoint } from '../support/busy-endpoint.ts'
import { localhostCertificatePath } from '../support/certificates.ts'
import { folder } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { redisPrograms, startRedis, startRedisWith, whyNoRedis } from '../support/redis.ts'
import { startRedisCluster } from '../support/redis-cluster.ts'
import { ask, clusterOf, startReplicas } from '../support/replicas.ts'
import { eventually } from '../support/simulator.ts'

const skip = whyNoRedis ?? false
const limit = 3

/** Three replicas share an endpoint exactly. */
async function share(t: TestContext, url: string, cluster: Record<string, unknown>) {
  const endpoint = await startBusyEndpoint(t, 5)
  const replicas = await startReplicas(t, { url }, [{ url: endpoint.url, max_concurrent: limit }], {
    cluster,
  })
  const check = async () => {
    endpoint.seen.max = 0
    const statuses = await Promise.all(Array.from({ length: 45 }, (_, index) => ask(replicas[index % 3])))
    assert.ok(statuses.every((status) => status === 200))
    assert.equal(endpoint.seen.max, limit)
  }
  await check()
  return { replicas, check, endpoint }
}

describe('topologies and access', { skip }, () => {
  it('standalone with TLS, an ACL user and a password in a file', async (t) => {
    const key = fileURLToPath(new URL('../support/certificates/localhost.key', import.meta.url))
    const tlsPort = await freePort()
    const redis = await startRedis([
      ...['--tls-port', String(tlsPort), '--tls-cert-file', localhostCertificatePath, '--tls-key-file', key],
      ...['--tls-ca-cert-file', localhostCertificatePath, '--tls-auth-clients', 'no'],
    ])
    const rules = 'on >secret ~test* &test* -@all +@read +@write +@scripting +@connection +@pubsub +time'
    assert.match(await redis.command('ACL', 'SETUSER', 'olla', ...rules.split(' ')), /OK/)
    assert.match(await redis.command('ACL', 'SETUSER', 'default', 'off'), /OK/)
    const cwd = await folder({ password: 'secret\n' })
    const { replicas } = await share(t, `rediss://localhost:${tlsPort}`, {
      username: 'olla',
      password_file: join(cwd, 'password'),
      tls: { ca_file: localhostCertificatePath },
    })
    const config = await (await fetch(`${replicas[0]?.url}/internal/config`)).text()
    assert.ok(!config.includes('"secret"'), 'the password is not shown')
  })

  it('a password that is replaced while the gateways run', async (t) => {
    const redis = await startRedis()
    const rules = 'on ~test* &test* -@all +@read +@write +@scripting +@connection +@pubsub +time'
    const setPassword = (rule: string) =>
      redis.command('ACL', 'SETUSER', 'olla', 'resetpass', rule, ...rules.split(' '))
    assert.match(await setPassword('>first'), /OK/)
    const cwd = await folder({ password: 'first\n' })
    const { replicas, check } = await share(t, redis.url, {
      username: 'olla',
      password_file: join(cwd, 'password'),
      retry_interval: '100ms',
    })
    const states = async (state: string, reason: RegExp) => {
      for (const replica of replicas)
        await eventually(async () => {
          const view = await clusterOf(replica)
          return view.state === state && reason.test(view.reason ?? '')
        })
    }
    // The server has the new one before the file, as with a secret of Kubernetes.
    assert.match(await setPassword('>second'), /OK/)
    assert.match(await redis.command('CLIENT', 'KILL', 'USER', 'olla'), /:\d/)
    await states('away', /WRONGPASS/)
    assert.equal(await ask(replicas[0]), 200)
    await writeFile(join(cwd, 'password'), 'second\n')
    await states('joined', /^$/)
    await eventually(async () => (await clusterOf(replicas[0] ?? assert.fail())).members.length === 3)
    await check()
  })

  for (const program of redisPrograms) {
    it(`a cluster of three nodes (${program.name})`, async (t) => {
      const [first, ...others] = await startRedisCluster(program)
      await share(t, first.url, { topology: 'cluster', nodes: others.map(({ url }) => url) })
    })
  }

  it('sentinels, through a failover', async (t) => {
    const primary = await startRedis()
    const copy = await startRedis(['--replicaof', '127.0.0.1', String(primary.port)])
    await eventually(async () =>
      (await copy.command('INFO', 'replication')).includes('master_link_status:up'),
    )
    const cwd = await folder()
    const file = join(cwd, 'sentinel.conf')
    await writeFile(
      file,
      [
        `sentinel monitor mymaster 127.0.0.1 ${primary.port} 1`,
        'sentinel down-after-milliseconds mymaster 500',
        'sentinel failover-timeout mymaster 3000',
        '',
      ].join('\n'),
    )
    const sentinel = await startRedisWith(redisPrograms[0], ['--sentinel'], file)
    await eventually(async () =>
      (await sentinel.command('SENTINEL', 'MASTERS')).includes('num-slaves\r\n$1\r\n1'),
    )
    const { replicas, check } = await share(t, sentinel.url, { topology: 'sentinel' })
    const statuses: number[] = []
    let isOver = false
    const load = Promise.all(
      replicas.map(async (replica) => {
        while (!isOver) statuses.push(await ask(replica))
      }),
    )
    await primary.kill()
    for (const replica of replicas) await eventually(async () => (await clusterOf(replica)).state === 'away')
    for (const replica of replicas)
      await eventually(async () => (await clusterOf(replica)).state === 'joined')
    isOver = true
    await load
    assert.deepEqual(
      statuses.filter((status) => status !== 200),
      [],
    )
    await eventually(async () => (await clusterOf(replicas[0] ?? assert.fail())).members.length === 3)
    await check()
  })
})
