import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { NewKey } from '../../api/types.ts'
import { announce } from '../../live/announcement.ts'
import { Drawer } from '../../ui/drawer.tsx'
import { Notice } from '../../ui/notice.tsx'

/** The secret of a new or a rotated key. The page keeps it only while this is open. */
export function NewSecret({ created, onClose }: { created: NewKey; onClose: () => void }) {
  const field = useRef<HTMLInputElement>(null)
  const copied = useSignal<boolean | undefined>(undefined)
  useEffect(() => {
    field.current?.focus()
    field.current?.select()
  }, [])

  async function copy(): Promise<void> {
    field.current?.select()
    try {
      // Absent on pages without TLS, except those of this machine.
      await navigator.clipboard.writeText(created.key)
      copied.value = true
    } catch {
      copied.value = false
    }
    announce(copied.peek() ? 'The key was copied.' : 'The key could not be copied: it is selected.')
  }

  return (
    <Drawer title={`Secret of ${created.name}`} onClose={onClose}>
      <Notice tone="warn" title="Copy it now.">
        The gateway keeps only a hash: it is not shown again.
      </Notice>
      <div class="labelled">
        <label for="new-secret">API key</label>
        <input ref={field} id="new-secret" class="field mono" readOnly value={created.key} />
      </div>
      <p class="buttons">
        <button type="button" class="button primary" onClick={() => void copy()}>
          Copy
        </button>
        {copied.value !== undefined && (
          <span class={copied.value ? 'good' : 'warn'}>
            {copied.value ? 'Copied' : 'The browser does not allow it here: copy the selected text.'}
          </span>
        )}
      </p>
    </Drawer>
  )
}
