import { type ActionType, actionKinds } from '../model/actions.ts'
import type { Connector, Resolution } from './connector.ts'

/** A connector's answer to "whom do you know by this name?". */
export interface Candidate extends Resolution {
  readonly connector: string
}

/** All configured connectors behind one face. */
export interface Registry {
  /** True when executeResponseAction takes this type in this tenant. */
  isSupported(tenantId: string, actionType: ActionType): Promise<boolean>
  /** Everything that fits the identifier, over all connectors. */
  resolve(
    tenantId: string,
    actionType: ActionType,
    identifier: string,
    parameters?: Readonly<Record<string, unknown>>,
  ): Promise<readonly Candidate[]>
  /** The connector of this name; undefined when it is no longer configured. */
  get(name: string): Connector | undefined
}

/**
 * Puts connectors together. `text` is never supported, the documented eight always, every other type exactly when a connector can do
 * it now.
 * @param options.strictGraph only the documented eight, whatever is configured
 * @source design contract 9
 */
export function createRegistry(connectors: readonly Connector[], options: { readonly strictGraph: boolean }): Registry {
  const byName = new Map(connectors.map((connector) => [connector.name, connector]))
  return {
    get: (name) => byName.get(name),
    isSupported: async (tenantId, actionType) => {
      if (actionType === 'text') return false
      if (actionKinds[actionType].documented) return true
      if (options.strictGraph) return false
      const lists = await Promise.all(connectors.map((connector) => connector.capabilities(tenantId)))
      return lists.flat().some((capability) => capability.actionType === actionType && capability.available)
    },
    resolve: async (tenantId, actionType, identifier, parameters = {}) => {
      const found = await Promise.all(
        connectors.map(async (connector) =>
          (await connector.resolve(tenantId, actionType, identifier, parameters)).map((resolution) => ({
            ...resolution,
            connector: connector.name,
          })),
        ),
      )
      return found.flat()
    },
  }
}
