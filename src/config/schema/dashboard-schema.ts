import { Type } from '@sinclair/typebox'
import { Count, Flag, Section, TextList } from './sections.ts'

/** Minimum characters of a token; shorter ones could be guessed. */
export const minTokenLength = 16

export const DashboardSchema = Section(
  {
    enabled: Flag(true, 'Serve the dashboard.'),
    access_policy: Section(
      {
        allowed_cidrs: TextList(['127.0.0.0/8', '::1/128'], 'Networks that may open it.'),
        allowed_hosts: TextList(['localhost'], 'Host names it may be opened under.'),
      },
      'Who may open it, and use the routes that show or change what requests do.',
    ),
    gate_internal_api: Flag(
      false,
      'The same rules for all of /internal/* but /internal/health and /internal/ready.',
    ),
    admin_token: Type.Optional(
      Type.String({
        minLength: minTokenLength,
        description:
          'A client that has it is let in from any address, by `Authorization: Bearer` or the login form (beyond Olla).',
      }),
    ),
    admin_token_file: Type.Optional(
      Type.String({ description: 'File that holds the token instead (beyond Olla).' }),
    ),
    allow_cancel: Flag(true, 'Requests may be cancelled (beyond Olla).'),
    playground: Flag(true, 'The page offers a chat through the gateway (beyond Olla).'),
    recent_requests: Count(500, 'Ended requests that are kept, per serving thread; 0 is off (beyond Olla).', {
      maximum: 10_000,
    }),
    event_subscribers: Count(50, 'Streams of /internal/events at a time, per serving thread (beyond Olla).', {
      minimum: 1,
      maximum: 1000,
    }),
  },
  'The dashboard, and who may see and do what it shows.',
)
