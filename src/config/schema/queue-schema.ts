import { Count, Flag, Section } from './sections.ts'
import { Bytes, Duration } from './units.ts'

export const QueueSchema = Section(
  {
    max_waiting: Count(
      1000,
      'Maximum requests that wait for an endpoint at max_concurrent; 0 responds with 503 at once.',
    ),
    max_wait: Duration({ default: '30s', description: 'Maximum wait.' }),
    max_size: Bytes({
      default: 268_435_456,
      description: 'Maximum bytes of the bodies of waiting requests; 0 means no limit.',
    }),
    max_waiting_per_model: Count(
      0,
      'Maximum requests that wait for the same model at the same endpoints; 0 means no limit of its own.',
    ),
    max_size_per_model: Bytes({
      default: 0,
      description: 'The same in bytes of bodies; 0 means no limit of its own.',
    }),
    fair: Flag(
      true,
      'Callers take turns, by estimated tokens and weight: keys, else sessions, else addresses; requests of one caller go first in, first out. Off: all requests of a class do.',
    ),
    age_after: Duration({
      default: '10s',
      description:
        'A priority class whose requests were passed over for so long rises by one class, for one request; 0 means never.',
    }),
    swap_batch: Count(
      8,
      'Maximum requests for the loaded model that go before one for a model that the endpoint must load; 0 keeps the order.',
    ),
    swap_batch_wait: Duration({
      default: '10s',
      description: 'A request that has waited so long is not passed by requests for the loaded model.',
    }),
  },
  'The waiting line: requests wait in it while every suitable endpoint is at its max_concurrent or in a pause that ends in time (beyond Olla).',
)
