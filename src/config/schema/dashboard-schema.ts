import { Type } from '@sinclair/typebox'
import { Count, Flag, Section, TextList } from './sections.ts'

/** Minimum characters of a token; shorter ones could be guessed. */
export const minTokenLength = 16

export const DashboardSchema = Section(
  {
    enabled: Flag(true, 'Serve the dashboard.'),
    access_policy: Section(
      {
        allowed_cidrs: TextList(['127.0.0.0/8', '::1/128'], 'Networks that may open the dashboard.'),
        allowed_hosts: TextList(['localhost'], 'Host names under which the dashboard may be opened.'),
      },
      'Who may open it, and use the routes that show or change what requests do.',
    ),
    gate_internal_api: Flag(
      false,
      'Apply the same rules to all of /internal/* except /internal/health and /internal/ready.',
    ),
    admin_token: Type.Optional(
      Type.String({
        minLength: minTokenLength,
        description:
          'Token that allows a client in from any address, by `Authorization: Bearer` or the login form (beyond Olla).',
      }),
    ),
    admin_token_file: Type.Optional(
      Type.String({ description: 'File that contains the token instead (beyond Olla).' }),
    ),
    allow_cancel: Flag(true, 'Allow cancelling requests (beyond Olla).'),
    playground: Flag(true, 'Offer a chat through the gateway (beyond Olla).'),
    recent_requests: Count(
      500,
      'Completed requests to keep, per serving thread; 0 disables the list (beyond Olla).',
      {
        maximum: 10_000,
      },
    ),
    event_subscribers: Count(
      50,
      'Maximum concurrent streams of /internal/events, per serving thread (beyond Olla).',
      {
        minimum: 1,
        maximum: 1000,
      },
    ),
  },
  'The dashboard and access to it.',
)
