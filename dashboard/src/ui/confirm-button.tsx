import { useEffect, useState } from 'preact/hooks'

export interface ConfirmButtonProps {
  readonly label: string
  readonly question: string
  /** What the button acts on, for screen readers. */
  readonly of: string
  readonly isDisabled?: boolean
  readonly onConfirm: () => void
}

/** How long the question is shown. */
const patienceMs = 5_000

/** Asks for confirmation before an action that cannot be undone. */
export function ConfirmButton({ label, question, of, isDisabled, onConfirm }: ConfirmButtonProps) {
  const [isAsking, setIsAsking] = useState(false)
  useEffect(() => {
    if (!isAsking) return
    const timer = setTimeout(() => setIsAsking(false), patienceMs)
    return () => clearTimeout(timer)
  }, [isAsking])
  return (
    <button
      type="button"
      class={isAsking ? 'button danger sure' : 'button danger'}
      disabled={isDisabled}
      onBlur={() => setIsAsking(false)}
      onKeyDown={(event) => {
        if (event.key === 'Escape') setIsAsking(false)
      }}
      onClick={() => {
        setIsAsking(!isAsking)
        if (isAsking) onConfirm()
      }}
    >
      {isAsking ? question : label}
      <span class="unseen"> {of}</span>
    </button>
  )
}
