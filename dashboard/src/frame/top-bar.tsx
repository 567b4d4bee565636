import { formatPlural, formatSpan } from '../format/format.ts'
import { now } from '../live/clock.ts'
import { features, live, status } from '../live/gateway.ts'
import { ConnectionMark } from './connection-mark.tsx'
import { ThemeChoice } from './theme-choice.tsx'

export function TopBar() {
  const { hello } = live.value
  const system = status.state.value.value?.system
  return (
    <header class="topbar">
      <h1 class="brand">
        <Logo />
        olla-gateway
      </h1>
      <p class="topbar-facts clip">
        {system !== undefined && `version ${system.version} · up `}
        {system !== undefined && <Uptime since={system.start_time} />}
        {hello !== undefined &&
          ` · ${formatPlural(hello.threads, 'thread')} · ${hello.balancer} · ${hello.engine}`}
      </p>
      <div class="topbar-end">
        <ConnectionMark />
        <ThemeChoice />
        {features.value?.login && (
          <form method="post" action="./logout">
            <button type="submit" class="button quiet">
              Sign out
            </button>
          </form>
        )}
      </div>
    </header>
  )
}

/** A component of its own: it renders every second, its surroundings do not. */
const Uptime = ({ since }: { since: string }) => <>{formatSpan(now.value - Date.parse(since))}</>

const Logo = () => (
  <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <path
      d="M3 16h7m12 0h7M16 6l-6 10 6 10 6-10z"
      fill="none"
      stroke="currentColor"
      stroke-width="2.6"
      stroke-linejoin="round"
      stroke-linecap="round"
    />
  </svg>
)
