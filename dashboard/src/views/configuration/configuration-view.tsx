import { useSignal } from '@preact/signals'
import { formatPlural } from '../../format/format.ts'
import { config } from '../../live/gateway.ts'
import { configSections } from '../../state/config-rows.ts'
import { SearchField, Switch } from '../../ui/fields.tsx'
import { useResource } from '../../ui/hooks.ts'
import { lazyView } from '../../ui/lazy-view.tsx'
import { LoadedView } from '../../ui/loaded-view.tsx'
import { Empty } from '../../ui/notice.tsx'
import { Toolbar } from '../../ui/toolbar.tsx'
import { ConfigSection } from './config-section.tsx'

const ReloadPanel = lazyView(() => import('./reload-panel.tsx').then((each) => each.ReloadPanel))

/** The values in force, defaults filled in and secrets masked. */
export function ConfigurationView() {
  const loaded = useResource(config)
  const search = useSignal('')
  const onlyChanged = useSignal(false)
  const view = loaded.value
  return (
    <>
      <Toolbar
        title="Configuration"
        note={view && `◆ ${formatPlural(view.changed.length, 'key')} changed from the defaults`}
      >
        <SearchField label="Find keys and values" value={search} />
        <Switch
          label="Changed only"
          isOn={onlyChanged.value}
          onSwitch={(isOn) => {
            onlyChanged.value = isOn
          }}
        />
      </Toolbar>
      <ReloadPanel />
      <LoadedView loaded={loaded}>
        {(known) => {
          const wanted = { search: search.value, onlyChanged: onlyChanged.value }
          const sections = configSections(known, wanted)
          return sections.length === 0 ? (
            <Empty title="No key matches" />
          ) : (
            <div class="config">
              {sections.map((section) => (
                <ConfigSection key={section.name} section={section} />
              ))}
            </div>
          )
        }}
      </LoadedView>
    </>
  )
}
