import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { ApiError } from '../../api/api-error.ts'
import { readReload, reloadConfig } from '../../api/endpoint-api.ts'
import type { ReloadStatus, ReloadView } from '../../api/types.ts'
import { announce } from '../../live/announcement.ts'
import { canChange, config } from '../../live/gateway.ts'
import { useAction } from '../../ui/action.ts'
import { Ago } from '../../ui/age.tsx'
import { ChangeList } from '../../ui/change-list.tsx'
import { Notice } from '../../ui/notice.tsx'

/** The version in force and the last reload; compares the file with it, and loads it. */
export function ReloadPanel() {
  const status = useSignal<ReloadStatus | undefined>(undefined)
  const result = useSignal<ReloadView | undefined>(undefined)
  const { isRunning, failure, run } = useAction()
  const read = () =>
    readReload().then(
      (known) => (status.value = known),
      (error: unknown) => {
        // A gateway without a file has nothing to show here.
        if (!(error instanceof ApiError)) throw error
      },
    )
  useEffect(() => void read(), [])
  const known = status.value
  if (known === undefined) return null
  const load = (isDryRun: boolean) =>
    void run(async () => {
      const loaded = await reloadConfig(isDryRun)
      result.value = loaded
      announce(
        loaded.outcome === 'refused' ? 'The file is refused' : `The configuration is ${loaded.outcome}`,
      )
      if (!isDryRun) config.reload()
      await read()
    })
  return (
    <section class="panel" aria-labelledby="reload-title">
      <div class="toolbar">
        <h3 id="reload-title">Version {known.config_version}</h3>
        <p class="toolbar-note muted break">
          {known.file ?? 'no file'} · in force since <Ago at={known.since} /> · {watchText(known)}
        </p>
        {canChange && (
          <div class="toolbar-end">
            <button type="button" class="button" disabled={isRunning.value} onClick={() => load(true)}>
              Compare with the file
            </button>
            <button
              type="button"
              class="button primary"
              disabled={isRunning.value}
              onClick={() => load(false)}
            >
              Reload
            </button>
          </div>
        )}
      </div>
      {failure.value !== '' && (
        <div role="alert">
          <Notice tone="bad" title={failure.value} />
        </div>
      )}
      {known.needs_restart.length > 0 && (
        <Notice tone="warn" title="Only a restart applies">
          {known.needs_restart.join(', ')}
        </Notice>
      )}
      {result.value !== undefined && <Result result={result.value} />}
      {result.value === undefined && known.last_reload?.result.outcome === 'refused' && (
        <Result result={known.last_reload.result} />
      )}
    </section>
  )
}

function watchText({ watch }: ReloadStatus): string {
  const problem = watch.problem === null ? '' : `: ${watch.problem}`
  return watch.mode === 'off' ? 'changes of the file are not followed' : `${watch.mode} the file${problem}`
}

function Result({ result }: { result: ReloadView }) {
  const { outcome, dry_run, reason, problems, changes } = result
  if (outcome === 'refused') {
    return (
      <Notice tone="bad" title={reason ?? 'The file is refused, and nothing has changed'}>
        <ul aria-label="Problems of the file">
          {problems.map(({ key, line, text, message }) => (
            <li key={`${key} ${line} ${message}`} class="break">
              {line !== null && <span class="mono">line {line}: </span>}
              {key !== '' && <span class="mono">{key}: </span>}
              {message === '' ? text : message}
            </li>
          ))}
        </ul>
      </Notice>
    )
  }
  return (
    <>
      <h4>{dry_run ? 'A reload would change' : outcome === 'applied' ? 'Changed' : 'Nothing has changed'}</h4>
      {(dry_run || changes.length > 0) && <ChangeList changes={changes} />}
    </>
  )
}
