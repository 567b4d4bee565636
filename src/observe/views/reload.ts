import { type Static, Type } from '@sinclair/typebox'
import { type Diagnostic, formatDiagnostic } from '../../config/schema/diagnostics.ts'
import { formatTime } from '../../kernel/format.ts'
import type { ReloadResult, ReloadStatus } from '../../runtime/configuration/reloads.ts'
import { Choice, Count, Text, Time } from './fields.ts'

const Problem = Type.Object({
  severity: Choice(['error', 'warning']),
  key: Text('Dotted; empty for the whole file.'),
  message: Text(),
  line: Type.Union([Type.Integer(), Type.Null()]),
  column: Type.Union([Type.Integer(), Type.Null()]),
  text: Text('All of it as one line, with the file.'),
})

const Change = Type.Object({
  key: Text('Dotted; an endpoint is in brackets by its name.'),
  before: Type.Unknown({ description: 'As in the file, secrets masked; null if absent.' }),
  after: Type.Unknown({ description: 'As in the file, secrets masked; null if absent.' }),
  needs_restart: Type.Boolean({ description: 'Whether only a restart applies it.' }),
})

export const ReloadSchema = Type.Object({
  outcome: Choice(['applied', 'unchanged', 'refused']),
  dry_run: Type.Boolean(),
  config_version: Count('The version in force after the reload.'),
  file: Type.Union([Type.String(), Type.Null()]),
  changes: Type.Array(Change),
  needs_restart: Type.Array(Type.String(), { description: 'Changed keys that only a restart applies.' }),
  reason: Type.Union([Type.String(), Type.Null()], { description: 'Why it was refused.' }),
  problems: Type.Array(Problem),
})

export const ReloadStatusSchema = Type.Object({
  config_version: Count('Counts up from 1 with every applied change.'),
  since: Time(),
  file: Type.Union([Type.String(), Type.Null()]),
  watch: Type.Object({
    mode: Choice(['watching', 'polling', 'off']),
    problem: Type.Union([Type.String(), Type.Null()], {
      description: 'Why it polls, or why the file cannot be read.',
    }),
  }),
  needs_restart: Type.Array(Type.String(), {
    description: 'Keys whose values in the file differ from those in force until a restart.',
  }),
  last_reload: Type.Union([
    Type.Object({ at: Time(), by: Text('Who or what asked for it.'), result: ReloadSchema }),
    Type.Null(),
  ]),
})

export type ReloadView = Static<typeof ReloadSchema>

/** The answer to a reload. */
export function reloadView(result: ReloadResult): ReloadView {
  const { outcome, version, changes, diagnostics, reason = null, file = null, isDryRun } = result
  return {
    outcome,
    dry_run: isDryRun,
    config_version: version,
    file,
    changes: changes.map(({ key, before = null, after = null, isLive }) => ({
      key,
      before,
      after,
      needs_restart: !isLive,
    })),
    needs_restart: changes.filter(({ isLive }) => !isLive).map(({ key }) => key),
    reason,
    problems: diagnostics.map(problemView),
  }
}

export function reloadStatusView(status: ReloadStatus): Static<typeof ReloadStatusSchema> {
  const { version, sinceMs, file = null, watch, needsRestart, last } = status
  return {
    config_version: version,
    since: formatTime(sinceMs),
    file,
    watch: { mode: watch?.mode ?? 'off', problem: watch?.problem ?? null },
    needs_restart: [...needsRestart],
    last_reload:
      last === undefined ? null : { at: formatTime(last.atMs), by: last.by, result: reloadView(last.result) },
  }
}

function problemView(diagnostic: Diagnostic): ReloadView['problems'][number] {
  const { severity, key, message, line = null, column = null } = diagnostic
  return { severity, key, message, line, column, text: formatDiagnostic(diagnostic) }
}
