import { useEffect, useState } from 'preact/hooks'

export interface ConfirmButtonProps {
  readonly label: string
  readonly question: string
  /** For those who do not see what the button stands beside. */
  readonly of: string
  readonly isDisabled?: boolean
  readonly onConfirm: () => void
}

/** How long the question stands. */
const patienceMs = 5_000

/** Asks once before it does what cannot be undone. */
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
