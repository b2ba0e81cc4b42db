/** The keys of a service, in one slot of a cluster: its last beats, and the states of its instances. */
export function serviceKeys(keyPrefix: string, service: string): readonly [string, string] {
  const beats = `${keyPrefix}heartbeats:{${service}}`;
  return [beats, `${beats}:states`];
}

/** The key of the services that have beaten. */
export function servicesKey(keyPrefix: string): string {
  return `${keyPrefix}heartbeats`;
}
