import assert from 'node:assert/strict'
import { freePort } from './free-port.ts'
import { type RunningRedis, type ServerProgram, startRedisWith } from './redis.ts'
import { eventually } from './simulator.ts'

/** A cluster of three nodes, each with a third of the slots. */
export async function startRedisCluster(
  program: ServerProgram | undefined,
): Promise<[RunningRedis, RunningRedis, RunningRedis]> {
  const start = async (index: number) => {
    const node = await startRedisWith(program, [
      ...['--cluster-enabled', 'yes', '--cluster-config-file', `nodes-${index}.conf`],
      ...['--cluster-port', String(await freePort())],
    ])
    const [from = 0, to = 0] = [0, 5461, 10923, 16384].slice(index, index + 2)
    await node.command('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to - 1))
    return node
  }
  const nodes: [RunningRedis, RunningRedis, RunningRedis] = [await start(0), await start(1), await start(2)]
  const [first, ...others] = nodes
  for (const node of others) {
    const bus = /@(\d+)/.exec(await node.command('CLUSTER', 'NODES'))?.[1]
    assert.ok(bus !== undefined)
    await first.command('CLUSTER', 'MEET', '127.0.0.1', String(node.port), bus)
  }
  for (const node of nodes)
    await eventually(async () => (await node.command('CLUSTER', 'INFO')).includes('cluster_state:ok'))
  return nodes
}
