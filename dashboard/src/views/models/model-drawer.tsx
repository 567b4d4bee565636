import { formatCount, formatOllaTime, formatPlural } from '../../format/format.ts'
import { goTo } from '../../live/address.ts'
import { features } from '../../live/gateway.ts'
import { playgroundModel } from '../../live/playground.ts'
import { filterRequests, noFilter } from '../../live/request-list.ts'
import type { ModelRow } from '../../state/model-rows.ts'
import { Drawer } from '../../ui/drawer.tsx'
import { Facts } from '../../ui/facts.tsx'
import { Explanation } from './explanation.tsx'
import { Places } from './places.tsx'

/** A model, its use by endpoint, and where a request for it would go now. */
export function ModelDrawer({ model, onClose }: { model: ModelRow; onClose: () => void }) {
  const { name, item, stats } = model
  return (
    <Drawer title={name} onClose={onClose}>
      <Facts
        facts={[
          ['Family', model.family],
          ['Abilities', item.capabilities?.map((each) => each.replaceAll('_', ' ')).join(', ')],
          ['On', <Places places={model.places} />],
          ['Asked for by', stats === undefined ? undefined : formatPlural(stats.unique_clients, 'client')],
          [
            'Tokens',
            stats === undefined
              ? undefined
              : `${formatCount(stats.prompt_tokens)} in, ${formatCount(stats.completion_tokens)} out`,
          ],
          ['Turned away', stats?.routing_misses === 0 ? undefined : stats?.routing_misses],
        ]}
      />
      <p class="buttons">
        {features.value?.playground !== false && (
          <button
            type="button"
            class="button"
            onClick={() => {
              playgroundModel.value = name
              goTo('playground')
            }}
          >
            Try it
          </button>
        )}
        <button
          type="button"
          class="button"
          onClick={() => {
            filterRequests({ ...noFilter, model: name })
            goTo('requests')
          }}
        >
          Its last requests
        </button>
      </p>
      <h3>Where a request would go now</h3>
      <Explanation model={name} />
      {stats?.endpoint_breakdown !== undefined && (
        <>
          <h3>Use by endpoint</h3>
          <Facts
            facts={Object.values(stats.endpoint_breakdown).map((each) => [
              each.endpoint_name,
              `${formatPlural(each.request_count, 'request')}, mean ${formatOllaTime(each.average_latency)}, ${formatOllaTime(each.last_used)}`,
            ])}
          />
        </>
      )}
    </Drawer>
  )
}
