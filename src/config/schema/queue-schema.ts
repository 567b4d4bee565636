import { Choice, Count, Flag, Fraction, Section } from './sections.ts'
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
    reserved_for_high: Fraction(
      0,
      'Share of the max_concurrent of each endpoint, rounded up, that only requests of the class high may use, so that they need not wait for others to finish; at least one place remains for the others.',
      { maximum: 0.9 },
    ),
    reserved_for_normal: Fraction(
      0,
      'Further share that requests of the class low may not use, so that those of the class normal need not wait for them.',
      { maximum: 0.9 },
    ),
    swap_batch: Count(
      8,
      'Maximum requests for the loaded model that go before one for a model that the endpoint must load; 0 keeps the order.',
    ),
    swap_batch_wait: Duration({
      default: '20s',
      description: 'A request that has waited so long is not passed by requests for the loaded model.',
    }),
    early_headers: Flag(
      false,
      'Send the headers of a stream while its request waits, then its position at each progress_interval: as comments (OpenAI) or pings (Messages); Ollama gets the headers only. The status is 200 from then on, and an error comes as an event.',
    ),
    progress_interval: Duration({
      default: '10s',
      description:
        'Time between two such events, and before the first; proxies often end a connection that is silent for 15 s to 60 s. 0 sends none.',
    }),
    show_progress: Choice(
      ['off', 'reasoning'] as const,
      'off',
      'reasoning: with early_headers, Chat Completions and Ollama clients get the position as a readable line of reasoning.',
    ),
    json_padding: Flag(
      false,
      'Send the headers and a space at each progress_interval while a request for a whole answer waits. The status is 200 from then on, some clients do not accept leading space, and others never time out.',
    ),
  },
  'The waiting line: requests wait in it while every suitable endpoint is at its max_concurrent or in a pause that ends in time (beyond Olla).',
)
