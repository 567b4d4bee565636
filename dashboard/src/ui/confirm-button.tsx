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
  const [isConfirming, setIsConfirming] = useState(false)
  useEffect(() => {
    if (!isConfirming) return
    const timer = setTimeout(() => setIsConfirming(false), patienceMs)
    return () => clearTimeout(timer)
  }, [isConfirming])
  return (
    <button
      type="button"
      class={isConfirming ? 'button danger sure' : 'button danger'}
      disabled={isDisabled}
      onBlur={() => setIsConfirming(false)}
      onKeyDown={(event) => {
        if (event.key === 'Escape') setIsConfirming(false)
      }}
      onClick={() => {
        setIsConfirming(!isConfirming)
        if (isConfirming) onConfirm()
      }}
    >
      {isConfirming ? question : label}
      <span class="unseen"> {of}</span>
    </button>
  )
}
