import type { Source } from '../normalised.ts'
import { aitAds } from './ait-ads.ts'
import { graph } from './graph.ts'
import { suricata } from './suricata.ts'
import { wazuh } from './wazuh.ts'

/** Every source by its name in the URL and on the command line. One line per source. */
export const sources: Readonly<Record<string, Source>> = {
  suricata,
  wazuh,
  graph,
  'ait-ads': aitAds,
}

/** The source of that name; null when there is none. */
export function findSource(name: string): Source | null {
  return Object.hasOwn(sources, name) ? (sources[name] ?? null) : null
}
