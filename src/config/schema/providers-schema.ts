import { type Static, Type } from '@sinclair/typebox'
import { Choice, Count, Flag, globList, Section, Text, TextList } from './sections.ts'
import { Duration } from './units.ts'

export const providerTypes = ['file', 'dns', 'kubernetes', 'docker', 'mdns', 'scan'] as const
export type ProviderType = (typeof providerTypes)[number]

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount'

/** One source of endpoints. Keys that belong to some types only name them in their descriptions. */
export const ProviderSchema = Section(
  {
    type: Type.Unsafe<ProviderType>({
      type: 'string',
      enum: [...providerTypes],
      description:
        'file: a folder of YAML or JSON; dns: A, AAAA or SRV records; kubernetes: EndpointSlices; docker: labels of containers; mdns: announcements on the local network; scan: named hosts and ports.',
    }),
    name: Type.Optional(
      Type.String({ minLength: 1, description: 'Name in status and log; the type if absent.' }),
    ),
    template: Type.Record(Type.String(), Type.Unknown(), {
      default: {},
      description:
        'Keys of an endpoint that each found one gets, for example `type`, `auth` or `max_concurrent`; what the source says about an endpoint takes precedence.',
    }),
    require_approval: Flag(
      false,
      'Found endpoints serve only once a rule of `approve` or an operator has approved them.',
    ),
    approve: globList('Globs of names, URLs or `label=value` that need no approval.'),
    interval: Duration({
      default: '30s',
      minimumMs: 1000,
      description:
        'Time between two readings of the source; with dns the maximum, since records have a time to live.',
    }),
    remove_after: Duration({
      default: '30s',
      description: 'Time for which an address that a name no longer has stays (dns).',
    }),
    keep_for: Duration({
      default: 0,
      description: 'Time for which endpoints stay while the source cannot be read; 0: until it can.',
    }),
    max_endpoints: Count(1000, 'Maximum endpoints of this provider.', { minimum: 1, maximum: 10_000 }),
    scheme: Choice(['http', 'https'] as const, 'http', 'Protocol (dns, kubernetes, scan).'),
    path: Text('', 'Folder, or one file (file).'),
    names: TextList([], 'Host names, or service names for SRV (dns).'),
    record: Choice(['A', 'AAAA', 'SRV'] as const, 'A', 'Type of the records (dns).'),
    port: Count(0, 'Port of A and AAAA records (dns); port of the Service, 0 for the first (kubernetes).', {
      maximum: 65_535,
    }),
    port_name: Text('', 'Name of the port, instead of its number (kubernetes).'),
    servers: TextList([], "Name servers as `host` or `host:port`; the system's if empty (dns)."),
    namespace: Text('', "Namespace; the gateway's own if empty (kubernetes)."),
    service: Text('', 'Service (kubernetes).'),
    selector: Text('', 'Label selector of EndpointSlices, as `kubectl -l` takes it (kubernetes).'),
    api_server: Text('', "URL of the API server; the cluster's own if empty (kubernetes)."),
    ca_file: Text(`${serviceAccount}/ca.crt`, 'Certificate of its authority (kubernetes).'),
    token_file: Text(`${serviceAccount}/token`, 'Token, read for each request (kubernetes).'),
    socket: Text('/var/run/docker.sock', 'Socket of the engine (docker).'),
    network: Text('', "Network whose addresses are used; a container's only one if empty (docker)."),
    services: TextList(
      ['_ollama._tcp', '_openai._tcp', '_http._tcp'],
      'Service types; `_http._tcp` counts with `txt_key` only (mdns).',
    ),
    txt_key: Text('llm', 'Key of the TXT record that marks a web server as an inference server (mdns).'),
    interface: Text('', "Address of the network interface; the system's choice if empty (mdns)."),
    in_container: Flag(false, 'Also in a container, where multicast usually reaches no one (mdns).'),
    hosts: TextList([], 'Hosts and ports, as `gpu-[01-16]:8000,8001`; networks are refused (scan).'),
    concurrency: Count(16, 'Maximum concurrent probes (scan).', { minimum: 1, maximum: 256 }),
  },
  'One source of endpoints.',
)

export type ProviderConfig = Static<typeof ProviderSchema>

/** Keys that belong to some types only. */
export const keysOfType: Readonly<Record<ProviderType, readonly string[]>> = {
  file: ['path'],
  dns: ['names', 'record', 'port', 'servers', 'scheme', 'remove_after'],
  kubernetes: [
    'namespace',
    'service',
    'selector',
    'api_server',
    'ca_file',
    'token_file',
    'port',
    'port_name',
    'scheme',
  ],
  docker: ['socket', 'network'],
  mdns: ['services', 'txt_key', 'interface', 'in_container'],
  scan: ['hosts', 'concurrency', 'scheme'],
}
