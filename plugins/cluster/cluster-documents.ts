/**
 * Shares stored responses, conversations and the questions of replicas to one another; the control thread registers it.
 * Decorates nothing; depends on the cluster and the link to the other threads. Closes its connection on close.
 */
import fp from 'fastify-plugin'
import { openNodeRedis } from '../../src/cluster/connection/node-redis.ts'
import type { OpenLink } from '../../src/cluster/connection/redis-link.ts'
import {
  type DocumentLimits,
  documentDeleteTopic,
  documentReadTopic,
  documentsDeletedTopic,
  documentsReturnedTopic,
  documentWriteTopic,
  turnEndTopic,
  turnTakeTopic,
} from '../../src/cluster/contract/documents.ts'
import { replicaAskTopic } from '../../src/cluster/contract/replica-calls.ts'
import { DocumentDesk } from '../../src/cluster/documents/document-desk.ts'
import { SideLink } from '../../src/cluster/documents/side-link.ts'
import { ReplicaCalls } from '../../src/cluster/questions/replica-calls.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'

/** Reads `cluster`. */
export interface ClusterDocumentsOptions extends Sections<'cluster'> {
  /** How much the server keeps for all replicas. */
  readonly limits: DocumentLimits
  /** Opens connections. Default: by the package `@redis/client`. */
  readonly open?: OpenLink
  readonly clock?: Clock
}

/** The threads of a replica have this long to answer another one; a reader may wait for events of a response. */
const threadsMs = 7_000

export default fp<ClusterDocumentsOptions>(
  async function clusterDocuments(app, options) {
    const { cluster: settings } = readSections(options, ['cluster'], ['limits', 'open', 'clock'])
    const { cluster, gatewayPeers: link } = app
    const clock = options.clock ?? systemClock
    const open = options.open ?? (await openNodeRedis(settings))
    const side = new SideLink({ clock, open, retryIntervalMs: settings.retryIntervalMs })
    const desk = new DocumentDesk({
      clock,
      cluster,
      link: side,
      limits: options.limits,
      onReturn: () => void link.requestAll(documentsReturnedTopic, null),
    })
    const calls = new ReplicaCalls({
      clock,
      cluster,
      link: side,
      async answer(topic, data) {
        const answers: unknown[] = await link.requestAll(topic, data, threadsMs)
        return answers.find((each) => each !== undefined)
      },
    })
    link.on(documentReadTopic, (query) => desk.read(query))
    link.on(documentWriteTopic, (document) => desk.write(document))
    link.on(documentDeleteTopic, (id) => desk.delete(id))
    link.on(turnTakeTopic, (name) => desk.takeTurn(name))
    link.on(turnEndTopic, (name) => desk.endTurn(name))
    link.on(replicaAskTopic, (question) => calls.ask(question))
    cluster.news.on('documents', ({ deleted }) => void link.requestAll(documentsDeletedTopic, deleted))
    cluster.news.on('ask', (news) => void calls.asked(news))
    cluster.news.on('answer', (news) => void calls.answered(news))
    cluster.add(side)
    cluster.add(desk)
    cluster.add(calls)
    app.addHook('onClose', function stop(_app, closed) {
      side.stop()
      closed()
    })
  },
  {
    name: 'gateway-cluster-documents',
    fastify: '5.x',
    dependencies: ['gateway-cluster', 'gateway-peers'],
  },
)
